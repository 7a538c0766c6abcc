import { setTimeout as delay } from 'node:timers/promises';

/** How long a start waits for the first round, in milliseconds: what hangs must not keep the service from starting. */
const FIRST_ROUND_MS = 1000;

/** Work that is done again and again, one round at a time: behind one that hangs they would only queue up. */
export class Rounds {
  private timer: NodeJS.Timeout | undefined;
  private underWay: Promise<void> | undefined;

  /** `work` must not reject. */
  constructor(
    private readonly everyMs: number,
    private readonly work: () => Promise<void>,
  ) {}

  /** Begins; resolves when the first round is done, or a second later. */
  async start(): Promise<void> {
    this.timer = setInterval(() => void this.round(), this.everyMs);
    this.timer.unref();
    const done = new AbortController();
    const patience = delay(FIRST_ROUND_MS, undefined, { signal: done.signal }).catch(() => undefined);
    await Promise.race([this.round(), patience]);
    done.abort();
  }

  /** Begins no further round; one that is under way goes on. */
  stop(): void {
    clearInterval(this.timer);
  }

  private round(): Promise<void> {
    this.underWay ??= this.work().finally(() => (this.underWay = undefined));
    return this.underWay;
  }
}
