import { type RedisLink } from '@app/cluster';

/** A process that fills the queue says so for this long, again and again, in milliseconds. */
const FILLING_MS = 30_000;
const FULL = 'full';
/** How often what waits is compared with the records although nothing seems lost, in milliseconds. */
const COMPARE_MS = 60_000;

/**
 * Notices that Redis has lost what waited in it (it was emptied, or is new), by a mark that is gone then, and lets one
 * process of all fill the queue again. The mark ends by itself now and then: what a process that died could not add
 * is missing without anything else having been lost.
 */
export class Refill {
  private readonly key: string;
  private fill: (() => Promise<void>) | undefined;
  private filling: Promise<void> | undefined;

  /** `onFailure` is told what a filling failed with; it is tried again. */
  constructor(
    private readonly link: RedisLink,
    private readonly name: string,
    private readonly onFailure: (error: unknown) => void,
    private readonly compareMs = COMPARE_MS,
  ) {
    this.key = link.key('queue', 'state');
  }

  /** What fills the queue; without it this process leaves it to others. */
  by(fill: () => Promise<void>): void {
    this.fill = fill;
  }

  /** Looks whether the queue has to be filled. Rejects when Redis does not answer. */
  async look(): Promise<void> {
    const { fill, key } = this;
    if (!fill) return;
    if (this.filling) {
      await this.link.run((redis) => redis.pexpire(key, FILLING_MS));
      return;
    }
    const isOurs = await this.link.run((redis) => redis.set(key, this.name, 'PX', FILLING_MS, 'NX'));
    if (isOurs !== 'OK') return;
    this.filling = this.run(fill).finally(() => (this.filling = undefined));
  }

  /** Resolves when this process fills nothing. */
  async idle(): Promise<void> {
    await this.filling;
  }

  private async run(fill: () => Promise<void>): Promise<void> {
    const { key } = this;
    try {
      await fill();
      await this.link.run((redis) => redis.set(key, FULL, 'PX', this.compareMs));
    } catch (error) {
      this.onFailure(error);
      await this.link.run((redis) => redis.del(key)).catch(() => undefined);
    }
  }
}
