import { AppError } from '@app/core';

/** Longest that a timer can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Milliseconds until a time; 0 for one that has passed. */
export function millisecondsUntil(time: Date): number {
  return Math.min(MAX_TIMER_MS, Math.max(0, time.getTime() - Date.now()));
}

/** How many streams each reader has open, and may (`MAX_EVENT_STREAMS_PER_USER`). */
export class ReaderLimit {
  private readonly readers = new Map<string, number>();

  /** `limit`: 0 for none. */
  constructor(private readonly limit: number) {}

  /** Counts a stream of a reader; returns what ends that, to be called once. Throws `quota_exceeded` beyond the limit. */
  enter(reader: string): () => void {
    const count = this.readers.get(reader) ?? 0;
    if (this.limit > 0 && count >= this.limit) throw tooManyStreams(this.limit);
    this.readers.set(reader, count + 1);
    return () => {
      const left = this.readers.get(reader)! - 1;
      if (left > 0) this.readers.set(reader, left);
      else this.readers.delete(reader);
    };
  }
}

function tooManyStreams(limit: number): AppError {
  return new AppError('quota_exceeded', `${limit} streams of events are open already. Close one first.`);
}
