import { type Job } from '@app/queue';
import { type StagingRecord } from '@app/records';

/** The queue's view of a record. */
export function jobOf({ id, username: user, batchId: batch, notBefore }: StagingRecord): Job {
  return { id, user, batch, notBefore };
}
