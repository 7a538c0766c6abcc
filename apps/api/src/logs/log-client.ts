import { type LogEntry, type LogFeed, LineFilter, type LogReader } from '@app/logging';
import { type SubscribeDto } from './dto/subscribe.dto';

/** Messages that wait for a client at most: what it does not take in time is left out, and told as a number. */
const MAX_WAITING = 256;
/** Lines that happen while those of before are read, at most. */
const MAX_MEANWHILE = 5000;

/** Whoever shows the log live. */
export interface LineReceiver {
  send(event: 'log', entry: LogEntry): void;
  send(event: 'dropped', told: { count: number }): void;
  /** Messages that were sent and not taken yet. */
  readonly waiting: number;
}

/** One client's view of the log: the lines of before, then those that happen, each once, as fast as the client takes them. */
export class LogClient {
  private filter: LineFilter | undefined;
  private unsubscribe: (() => void) | undefined;
  private dropped = 0;
  /** Counts subscriptions: what an earlier one still reads is for nobody. */
  private turn = 0;

  constructor(
    private readonly feed: LogFeed,
    private readonly reader: LogReader,
    private readonly receiver: LineReceiver,
  ) {}

  /**
   * Shows other lines from now on; what is shown already is the client's to forget. Resolves with the lines of before,
   * the oldest first; null when another subscription came meanwhile. From then on lines are sent as they happen, none of
   * them twice and none left out in between. Throws what {@link LogReader.page} throws.
   */
  async subscribe({ level, q, backlog }: SubscribeDto, signal: AbortSignal): Promise<LogEntry[] | null> {
    this.close();
    const turn = (this.turn += 1);
    const filter = new LineFilter({ level, q });
    const meanwhile: LogEntry[] = [];
    this.unsubscribe = this.feed.subscribe((entry) => {
      if (filter.wants(entry) && meanwhile.length < MAX_MEANWHILE) meanwhile.push(entry);
    });
    const before = backlog === 0 ? [] : (await this.reader.page({ level, q, limit: backlog }, signal)).items.reverse();
    if (turn !== this.turn) return null;
    this.unsubscribe();
    this.filter = filter;
    // What was read begins before this subscription and ends after it: lines of both are there already.
    const known = countOf(before);
    const rest = meanwhile.filter((entry) => !take(known, JSON.stringify(entry)));
    this.unsubscribe = this.feed.subscribe((entry) => this.hear(entry));
    return [...before, ...rest];
  }

  /** Told when the client has taken what it was sent. */
  caughtUp(): void {
    if (this.dropped === 0) return;
    this.receiver.send('dropped', { count: this.dropped });
    this.dropped = 0;
  }

  /** Nothing more is sent. */
  close(): void {
    this.turn += 1;
    this.unsubscribe?.();
    this.unsubscribe = undefined;
  }

  private hear(entry: LogEntry): void {
    if (!this.filter?.wants(entry)) return;
    if (this.receiver.waiting >= MAX_WAITING) {
      this.dropped += 1;
      return;
    }
    this.caughtUp();
    this.receiver.send('log', entry);
  }
}

function countOf(entries: readonly LogEntry[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const entry of entries) {
    const text = JSON.stringify(entry);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return counts;
}

function take(counts: Map<string, number>, text: string): boolean {
  const count = counts.get(text) ?? 0;
  if (count > 0) counts.set(text, count - 1);
  return count > 0;
}
