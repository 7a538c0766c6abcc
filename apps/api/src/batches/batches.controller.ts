import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Caller, maySee } from '@app/auth';
import { isOperationId } from '@app/records';
import { BatchService, type BatchState, noSuchBatch } from '@app/staging';
import { Access, SignedIn } from '../auth/access.decorator';
import { visibleTo } from '../auth/ownership';
import { ApiErrors } from '../http/api-errors.decorator';
import { batchDto } from './batch-dto';
import { ApiBatchAction } from './batch-docs.decorator';
import { BatchDto, BatchIdDto } from './dto/batch.dto';
import { BatchPageDto, BatchesQueryDto } from './dto/batches.dto';

/** What became of batches, and what may be asked of them. */
@ApiTags('operations')
@Access('signed-in')
@Controller('batches')
export class BatchesController {
  constructor(private readonly batches: BatchService) {}

  @Get()
  @ApiOperation({ operationId: 'listBatches', summary: 'List batches', description: 'Newest first.' })
  @ApiOkResponse({ description: 'A page of batches.', type: BatchPageDto })
  @ApiErrors({ path: '/batches', codes: ['validation_failed', 'database_unavailable'] })
  async list(@Query() query: BatchesQueryDto, @SignedIn() caller: Caller): Promise<BatchPageDto> {
    const page = await this.batches.page(visibleTo(caller, query.username), query.limit, query.cursor);
    return { items: page.items.map(batchDto), next_cursor: page.nextCursor };
  }

  @Get(':id')
  @ApiOperation({
    operationId: 'getBatch',
    summary: 'Look at a batch',
    description: 'Its operations are listed by `GET /operations?batch_id=`.',
  })
  @ApiOkResponse({ description: 'The batch as it was a second ago at most.', type: BatchDto })
  @ApiErrors({ path: '/batches/01981f7e', codes: ['not_found', 'database_unavailable'] })
  async get(@Param() { id }: BatchIdDto, @SignedIn() caller: Caller): Promise<BatchDto> {
    return batchDto(await this.find(id, caller));
  }

  @Post(':id/cancel')
  @HttpCode(202)
  @ApiBatchAction('cancel', {
    summary: 'Cancel a batch',
    description:
      'Ends all of its operations that have not ended: those that wait at once, those that run as soon as they have tidied up. What is staged already stays.',
  })
  async cancel(@Param() { id }: BatchIdDto, @SignedIn() caller: Caller): Promise<BatchDto> {
    await this.find(id, caller);
    return batchDto(await this.batches.cancel(id));
  }

  @Post(':id/retry')
  @HttpCode(202)
  @ApiBatchAction('retry', {
    summary: 'Try a batch again',
    description:
      'Its operations that failed or were cancelled wait for another attempt, where one makes sense; the others are left alone.',
  })
  async retry(@Param() { id }: BatchIdDto, @SignedIn() caller: Caller): Promise<BatchDto> {
    await this.find(id, caller);
    return batchDto(await this.batches.retry(id));
  }

  /** Throws `not_found`, also for what is no id, or another one's. */
  private async find(id: string, caller: Caller): Promise<BatchState> {
    const batch = isOperationId(id) ? await this.batches.find(id) : null;
    if (!batch || !maySee(caller, batch)) throw noSuchBatch();
    return batch;
  }
}
