/**
 * One writer a destination: the second request waits for the first, then finds the data there. Locks are of this
 * process; between processes publishing itself decides (it never overwrites).
 */
export class DestinationLocks {
  private readonly tails = new Map<string, Promise<void>>();

  /** Runs `work` when no other holds `key`; in the order of asking. A signal ends the waiting. */
  async hold<T>(key: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const before = this.tails.get(key);
    let release!: () => void;
    const mine = new Promise<void>((resolve) => (release = resolve));
    const tail = (before ?? Promise.resolve()).then(() => mine);
    this.tails.set(key, tail);
    // Only when those before it have gone as well: one that stops waiting must not open the door for the next.
    void tail.then(() => {
      if (this.tails.get(key) === tail) this.tails.delete(key);
    });
    try {
      if (before) await abortable(before, signal);
      return await work();
    } finally {
      release();
    }
  }
}

function abortable(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return promise;
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    void promise.then(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
  });
}
