import type { LogEntry } from '../../api/types';

/** Lines that are kept at most: older ones are behind "history" again. */
export const MAX_LINES = 100_000;
/** Lines that went and are kept in memory yet: the lower, the more often all others are copied. */
const MAX_GONE = 10_000;

/**
 * The lines of a log view, the oldest first. Lines that happen are added behind, history in front; both in one go, however
 * many they are. Each line has a number of its own, by which it stays the same line when others come before it. A new object each
 * time, so that React sees the change; all that were made by `append` share one array, which only grows: adding costs what is
 * added, not what is there.
 */
export class LogLines {
  private constructor(
    private readonly shared: LogEntry[],
    /** Where these lines are in it. */
    private readonly start: number,
    private readonly end: number,
    /** The number of the first of them. */
    readonly firstKey: number,
  ) {}

  static readonly empty = new LogLines([], 0, 0, 0);

  get length(): number {
    return this.end - this.start;
  }

  /** The number of the line after the last. */
  get nextKey(): number {
    return this.firstKey + this.length;
  }

  /** The line at a place, counted from the oldest. */
  at(index: number): LogEntry | undefined {
    return index >= 0 && index < this.length ? this.shared[this.start + index] : undefined;
  }

  /** The lines as a list of their own. */
  toArray(): LogEntry[] {
    return this.shared.slice(this.start, this.end);
  }

  append(entries: readonly LogEntry[]): LogLines {
    // Others have added to it already where it is longer: these lines go another way.
    const isLatest = this.length > 0 && this.shared.length === this.end;
    const shared = isLatest ? this.shared : this.toArray();
    for (const entry of entries) shared.push(entry);
    const first = isLatest ? this.start : 0;
    const start = Math.max(first, shared.length - MAX_LINES);
    const firstKey = this.firstKey + start - first;
    if (start <= MAX_GONE) return new LogLines(shared, start, shared.length, firstKey);
    const kept = shared.slice(start);
    return new LogLines(kept, 0, kept.length, firstKey);
  }

  prepend(entries: readonly LogEntry[]): LogLines {
    const room = MAX_LINES - this.length;
    const kept = room === 0 ? [] : entries.slice(-room);
    const lines = [...kept, ...this.toArray()];
    return new LogLines(lines, 0, lines.length, this.firstKey - kept.length);
  }
}
