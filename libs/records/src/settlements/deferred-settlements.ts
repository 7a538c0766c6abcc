import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { type EntityManager } from 'typeorm';
import { type Database } from '../database/database';
import { DatabaseUnavailable, isDuplicate } from '../database/database-errors';
import { type NewStagingFile } from '../entities/staging-file.entity';
import { type StagingRecord } from '../entities/staging-record.entity';
import { insertFiles, type ManifestRepository } from '../manifest/manifest.repository';
import { insertRecord, updateAttempt } from '../operations/record-statements';

/** Settlements that are kept at most; each holds a record and the last lines of its manifest. */
export const MAX_PENDING = 10_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const FLUSH_MS = 10_000;
const FLUSH_PAUSE_MS = 200;

interface Settlement {
  record: StagingRecord;
  rows: NewStagingFile[];
}

/**
 * Ends of operations that the database has not taken yet. They are brought there in the background, again and again,
 * until it takes them, so that no operation which has ended stays `running`. Whatever the database did, or still does
 * when it wakes up, with statements whose answers were lost: the end written here wins over a record that is `queued` or
 * `running`, and yields to an end that is there. What does not end as a success keeps no manifest.
 */
export class DeferredSettlements {
  private readonly waiting = new Map<string, Settlement>();
  private timer: NodeJS.Timeout | undefined;
  private pauseMs = FIRST_PAUSE_MS;
  private writing: Promise<void> | undefined;
  private closed = false;

  constructor(
    private readonly database: Database,
    private readonly manifest: ManifestRepository,
    private readonly onLost: (record: StagingRecord, reason: unknown) => void,
  ) {}

  /** Settlements that the database has not taken yet. */
  get pending(): number {
    return this.waiting.size;
  }

  /**
   * Brings the end of an operation to the database as soon as possible: `record` is the whole record as it ended, `rows`
   * what its manifest still lacks. Never throws; when too many wait, the oldest is given up.
   */
  settleLater(record: StagingRecord, rows: NewStagingFile[] = []): void {
    const settlement = { record: { ...record }, rows };
    this.waiting.delete(record.id);
    this.waiting.set(record.id, settlement);
    if (this.closed) return this.giveUp(settlement, stopped());
    if (this.waiting.size > MAX_PENDING) {
      const [oldest] = this.waiting.values();
      this.giveUp(oldest!, new Error(`More than ${MAX_PENDING} settlements wait for the database`));
    }
    this.schedule();
  }

  /** Waits until all are written, `timeoutMs` at most. Never throws. */
  async flush(timeoutMs = FLUSH_MS): Promise<void> {
    const enough = new AbortController();
    const timer = setTimeout(() => enough.abort(), timeoutMs);
    await Promise.race([this.writeUntil(enough.signal), once(enough.signal, 'abort')]);
    clearTimeout(timer);
  }

  /** Ends the trying, and gives up what waits. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    for (const settlement of this.waiting.values()) this.giveUp(settlement, stopped());
  }

  private async writeUntil(signal: AbortSignal): Promise<void> {
    while (this.waiting.size > 0 && !signal.aborted) {
      await this.write();
      if (this.waiting.size > 0) await delay(FLUSH_PAUSE_MS);
    }
  }

  private schedule(): void {
    if (this.timer || this.waiting.size === 0 || this.closed) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.write().then(() => this.schedule());
    }, this.pauseMs);
    // What runs on its own must not keep the process alive; `flush` is there for its end.
    this.timer.unref();
    this.pauseMs = Math.min(2 * this.pauseMs, LONGEST_PAUSE_MS);
  }

  /** Writes what waits, the oldest first, until all is written or the database does not answer. */
  private write(): Promise<void> {
    this.writing ??= this.writeAll().finally(() => (this.writing = undefined));
    return this.writing;
  }

  private async writeAll(): Promise<void> {
    for (;;) {
      const [settlement] = this.waiting.values();
      if (!settlement) return;
      try {
        await this.database.transaction((manager) => write(manager, settlement));
        const { id, status } = settlement.record;
        // What failed has staged nothing. Whoever else may have ended it did not say otherwise.
        if (status !== 'success') await this.manifest.removeOf(id);
        this.pauseMs = FIRST_PAUSE_MS;
        this.waiting.delete(id);
      } catch (error) {
        if (error instanceof DatabaseUnavailable) return;
        this.giveUp(settlement, error);
      }
    }
  }

  private giveUp({ record }: Settlement, reason: unknown): void {
    this.waiting.delete(record.id);
    this.onLost(record, reason);
  }
}

function stopped(): Error {
  return new Error('The service stopped');
}

async function write(manager: EntityManager, { record, rows }: Settlement): Promise<void> {
  if (await takesEffect(manager, record)) await insertFiles(manager, rows);
}

/** First the INSERT: a late INSERT of the running record then fails, or has come before and is updated. */
async function takesEffect(manager: EntityManager, record: StagingRecord): Promise<boolean> {
  try {
    await insertRecord(manager, record);
    return true;
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    return updateAttempt(manager, record);
  }
}
