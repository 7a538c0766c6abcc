import { Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { AppError } from '@app/core';
import { OperationCancelled, RunningOperations } from '@app/staging';
import { DownloadLinks } from '../downloads/download-links';
import { ApiErrors } from '../http/api-errors.decorator';
import { OperationIdDto } from './dto/operation-id.dto';
import { OperationDto } from './dto/operation.dto';
import { operationDto } from './operation-dto';
import { OperationFinder } from './operation-finder';

/** Ending operations before they end by themselves. */
@ApiTags('operations')
@Controller('operations')
export class CancelController {
  constructor(
    private readonly finder: OperationFinder,
    private readonly running: RunningOperations,
    private readonly links: DownloadLinks,
  ) {}

  @Post(':id/cancel')
  @HttpCode(202)
  @ApiOperation({
    operationId: 'cancelOperation',
    summary: 'Cancel an operation',
    description:
      'One that runs is asked to end, and leaves nothing behind; one that is about to end anyway may still succeed. A download whose link still works becomes `cancelled`: its links stop working, and what is under way breaks off.',
  })
  @ApiResponse({ status: 202, description: 'The operation as it is now.', type: OperationDto })
  @ApiErrors({
    path: '/operations/01981f7e/cancel',
    codes: ['not_found', 'database_unavailable'],
    ofOperations: ['already_ended'],
  })
  async cancel(@Param() { id }: OperationIdDto): Promise<OperationDto> {
    const record = await this.finder.find(id);
    const reason = new OperationCancelled('It was cancelled on request.');
    const isEnding = this.running.cancel(id, reason) || (await this.links.revoke(record, reason));
    if (!isEnding) throw alreadyEnded().ofOperation(id);
    return operationDto(record);
  }
}

function alreadyEnded(): AppError {
  return new AppError('already_ended', 'The operation has ended already; there is nothing to cancel.');
}
