import { type AppLogger } from '@app/logging';
import { type Lines } from './lines';
import { type TurnCarrier } from './turn-carrier';

/** Longest time of a timer, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;
/** With more that wait for their time the beat of the queue is enough. */
const MOST_TIMERS = 100;

/** Gives turns as there are places for them, and tells which are over: one round of it at a time in this process. */
export class TurnGiver {
  /** Turns that are over, which the lines were not told yet. */
  private over: string[] = [];
  private readonly soon = new Set<NodeJS.Timeout>();
  private isWanted = false;
  private isClosed = false;
  private giving: Promise<void> | undefined;

  constructor(
    private readonly lines: Lines,
    private readonly carrier: () => TurnCarrier,
    private readonly logger: AppLogger,
  ) {}

  /** Gives what turns there are places for; what is asked for, or over, meanwhile, in a further round. */
  give(...over: string[]): void {
    this.over.push(...over);
    this.isWanted = true;
    this.giving ??= this.giveAll().finally(() => {
      this.giving = undefined;
      // Asked for in the turn in which that came to its end.
      if (this.isWanted && !this.isClosed) this.give();
    });
  }

  /** Gives turns at the times that jobs wait for. */
  giveAt(times: readonly (Date | null)[]): void {
    const now = Date.now();
    for (const time of times) if (time && time.getTime() > now) this.giveIn(time.getTime() - now);
  }

  private giveIn(ms: number): void {
    if (this.soon.size >= MOST_TIMERS) return;
    const timer = setTimeout(
      () => {
        this.soon.delete(timer);
        this.give();
      },
      Math.min(ms + 1, LONGEST_MS),
    );
    timer.unref();
    this.soon.add(timer);
  }

  private async giveAll(): Promise<void> {
    while (this.isWanted && !this.isClosed) {
      this.isWanted = false;
      const over = this.over;
      this.over = [];
      try {
        const turns = await this.lines.give(over);
        if (turns.length === 0) continue;
        await this.carrier().carry(turns);
        this.isWanted = true;
      } catch (error) {
        // The next beat tries again; turns that were given and not carried are found as strays.
        this.over.push(...over);
        this.logger.debug('Turns could not be given', { error });
        return;
      }
    }
  }

  /** Nothing is given at its time any more; resolves when no round is under way. */
  async idle(): Promise<void> {
    for (const timer of this.soon) clearTimeout(timer);
    await this.giving;
  }

  /** Gives nothing more. */
  close(): void {
    this.isClosed = true;
  }
}
