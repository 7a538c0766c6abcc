import { Controller, HttpCode, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBody, ApiExtraModels, ApiOkResponse, ApiOperation, ApiTags, getSchemaPath } from '@nestjs/swagger';
import { type Request, type Response } from 'express';
import { type Caller } from '@app/auth';
import { type BatchItem, PlanService } from '@app/staging';
import { Access, SignedIn } from '../auth/access.decorator';
import { checkMayActFor } from '../auth/ownership';
import { BatchItems, type ItemsRequest } from '../batches/batch-items';
import { BatchQueryDto } from '../batches/dto/batch-query.dto';
import { BatchBodyDto } from '../batches/dto/batch.dto';
import { ApiErrors } from '../http/api-errors.decorator';
import { hangUpSignal } from '../http/hang-up-signal';
import { readStreamedBody, type StreamedBody } from '../http/item-stream-body';
import { STREAMED_LIMIT } from '../http/json-body';
import { streamText } from '../http/plain-text';
import { StageDataDto } from '../staging/dto/stage-data.dto';
import { PlanDto } from './dto/plan.dto';
import { planText } from './plan-stream';
import { PlanSums } from './plan-sums';
import { singleBody } from './single-body';

/** Looking ahead. */
@ApiTags('staging')
@Access('signed-in')
@Controller()
export class PlanController {
  constructor(
    private readonly planning: PlanService,
    private readonly items: BatchItems,
  ) {}

  @Post('stage_data/plan')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'planStaging',
    summary: 'Tell what staging would do',
    description:
      'Takes the body of `POST /stage_data` or of `POST /stage_data/batch`, and tells of each item what would happen and why, and how much space would be left. Touches and records nothing: what is told is true of this moment. An item that would be refused is no error. The answer is sent while it becomes known; one that breaks off is not complete.',
  })
  @ApiExtraModels(StageDataDto, BatchBodyDto)
  @ApiBody({ schema: { oneOf: [StageDataDto, BatchBodyDto].map((body) => ({ $ref: getSchemaPath(body) })) } })
  @ApiOkResponse({ description: 'What would happen.', type: PlanDto })
  @ApiErrors({
    path: '/stage_data/plan',
    codes: ['validation_failed', 'unsupported_media_type', 'payload_too_large'],
  })
  async plan(
    @Query() query: BatchQueryDto,
    @SignedIn() caller: Caller,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    checkMayActFor(caller, query.username);
    const signal = hangUpSignal(response);
    const { method, username, server } = query;
    const asked = { method, username, server, requestedBy: caller.identity };
    const body = await readStreamedBody(request, STREAMED_LIMIT);
    const items = await this.itemsOf(body, asked);
    const planning = this.planning.begin();
    const sums = new PlanSums();
    const chunks = planText(items, (item) => planning.plan({ ...item, ...asked }, signal), sums);
    await streamText(response, chunks, 'application/json; charset=utf-8');
  }

  /** The items of a body, all of them checked. Throws `validation_failed`. */
  private async itemsOf(body: StreamedBody, asked: ItemsRequest): Promise<AsyncIterable<BatchItem[]>> {
    const single = singleBody(body);
    if (single !== undefined) return just([await this.items.single(single, asked)]);
    await this.items.check(body, asked);
    return this.items.each(body);
  }
}

// eslint-disable-next-line @typescript-eslint/require-await -- one that is known has the form of those that are read
async function* just(items: BatchItem[]): AsyncGenerator<BatchItem[]> {
  yield items;
}
