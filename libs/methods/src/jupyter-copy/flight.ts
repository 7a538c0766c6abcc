import { setMaxListeners } from 'node:events';

/** Runs a few pieces of work at once; the first that fails ends the others. */
export class Flight {
  /** Ends with the first failure, or with the signal that the flight was made with. */
  readonly signal: AbortSignal;
  private readonly ending = new AbortController();
  private readonly running = new Set<Promise<void>>();

  constructor(
    private readonly limit: number,
    signal: AbortSignal,
  ) {
    this.signal = AbortSignal.any([signal, this.ending.signal]);
    // Each piece of work listens with all its calls.
    setMaxListeners(0, this.signal);
  }

  /** Starts a piece of work as soon as there is room. Rejects with the first failure so far; then nothing is started. */
  async add(work: () => Promise<void>): Promise<void> {
    while (this.running.size >= this.limit) await Promise.race(this.running);
    this.signal.throwIfAborted();
    const one = work()
      .catch((error: unknown) => this.ending.abort(error))
      .finally(() => this.running.delete(one));
    this.running.add(one);
  }

  /** Waits until nothing runs any more; rejects with the first failure. */
  async land(): Promise<void> {
    await Promise.all(this.running);
    this.signal.throwIfAborted();
  }

  /** Ends what runs and waits for that; never rejects. */
  async abandon(reason: unknown): Promise<void> {
    this.ending.abort(reason);
    await Promise.all(this.running);
  }
}
