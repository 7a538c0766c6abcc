import { Injectable } from '@nestjs/common';
import { OperationRepository, type StagingRecord } from '@app/records';
import { toldFailureOf } from '@app/staging';

/** Finds what an earlier request with the same key made. */
@Injectable()
export class EarlierOperations {
  constructor(private readonly records: OperationRepository) {}

  /**
   * The operation as it is now: a success, or one that has not ended; null when there is none. Throws the failure of one
   * that failed or was cancelled, as whoever waited for it was told.
   */
  async find(id: string): Promise<StagingRecord | null> {
    const record = await this.records.find(id);
    const failure = record && toldFailureOf(record);
    if (failure) throw failure;
    return record;
  }
}
