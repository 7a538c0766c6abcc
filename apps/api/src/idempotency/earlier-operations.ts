import { Injectable } from '@nestjs/common';
import { AppError, ERROR_CODES, type ErrorCode } from '@app/core';
import { OperationRepository, type StagingRecord } from '@app/records';

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
    if (record?.status === 'failure' || record?.status === 'cancelled') throw failureOf(record);
    return record;
  }
}

function failureOf({ id, status, errorCode, errorReason }: StagingRecord): AppError {
  const code = status === 'cancelled' ? 'already_ended' : codeOf(errorCode);
  return new AppError(code, errorReason ?? 'The operation failed; its record tells more.').ofOperation(id);
}

/** The code of a record, which may be of another version of the service. */
function codeOf(text: string | null): ErrorCode {
  return ERROR_CODES.find((code) => code === text) ?? 'internal_error';
}
