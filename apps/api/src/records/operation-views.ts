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
  async of(record: StagingRecord, downloadUrl: string | null = null): Promise<OperationDto> {
    return operationDto(record, await this.live.factsOf(record), downloadUrl);
  }

  /** The same, where it is known already why the operation waits. */
  now(record: StagingRecord, waitReason: string | null): OperationDto {
    return operationDto(record, this.live.factsNow(record, waitReason), null);
  }

  /** Why an operation waits; null: it does not. */
  waitReasonOf(record: StagingRecord): Promise<string | null> {
    return this.live.waitReasonOf(record);
  }
}
