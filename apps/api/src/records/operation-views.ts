import { Injectable } from '@nestjs/common';
import { type StagingRecord } from '@app/records';
import { LiveOperations } from '@app/staging';
import { type OperationDto } from './dto/operation.dto';
import { operationDto } from './operation-dto';

/** Operations as callers see them now: what their records say, and what is known of those that have not ended. */
@Injectable()
export class OperationViews {
  constructor(private readonly live: LiveOperations) {}

  /** `downloadUrl` is for whoever made the operation, in the answer to that alone. */
  of(record: StagingRecord, downloadUrl: string | null = null): OperationDto {
    return operationDto(record, this.live.factsOf(record), downloadUrl);
  }
}
