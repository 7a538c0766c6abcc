import { types } from 'node:util';
import { type LogEntry } from './log-entry';

/**
 * Entries as they happen, for whoever shows them live. Each listener gets an entry of its own, equal to the line in the
 * file, in the turn in which it was logged. There is no queue: a listener only hands on. It disturbs nobody: what it throws
 * or rejects with is dropped, and what it logs itself while it is called goes to the file but to no listener.
 *
 * Carriers bring the lines of this process elsewhere: they get them as text, also what a listener logged, but no line
 * that was taken in from another process. What a carrier logs while it is called goes to the file alone. So nothing can
 * run in a circle.
 */
export class LogFeed {
  private readonly listeners = new Set<{ hear: (entry: LogEntry) => unknown }>();
  private readonly carriers = new Set<(line: string) => void>();
  private calling = false;
  private carrying = false;

  /** Adds a listener and returns how to remove it; both also while the feed calls its listeners. */
  subscribe(listener: (entry: LogEntry) => void): () => void {
    const subscription = { hear: listener };
    this.listeners.add(subscription);
    return () => void this.listeners.delete(subscription);
  }

  /** Adds a carrier, who is called in the turn in which a line is logged, and returns how to remove it. */
  addCarrier(carry: (line: string) => void): () => void {
    const carrier = (line: string) => carry(line);
    this.carriers.add(carrier);
    return () => void this.carriers.delete(carrier);
  }

  /** True while listeners are called. */
  get isCalling(): boolean {
    return this.calling;
  }

  /** True while carriers are called. */
  get isCarrying(): boolean {
    return this.carrying;
  }

  /** Calls the carriers with a line of this process. */
  carry(line: string): void {
    this.carrying = true;
    for (const carrier of [...this.carriers]) {
      try {
        carrier(line);
      } catch {
        // As below.
      }
    }
    this.carrying = false;
  }

  /** Calls the listeners with the entry of a line. */
  publish(line: string): void {
    this.calling = true;
    for (const listener of [...this.listeners]) {
      if (!this.listeners.has(listener)) continue;
      try {
        const outcome = listener.hear(JSON.parse(line) as LogEntry);
        if (types.isPromise(outcome)) outcome.catch(() => undefined);
      } catch {
        // Its own affair: the log must not fail, and cannot log this without calling it again.
      }
    }
    this.calling = false;
  }
}
