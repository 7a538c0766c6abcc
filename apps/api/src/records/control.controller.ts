import { Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiTags } from '@nestjs/swagger';
import { type Request, type Response } from 'express';
import { type Caller } from '@app/auth';
import { Settings } from '@app/core';
import { type StagingRecord } from '@app/records';
import { cancelledOnRequest, MethodRegistry, OperationControl } from '@app/staging';
import { Access, SignedIn } from '../auth/access.decorator';
import { DownloadLinks } from '../downloads/download-links';
import { OPERATION_ID_HEADER } from '../http/request-context';
import { CALLER_TOKEN_HEADER, callerToken } from '../staging/caller-token';
import { ApiControl } from './control-docs.decorator';
import { OperationIdDto } from './dto/operation-id.dto';
import { type OperationDto } from './dto/operation.dto';
import { OperationFinder } from './operation-finder';
import { OperationViews } from './operation-views';

/** Ending operations, trying them again, removing what they staged. */
@ApiTags('operations')
@Access('signed-in')
@Controller('operations')
export class ControlController {
  constructor(
    private readonly finder: OperationFinder,
    private readonly views: OperationViews,
    private readonly control: OperationControl,
    private readonly methods: MethodRegistry,
    private readonly links: DownloadLinks,
    private readonly settings: Settings,
  ) {}

  @Post(':id/cancel')
  @HttpCode(202)
  @ApiControl({
    operationId: 'cancelOperation',
    summary: 'Cancel an operation',
    description:
      'One that waits is `cancelled` at once. One that runs is asked to end, and leaves nothing behind; one that is about to end anyway may still succeed. A download whose link still works becomes `cancelled`: its links stop working, and what is under way breaks off.',
    codes: ['already_ended'],
  })
  async cancel(
    @Param() { id }: OperationIdDto,
    @SignedIn() caller: Caller,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OperationDto> {
    const record = await this.finder.find(id, caller);
    const reason = cancelledOnRequest();
    const isRevoked = await this.links.revoke(record, reason);
    return this.answer(isRevoked ? record : await this.control.cancel(record), response);
  }

  @Post(':id/retry')
  @HttpCode(202)
  @ApiControl({
    operationId: 'retryOperation',
    summary: 'Try an operation again',
    description:
      'For one that failed or was cancelled: the same operation waits for its turn again, with `attempts` one higher; what came before is at `/operations/{id}/attempts`. What went well, has not ended, or could only fail again is refused.',
    codes: ['not_retryable', 'quota_exceeded', 'shutting_down'],
  })
  @ApiHeader({
    name: CALLER_TOKEN_HEADER,
    required: false,
    description:
      "For `jupyter_copy`: the caller's own token for the JupyterHub. Used for this attempt, which then begins at once, and kept nowhere.",
    schema: { type: 'string', example: 'b3f1c0de' },
  })
  async retry(
    @Param() { id }: OperationIdDto,
    @SignedIn() caller: Caller,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OperationDto> {
    const record = await this.finder.find(id, caller);
    const isRemote = this.methods.find(record.method)?.capabilities.destination === 'remote';
    const token = isRemote ? callerToken(request, this.settings.get('ACCEPT_TOKEN_IN_QUERY')) : null;
    const hooks = { deliver: null, gone: null, callerToken: token };
    return this.answer(await this.control.retry(record, hooks), response);
  }

  @Post(':id/release')
  @HttpCode(202)
  @ApiControl({
    operationId: 'releaseOperation',
    summary: 'Remove what an operation staged',
    description:
      'Removes it in the background if it still equals the manifest and nothing was added: then `released_at` is set. Otherwise all of it stays where it is, and `warning` says why. The source is never touched.',
    codes: ['already_ended', 'shutting_down'],
  })
  async release(
    @Param() { id }: OperationIdDto,
    @SignedIn() caller: Caller,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OperationDto> {
    return this.answer(await this.control.release(await this.finder.find(id, caller)), response);
  }

  private answer(record: StagingRecord, response: Response): Promise<OperationDto> {
    response.setHeader(OPERATION_ID_HEADER, record.id);
    return this.views.of(record);
  }
}
