/** How long the caller of cancelled work waits at least for it to tidy up, in milliseconds. */
const LINGER_MS = 700;

/**
 * Told by work that it failed and begins to tidy up; more than once, with each part of that. `isSlow` decides whether the
 * part is worth being waited for (default: it is not, beyond a moment).
 */
export type OnFailure = (error: unknown, isSlow?: () => Promise<boolean>) => void;

/**
 * Work that tidies up when it fails. Whoever cancelled it is not kept waiting by a server that hangs: then the tidying
 * goes on by itself, with whatever the work holds.
 */
export class Tidying {
  private readonly running = new Set<Promise<unknown>>();

  /**
   * Runs work, which rejects in the end with the failure that it told before. Rejects with that earlier when the signal
   * is aborted and the tidying is slow.
   */
  run<T>(signal: AbortSignal, work: (failed: OnFailure) => Promise<T>): Promise<T> {
    const ends: (() => void)[] = [];
    return new Promise<T>((resolve, reject) => {
      const failed: OnFailure = (error, isSlow = () => Promise.resolve(true)) => {
        const leave = () => {
          const moment = new Promise<void>((over) => {
            const timer = setTimeout(over, LINGER_MS);
            ends.push(() => clearTimeout(timer));
          });
          void Promise.all([isSlow(), moment]).then(([slow]) => slow && reject(error as Error));
        };
        if (signal.aborted) return leave();
        signal.addEventListener('abort', leave, { once: true });
        ends.push(() => signal.removeEventListener('abort', leave));
      };
      const running = work(failed)
        .then(resolve, reject)
        .finally(() => {
          for (const end of ends) end();
          this.running.delete(running);
        });
      this.running.add(running);
    });
  }

  /** Resolves when nothing is tidied up any more. */
  async settled(): Promise<void> {
    await Promise.all(this.running);
  }
}
