/** Before the first further try, in milliseconds, and at most before any. */
export const FIRST_PAUSE_MS = 1000;
export const LONGEST_PAUSE_MS = 30_000;

/** Tries something again after a pause, which is twice as long each time, until it went well. */
export class GrowingPause {
  private pause = FIRST_PAUSE_MS;
  private timer: number | undefined;

  constructor(private readonly again: () => void) {}

  /** It did not go well: tries it again after the pause. One try waits at a time. */
  begin(): void {
    this.stop();
    this.timer = window.setTimeout(this.again, this.pause);
    this.pause = Math.min(2 * this.pause, LONGEST_PAUSE_MS);
  }

  /** No further try waits. */
  stop(): void {
    window.clearTimeout(this.timer);
  }

  /** It went well: the next pause is the first one again. */
  reset(): void {
    this.stop();
    this.pause = FIRST_PAUSE_MS;
  }
}
