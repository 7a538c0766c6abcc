import type { LogEntry } from '../../api/types';

/** Lines that are kept at most: older ones are behind "history" again. */
export const MAX_LINES = 100_000;

/** A line with a number of its own, by which it stays the same line when others come before it. */
export interface NumberedLine {
  key: number;
  entry: LogEntry;
}

/**
 * The lines of a log view, the oldest first. Lines that happen are added behind, history in front; both in one go, however
 * many they are. A new list each time, so that React sees the change.
 */
export class LogLines {
  private first = 0;
  private next = 0;

  private constructor(readonly lines: readonly NumberedLine[]) {}

  static readonly empty = new LogLines([]);

  append(entries: readonly LogEntry[]): LogLines {
    const added = entries.map((entry, index) => ({ key: this.next + index, entry }));
    const all = this.lines.length + added.length > MAX_LINES;
    const lines = [...this.lines, ...added];
    return this.with(all ? lines.slice(-MAX_LINES) : lines, this.first, this.next + added.length);
  }

  prepend(entries: readonly LogEntry[]): LogLines {
    const room = Math.max(0, MAX_LINES - this.lines.length);
    const kept = room === 0 ? [] : entries.slice(-room);
    const first = this.first - kept.length;
    const added = kept.map((entry, index) => ({ key: first + index, entry }));
    return this.with([...added, ...this.lines], first, this.next);
  }

  private with(lines: readonly NumberedLine[], first: number, next: number): LogLines {
    return Object.assign(new LogLines(lines), { first, next });
  }
}
