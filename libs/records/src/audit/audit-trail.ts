import { v7 } from 'uuid';
import { DatabaseUnavailable, isDuplicate } from '../database/database-errors';
import { type NewAuditEntry, StagingAudit } from '../entities/staging-audit.entity';
import { type AuditRepository } from './audit.repository';
import { RepeatedEntries } from './repeated-entries';

/** Entries that wait for the database at most. */
export const MAX_WAITING = 10_000;
/** Entries that are written by one statement. */
const AT_ONCE = 200;
const PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 15_000;
/** How long what comes again and again is counted before it is told. */
const COUNT_MS = 60_000;

/**
 * Takes entries of the audit as they come, and brings them to the database a moment later, many at once: nobody waits
 * for that. What the database does not take is brought again, until it does; beyond {@link MAX_WAITING} the oldest are
 * given up, and told to `onLost`, as is what the database refuses.
 */
export class AuditTrail {
  private waiting: StagingAudit[] = [];
  private readonly repeated = new RepeatedEntries();
  private timer: NodeJS.Timeout | undefined;
  private counting: NodeJS.Timeout | undefined;
  private writing: Promise<void> | undefined;
  private pauseMs = PAUSE_MS;
  /** The database did not answer for what is written first, and may have taken it all the same. */
  private isUnsure = false;

  constructor(
    private readonly entries: AuditRepository,
    private readonly onLost: (entry: StagingAudit, reason: unknown) => void,
  ) {}

  /** Never throws. Of entries that are to be counted one is entered, and how many were like it, once a minute. */
  add(entry: NewAuditEntry, isCounted: boolean): void {
    if (!isCounted || this.repeated.isFirst(entry)) this.enter(entry, 1);
    if (!this.repeated.isEmpty) this.counting ??= setTimeout(() => this.tellRepeated(), COUNT_MS).unref();
  }

  /** Writes all that waits and was counted, once. Never throws: what the database does not take is lost. */
  async close(): Promise<void> {
    clearTimeout(this.timer);
    this.tellRepeated();
    clearTimeout(this.timer);
    await this.writing;
    await this.write();
    const lost = this.waiting.splice(0);
    for (const entry of lost) this.onLost(entry, new Error('The service stopped'));
  }

  private tellRepeated(): void {
    clearTimeout(this.counting);
    this.counting = undefined;
    for (const { entry, times } of this.repeated.end()) this.enter(entry, times);
  }

  private enter(entry: NewAuditEntry, times: number): void {
    this.waiting.push(Object.assign(new StagingAudit(), entry, { id: v7(), at: new Date(), times }));
    if (this.waiting.length > MAX_WAITING) {
      this.onLost(this.waiting.shift()!, new Error(`More than ${MAX_WAITING} entries wait for the database`));
    }
    this.schedule();
  }

  private schedule(): void {
    if (this.timer || this.writing || this.waiting.length === 0) return;
    this.timer = setTimeout(() => void this.write(), this.pauseMs).unref();
  }

  private write(): Promise<void> {
    this.timer = undefined;
    this.writing ??= this.writeAll().finally(() => {
      this.writing = undefined;
      this.schedule();
    });
    return this.writing;
  }

  /** Writes what waits, the oldest first, until all is written or the database does not answer. */
  private async writeAll(): Promise<void> {
    while (this.waiting.length > 0) {
      const part = this.waiting.slice(0, AT_ONCE);
      try {
        await this.bring(part);
        this.pauseMs = PAUSE_MS;
      } catch (error) {
        const isAway = error instanceof DatabaseUnavailable;
        // A statement that nobody waited for any more took effect: a further look tells what is left.
        const isLate = isDuplicate(error);
        this.isUnsure ||= isAway || isLate;
        if (isLate) continue;
        if (isAway) {
          this.pauseMs = Math.min(2 * this.pauseMs, LONGEST_PAUSE_MS);
          return;
        }
        for (const entry of part) this.onLost(entry, error);
      }
      // Not by number: the oldest may have been given up meanwhile.
      const done = new Set(part);
      this.waiting = this.waiting.filter((entry) => !done.has(entry));
    }
  }

  private async bring(part: StagingAudit[]): Promise<void> {
    const known = this.isUnsure ? await this.entries.known(part.map(({ id }) => id)) : new Set<string>();
    const open = part.filter(({ id }) => !known.has(id));
    if (open.length > 0) await this.entries.add(open);
    this.isUnsure = false;
  }
}
