import { Injectable } from '@nestjs/common';
import { traceFields } from '@app/core';
import { LeftOvers, readDestination } from '@app/files';
import { AppLogger } from '@app/logging';
import { OperationRepository, type StagingRecord } from '@app/records';
import { privateNamesOf } from './private-names';

/**
 * Removes what lies in private directories of operations that have ended; nothing else ever is. What cannot be removed
 * now is later: when {@link sweep} is called next, or by the next process.
 */
@Injectable()
export class LeftOverSweeper {
  /** Ended operations whose private directories could not be removed yet. */
  private readonly unswept = new Map<string, StagingRecord>();
  /** By operation: what is being removed. */
  private readonly removals = new Map<string, Promise<void>>();
  private readonly batches = new Set<Promise<void>>();
  /** Operations whose receipts are to be removed, and the removal of those before. */
  private readonly receipts: string[] = [];
  private dropping: Promise<void> | undefined;
  /** Directories without a record, so that each is told once. */
  private readonly strangers = new Set<string>();

  constructor(
    private readonly leftOvers: LeftOvers,
    private readonly records: OperationRepository,
    private readonly logger: AppLogger,
  ) {}

  /** Begins to remove what an operation that has ended may have left. */
  remove(record: StagingRecord): void {
    void this.removeOne(record);
  }

  /** Begins to remove the receipts of an operation whose end was recorded just now: those that come meanwhile go together. */
  dropReceipt(record: StagingRecord): void {
    const { own, earlier } = privateNamesOf(record);
    this.receipts.push(own, ...earlier);
    this.dropping ??= this.dropReceipts().finally(() => (this.dropping = undefined));
  }

  private async dropReceipts(): Promise<void> {
    while (this.receipts.length > 0) {
      const names = this.receipts.splice(0);
      try {
        await this.leftOvers.dropReceipts(names);
      } catch (error) {
        // The next start finds them.
        this.logger.warning('Could not remove the receipts of operations that have ended', {
          count: names.length,
          error,
        });
      }
    }
  }

  /** Leaves it to the next {@link sweep} to remove what an operation left that was settled for a dead process. */
  add(record: StagingRecord): void {
    this.unswept.set(record.id, record);
  }

  /** Begins to remove what the cancelled operations of a batch kept for their next attempt. */
  removeOfBatch(batchId: string): void {
    const removal = this.removeEach(batchId)
      .catch((error: unknown) => {
        this.logger.warning('Could not clean up after a batch; it is tried again', { batch_id: batchId, error });
      })
      .finally(() => this.batches.delete(removal));
    this.batches.add(removal);
  }

  /** Resolves when nothing of an operation is being removed: from then on its next attempt may use its directory. */
  async untilFree(id: string): Promise<void> {
    await this.removals.get(id);
  }

  /** Removes what every ended operation left below the target root, and what could not be removed before. */
  async sweep(): Promise<void> {
    try {
      await this.look();
    } catch (error) {
      this.logger.warning('Could not look for what ended operations left; it is tried again', { error });
    }
    for (const record of [...this.unswept.values()]) {
      if (!(await this.removeOne(record))) continue;
      this.logger.info('Removed what an ended operation left', fieldsOf(record));
    }
  }

  /** Resolves when nothing is being removed. */
  async idle(): Promise<void> {
    await Promise.all([...this.batches, ...this.removals.values(), this.dropping]);
  }

  private async look(): Promise<void> {
    const listed = await this.leftOvers.list();
    for (const id of this.strangers) if (!listed.includes(id)) this.strangers.delete(id);
    for (const id of listed) {
      if (this.strangers.has(id)) continue;
      const record = await this.records.find(id);
      if (record && record.finishedAt === null) continue; // alive, or goes on from there
      if (record) this.unswept.set(id, record);
      else this.tellOfStranger(id);
    }
  }

  private tellOfStranger(id: string): void {
    this.strangers.add(id);
    this.logger.warning('A private directory has no record here; it is left alone', { operation_id: id });
  }

  private async removeEach(batchId: string): Promise<void> {
    for await (const records of this.records.eachOf(batchId, 'cancelled')) {
      for (const record of records) {
        // On a storage that is away the others would fail as well.
        if (record.attempts > 1 && !(await this.removeOne(record))) return;
      }
    }
  }

  /** False when it could not be done now. */
  private async removeOne(record: StagingRecord): Promise<boolean> {
    const { id } = record;
    const removal = this.removals.get(id) ?? this.tryRemove(record);
    // Kept before anything is waited for: a further attempt that begins meanwhile waits for it.
    this.removals.set(id, removal);
    await removal;
    this.removals.delete(id);
    return !this.unswept.has(id);
  }

  private async tryRemove(record: StagingRecord): Promise<void> {
    const { id } = record;
    this.unswept.set(id, record);
    try {
      const now = await this.records.find(id);
      // Somebody had it tried again meanwhile: the directory is in use.
      if (now?.finishedAt !== null) {
        const { own, earlier } = privateNamesOf(now ?? record);
        await this.leftOvers.remove(id, destinationOf(record), [own, ...earlier]);
      }
      this.unswept.delete(id);
    } catch (error) {
      this.logger.warning('Could not remove what an ended operation left; it is tried again', {
        ...fieldsOf(record),
        error,
      });
    }
  }
}

function fieldsOf({ id, traceParent }: StagingRecord): Record<string, unknown> {
  return { operation_id: id, ...traceFields(traceParent) };
}

function destinationOf(record: StagingRecord): Parameters<LeftOvers['remove']>[1] {
  if (!record.relativePath) return null;
  return { username: record.username, path: readDestination(record.relativePath, record.nameEncoding) };
}
