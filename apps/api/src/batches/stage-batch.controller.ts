import { Controller, HttpCode, Post, Query, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Request, type Response } from 'express';
import { type Caller } from '@app/auth';
import { Settings } from '@app/core';
import { BatchService, type BatchState } from '@app/staging';
import { Access, SignedIn } from '../auth/access.decorator';
import { checkMayActFor } from '../auth/ownership';
import { readStreamedBody } from '../http/item-stream-body';
import { STREAMED_LIMIT } from '../http/json-body';
import { traceParentOf } from '../http/request-context';
import { Idempotency } from '../idempotency/idempotency';
import { idempotencyKey } from '../idempotency/idempotency-key';
import { publicPrefix } from '../site/public-prefix';
import { batchAcceptedDto } from './batch-dto';
import { ApiStageBatch } from './batch-docs.decorator';
import { BatchItems } from './batch-items';
import { BatchQueryDto } from './dto/batch-query.dto';
import { type BatchAcceptedDto } from './dto/batch.dto';

/** Staging of many sources at once. */
@ApiTags('staging')
@Access('signed-in')
@Controller()
export class StageBatchController {
  constructor(
    private readonly batches: BatchService,
    private readonly items: BatchItems,
    private readonly idempotency: Idempotency,
    private readonly settings: Settings,
  ) {}

  @Post('stage_data/batch')
  @HttpCode(202)
  @ApiStageBatch()
  async stageBatch(
    @Query() query: BatchQueryDto,
    @SignedIn() caller: Caller,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<BatchAcceptedDto> {
    const { method, username, server } = query;
    checkMayActFor(caller, username);
    const hasKey = idempotencyKey(request) !== null;
    const body = await readStreamedBody(request, STREAMED_LIMIT);
    const asked = { method, username, server, requestedBy: caller.identity, traceParent: traceParentOf(response) };
    const count = await this.items.check(body, asked);
    const batch = await this.idempotency.run<BatchState>(request, {
      scope: caller.identity ?? username,
      method,
      route: '/stage_data/batch',
      payload: { server, body: hasKey ? await body.digest() : '' },
      first: (batchId) => this.batches.accept({ ...asked, batchId, count }, this.items.each(body)),
      again: (batchId) => this.batches.find(batchId),
    });
    response.setHeader('Location', `${publicPrefix(this.settings)}/batches/${batch.id}`);
    return batchAcceptedDto(batch);
  }
}
