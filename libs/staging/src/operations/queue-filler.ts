import { Inject, Injectable } from '@nestjs/common';
import { AppLogger } from '@app/logging';
import { JOB_QUEUE, type JobQueue } from '@app/queue';
import { BatchRepository, OperationRepository, type StagingRecord } from '@app/records';
import { jobOf } from './job-of';

/** Batches whose state is kept in mind at most. */
const MAX_KNOWN = 10_000;

/** Fills the queue from the records, which are the truth of what is to be done. */
@Injectable()
export class QueueFiller {
  constructor(
    private readonly records: OperationRepository,
    private readonly batches: BatchRepository,
    @Inject(JOB_QUEUE) private readonly queue: JobQueue,
    private readonly logger: AppLogger,
  ) {}

  /** Fills it where more operations wait in the records than in the queue. Throws `queue_unavailable`, `database_unavailable`. */
  async fillIfShort(): Promise<void> {
    const { waiting } = await this.queue.depth();
    if ((await this.records.countQueued()) > waiting) await this.fill();
  }

  /**
   * Adds all operations that wait, oldest first; those that are in the queue stay where they are. Returns how many there
   * are. Throws as {@link fillIfShort} does.
   */
  async fill(): Promise<number> {
    let count = 0;
    const accepted = new Map<string, boolean>();
    for await (const records of this.records.eachQueued()) {
      const ready: StagingRecord[] = [];
      for (const record of records) if (await this.isAccepted(record, accepted)) ready.push(record);
      await this.queue.add(ready.map(jobOf));
      count += ready.length;
    }
    this.logger.info('The queue was filled from the records', { operations: count });
    return count;
  }

  /** What belongs to a batch whose sender has no answer yet is not to begin. */
  private async isAccepted({ batchId }: StagingRecord, known: Map<string, boolean>): Promise<boolean> {
    if (batchId === null) return true;
    if (known.size >= MAX_KNOWN) known.clear();
    const isAccepted = known.get(batchId) ?? (await this.batches.find(batchId))?.acceptedAt !== null;
    known.set(batchId, isAccepted);
    return isAccepted;
  }
}
