import { Body, Controller, HttpCode, Post, Query, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Request, type Response } from 'express';
import { type Caller } from '@app/auth';
import { Settings } from '@app/core';
import { type StagingRecord } from '@app/records';
import { type CallerHooks, MethodRegistry, OperationCancelled, StagingService } from '@app/staging';
import { Access, SignedIn } from '../auth/access.decorator';
import { checkMayActFor } from '../auth/ownership';
import { DownloadLinks } from '../downloads/download-links';
import { Downloads } from '../downloads/downloads.service';
import { RECEIVER_LEFT } from '../downloads/paced-sender';
import { hangUpSignal } from '../http/hang-up-signal';
import { appliedOf, type Preferences, preferencesOf } from '../http/preferences';
import { OPERATION_ID_HEADER, traceParentOf } from '../http/request-context';
import { EarlierOperations } from '../idempotency/earlier-operations';
import { Idempotency } from '../idempotency/idempotency';
import { OperationViews } from '../records/operation-views';
import { publicPrefix } from '../site/public-prefix';
import { type AnswerForm, answerForm } from './answer-form';
import { BackgroundStaging } from './background-staging';
import { callerToken } from './caller-token';
import { StageDataDto } from './dto/stage-data.dto';
import { StageQueryDto } from './dto/stage-query.dto';
import { requestedItem } from './requested-item';
import { ApiStageData } from './stage-data-docs.decorator';
import { stageAnswer } from './stage-answer';

/** Staging itself. */
@ApiTags('staging')
@Access('signed-in')
@Controller()
export class StagingController {
  constructor(
    private readonly staging: StagingService,
    private readonly background: BackgroundStaging,
    private readonly methods: MethodRegistry,
    private readonly downloads: Downloads,
    private readonly links: DownloadLinks,
    private readonly idempotency: Idempotency,
    private readonly earlier: EarlierOperations,
    private readonly views: OperationViews,
    private readonly settings: Settings,
  ) {}

  @Post('stage_data')
  @HttpCode(200)
  @ApiStageData()
  async stageData(
    @Query() query: StageQueryDto,
    @Body() body: StageDataDto,
    @SignedIn() caller: Caller,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { username, method, server, archive } = query;
    checkMayActFor(caller, username);
    const form = this.formOf(query, request, response);
    const hooks = this.hooksFor(form, query, request, response);
    const preferences = this.preferencesFor(query, request);
    // From here on: a caller may hang up before there is anything to wait for.
    const gone = hangUpSignal(response);
    const record = await this.idempotency.run(request, {
      ...{
        scope: caller.identity ?? username,
        method,
        route: '/stage_data',
        payload: { query: { server, archive }, body },
      },
      first: (operationId) => {
        const from = { requestedBy: caller.identity, traceParent: traceParentOf(response) };
        const asked = { ...requestedItem(body), method, username, server, operationId, ...from };
        if (!preferences) return this.staging.stage(asked, hooks);
        tellApplied(response, preferences);
        return this.background.submit(asked, hooks, preferences, gone);
      },
      again: (id) => {
        // A repeat is answered at once.
        if (preferences) tellApplied(response, { ...preferences, waitSeconds: null });
        return this.earlier.find(id);
      },
      subjectOf: ({ id }) => id,
    });
    // What was delivered is the answer.
    if (!response.headersSent) await this.answer(record, form, archive, response);
  }

  private async answer(
    record: StagingRecord,
    form: AnswerForm,
    archive: StageQueryDto['archive'],
    response: Response,
  ): Promise<void> {
    response.setHeader(OPERATION_ID_HEADER, record.id);
    if (form === 'async') response.setHeader('Preference-Applied', 'respond-async');
    if (form === 'async' || record.status !== 'success') {
      response.status(202);
      response.setHeader('Location', `${publicPrefix(this.settings)}/operations/${record.id}`);
    }
    const operation = await this.views.of(record, this.links.urlOf(record, archive));
    response.json(stageAnswer(record, operation, this.settings.get('USER_VIEW_PREFIX')));
  }

  /** How the caller wants to wait; null for those who wait for the end, and for what ends at once anyway. */
  private preferencesFor({ method }: StageQueryDto, request: Request): Preferences | null {
    if (this.methods.find(method)?.capabilities.destination === 'none') return null;
    const preferences = preferencesOf(request);
    return appliedOf(preferences) === '' ? null : preferences;
  }

  /** Only a method that delivers has more than one form of answer. */
  private formOf({ method }: StageQueryDto, request: Request, response: Response): AnswerForm {
    if (this.methods.find(method)?.capabilities.destination !== 'none') return 'json';
    response.vary('Accept, Prefer');
    return answerForm(request);
  }

  private hooksFor(form: AnswerForm, query: StageQueryDto, request: Request, response: Response): CallerHooks {
    const isRemote = this.methods.find(query.method)?.capabilities.destination === 'remote';
    return {
      deliver: form === 'content' ? this.downloads.delivererTo(response, query.archive) : null,
      gone: form === 'content' ? hangUpSignal(response, new OperationCancelled(RECEIVER_LEFT, 0)) : null,
      callerToken: isRemote ? callerToken(request, this.settings.get('ACCEPT_TOKEN_IN_QUERY')) : null,
    };
  }
}

function tellApplied(response: Response, preferences: Preferences): void {
  const applied = appliedOf(preferences);
  if (applied !== '') response.setHeader('Preference-Applied', applied);
}
