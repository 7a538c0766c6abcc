import { type LogEntry, type LogFeed, LineFilter, type LogReader } from '@app/logging';
import { type SubscribeDto } from './dto/subscribe.dto';
import { bytesOf, Meanwhile } from './meanwhile';

/** Messages that wait for a client at most: lines that it does not take in time are left out, and told as a number. */
export const MAX_WAITING = 256;
/** Bytes of lines that wait for a client at most. */
export const MAX_WAITING_BYTES = 1024 ** 2;

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
  /** Bytes of the lines that wait. */
  private waitingBytes = 0;
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
    this.waitingBytes = 0;
    this.tell();
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
    const meanwhile = new Meanwhile();
    const unsubscribe = this.feed.subscribe((entry) => {
      if (filter.wants(entry)) meanwhile.add(entry);
    });
    try {
      const page = backlog > 0 ? await this.reader.page({ level, q, limit: backlog }, signal) : undefined;
      if (signal.aborted) return false;
      const { lines, missing } = meanwhile.behind(page?.items.reverse() ?? []);
      deliver(lines);
      this.dropped = missing;
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
    if (this.receiver.waiting === 0) this.waitingBytes = 0;
    if (this.receiver.waiting >= MAX_WAITING || this.waitingBytes >= MAX_WAITING_BYTES) {
      this.dropped += 1;
      return;
    }
    this.tell();
    this.receiver.send('log', entry);
    if (this.receiver.waiting > 0) this.waitingBytes += bytesOf(entry);
  }

  /** How much was left out, if any was. */
  private tell(): void {
    const count = this.dropped;
    this.dropped = 0;
    if (count > 0) this.receiver.send('dropped', { count });
  }
}
