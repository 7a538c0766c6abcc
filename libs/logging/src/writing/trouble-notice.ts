/** Milliseconds between two notices. */
const NOTICE_MS = 60_000;

/** Tells of a log that cannot be written, at most once a minute. */
export class TroubleNotice {
  private nextAt = 0;

  constructor(private readonly tell: (error: unknown) => void) {}

  /** Passes the error on, unless there was a notice less than a minute ago. */
  report(error: unknown): void {
    const now = Date.now();
    if (now < this.nextAt) return;
    this.nextAt = now + NOTICE_MS;
    this.tell(error);
  }
}
