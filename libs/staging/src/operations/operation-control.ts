import { Injectable } from '@nestjs/common';
import { type StagingRecord } from '@app/records';
import { type CallerHooks } from '../contract/staging-method';

/** What may be asked of an operation that is there already. */
@Injectable()
export class OperationControl {
  /** Ends one that has not ended: resolves with its record as it is then. Throws `already_ended`. */
  cancel(_record: StagingRecord): Promise<StagingRecord> {
    return Promise.reject(new Error('not there yet'));
  }

  /** Tries one again that failed or was cancelled. Throws `not_retryable`, `quota_exceeded`, `shutting_down`. */
  retry(_record: StagingRecord, _hooks?: CallerHooks): Promise<StagingRecord> {
    return Promise.reject(new Error('not there yet'));
  }

  /** Removes what it staged, in the background. Throws `already_ended` when there is nothing to remove. */
  release(_record: StagingRecord): Promise<StagingRecord> {
    return Promise.reject(new Error('not there yet'));
  }
}
