import { Controller, HttpCode, Param, Post, Req } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Request } from 'express';
import { Settings } from '@app/core';
import { MethodRegistry, OperationCancelled, OperationControl } from '@app/staging';
import { DownloadLinks } from '../downloads/download-links';
import { callerToken } from '../staging/caller-token';
import { ApiControl } from './control-docs.decorator';
import { OperationIdDto } from './dto/operation-id.dto';
import { type OperationDto } from './dto/operation.dto';
import { OperationFinder } from './operation-finder';
import { OperationViews } from './operation-views';

/** Ending operations, trying them again, removing what they staged. */
@ApiTags('operations')
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
  async cancel(@Param() { id }: OperationIdDto): Promise<OperationDto> {
    const record = await this.finder.find(id);
    const reason = new OperationCancelled('It was cancelled on request.');
    const isRevoked = await this.links.revoke(record, reason);
    return this.views.of(isRevoked ? record : await this.control.cancel(record));
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
  async retry(@Param() { id }: OperationIdDto, @Req() request: Request): Promise<OperationDto> {
    const record = await this.finder.find(id);
    const isRemote = this.methods.find(record.method)?.capabilities.destination === 'remote';
    const token = isRemote ? callerToken(request, this.settings.get('ACCEPT_TOKEN_IN_QUERY')) : null;
    return this.views.of(await this.control.retry(record, { deliver: null, gone: null, callerToken: token }));
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
  async release(@Param() { id }: OperationIdDto): Promise<OperationDto> {
    return this.views.of(await this.control.release(await this.finder.find(id)));
  }
}
