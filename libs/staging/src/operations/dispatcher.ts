import { Injectable } from '@nestjs/common';
import { type StagingRecord } from '@app/records';

/** Room for jobs in a user's line, until they are in it. */
export interface Admission {
  /** They are in the queue, or will never be. */
  done(): void;
}

/** Brings operations to the queue, and back from there to be done. */
@Injectable()
export class Dispatcher {
  /** Tells the queue of queued records, which are in the database already. */
  enqueue(_records: readonly StagingRecord[]): Promise<void> {
    return Promise.reject(new Error('not there yet'));
  }

  /** Asks an operation that runs to end, for this reason; false when it does not run here. */
  abort(_id: string, _reason: Error): Promise<boolean> {
    return Promise.reject(new Error('not there yet'));
  }

  /** Makes room for `jobs` more in a user's line. Throws `quota_exceeded` beyond the site's limit. */
  admit(_user: string, _jobs: number): Admission {
    return { done: () => undefined };
  }
}
