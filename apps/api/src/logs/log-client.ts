import { type LogEntry, type LogFeed, LineFilter, type LogReader } from '@app/logging';
import { type SubscribeDto } from './dto/subscribe.dto';

/** Messages that wait for a client at most: lines that it does not take in time are left out, and told as a number. */
export const MAX_WAITING = 256;
/** Lines kept that happen while those of before are read; each has at most 64 KiB. */
export const MAX_MEANWHILE = 5000;

/** Whoever shows the log live. */
export interface LineReceiver {
  send(event: 'log', entry: LogEntry): void;
  send(event: 'dropped', told: { count: number }): void;
  /** Messages that were sent and not taken yet. */
  readonly waiting: number;
}

/** One client's view of the log: the lines of before, then those that happen, each once, as fast as the client takes them. */
export class LogClient {
  /** The present subscription; an earlier one that is not ready yet is for nobody. */
  private turn = new AbortController();
  /** Settles when the subscription of before reads no more: there is one reader of the files for each client. */
  private reading: Promise<unknown> = Promise.resolve();
  private unsubscribe: (() => void) | undefined;
  private dropped = 0;
  private wakeUp: (() => void) | undefined;

  constructor(
    private readonly feed: LogFeed,
    private readonly reader: LogReader,
    private readonly receiver: LineReceiver,
  ) {}

  /**
   * Shows other lines from now on. Calls `deliver` with the lines of before, the oldest first, when the client has taken
   * what was sent to it earlier; from then on, in the same turn, lines are sent as they happen, none of them twice and none
   * left out in between. Resolves with false, and without having called it, when another subscription came meanwhile or the
   * client went. Throws what {@link LogReader.page} throws.
   */
  subscribe(wanted: SubscribeDto, deliver: (before: LogEntry[]) => void): Promise<boolean> {
    this.close();
    const { signal } = (this.turn = new AbortController());
    const earlier = this.reading;
    const own = (async () => {
      await earlier;
      await this.untilTaken(signal);
      return signal.aborted ? false : this.begin(wanted, deliver, signal);
    })();
    this.reading = own.catch(() => undefined);
    return own;
  }

  /** Told when the client has taken what it was sent. */
  caughtUp(): void {
    this.wakeUp?.();
    if (this.dropped === 0) return;
    const count = this.dropped;
    this.dropped = 0;
    this.receiver.send('dropped', { count });
  }

  /** Nothing more is sent. */
  close(): void {
    this.turn.abort();
    this.wakeUp?.();
    this.unsubscribe?.();
    this.unsubscribe = undefined;
    this.dropped = 0;
  }

  /** So that whoever asks again and again and takes nothing has one answer waiting, not many. */
  private async untilTaken(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.receiver.waiting > 0) await new Promise<void>((resolve) => (this.wakeUp = resolve));
  }

  private async begin(
    { level, q, backlog }: SubscribeDto,
    deliver: (before: LogEntry[]) => void,
    signal: AbortSignal,
  ): Promise<boolean> {
    const filter = new LineFilter({ level, q });
    const meanwhile: LogEntry[] = [];
    let lost = 0;
    const unsubscribe = this.feed.subscribe((entry) => {
      if (!filter.wants(entry)) return;
      meanwhile.push(entry);
      // The oldest go: those are the ones that reading finds.
      if (meanwhile.length > MAX_MEANWHILE) lost += meanwhile.splice(0, MAX_MEANWHILE / 2).length;
    });
    try {
      const page = backlog > 0 ? await this.reader.page({ level, q, limit: backlog }, signal) : undefined;
      if (signal.aborted) return false;
      const { lines, isWhole } = join(page?.items.reverse() ?? [], meanwhile);
      deliver(lines);
      if (!isWhole) this.dropped = lost;
      this.unsubscribe = this.feed.subscribe((entry) => this.hear(filter, entry));
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    } finally {
      unsubscribe();
    }
  }

  private hear(filter: LineFilter, entry: LogEntry): void {
    if (!filter.wants(entry)) return;
    if (this.receiver.waiting >= MAX_WAITING) {
      this.dropped += 1;
      return;
    }
    this.caughtUp();
    this.receiver.send('log', entry);
  }
}

/**
 * Lines that were read, and of those that happened meanwhile the ones behind them: reading ends somewhere among them, and
 * may have begun there too. `isWhole` when they overlap, so that none is missing in between.
 */
function join(before: LogEntry[], meanwhile: LogEntry[]): { lines: LogEntry[]; isWhole: boolean } {
  const places = new Map(meanwhile.map((entry, index) => [JSON.stringify(entry), index]));
  for (let last = before.length - 1; last >= 0 && places.size > 0; last -= 1) {
    const place = places.get(JSON.stringify(before[last]));
    if (place !== undefined) return { lines: [...before, ...meanwhile.slice(place + 1)], isWhole: true };
  }
  return { lines: [...before, ...meanwhile], isWhole: false };
}
