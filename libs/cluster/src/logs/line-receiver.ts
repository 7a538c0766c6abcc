import { setTimeout as pause } from 'node:timers/promises';
import { type AppLogger, type ForeignLines } from '@app/logging';
import { readFields, SeenLines } from './carried-line';
import { type ReadPlace } from './read-place';
import { isRefusal, type RelayConnection } from './relay-connection';
import { within } from './within';

type StreamEntry = [id: string, fields: string[]];

/** Entries of one read. Somebody else's may be large, and all of them are in memory at once. */
const READ_ENTRIES = 250;
/** Milliseconds that a read waits; then it is looked whether Redis was emptied. */
const WAIT_MS = 2000;
const RETRY_MS = 250;
/** Pause between reads that brought little: what comes meanwhile goes into the file together. */
const GATHER_MS = 25;
/** Milliseconds between two notices about lines that could not be taken in. */
const NOTICE_MS = 60_000;

/** Where lines come from and go to. */
export interface LineReceiverOptions {
  connection: RelayConnection;
  stream: string;
  place: ReadPlace;
  /** The log that reads; its own lines are passed over. */
  source: string;
  foreign: ForeignLines;
  logger: AppLogger;
}

/** Reads the stream for as long as it runs, and hands on the lines of other processes, each once, in their order. */
export class LineReceiver {
  private readonly seen = new SeenLines();
  private running: Promise<void> | undefined;
  private isClosed = false;
  /** True while nothing is at hand that would be handed on twice, or not at all, were it interrupted. */
  private isIdle = true;
  private isRefused = false;
  private malformed = 0;
  private noticeAt = 0;

  constructor(private readonly options: LineReceiverOptions) {}

  start(): void {
    this.running ??= this.run();
  }

  /** Ends the reading; what was read is handed on and remembered, if that takes no longer than `ms`. */
  async close(ms: number): Promise<void> {
    this.isClosed = true;
    if (this.isIdle) this.options.connection.close();
    await within(ms, this.running);
    this.options.connection.close();
  }

  /** Never rejects. */
  private async run(): Promise<void> {
    const { connection, place } = this.options;
    while (!this.isClosed) {
      try {
        await connection.ask((redis) => place.find(redis));
        this.tellLosses();
        while (await this.read()) this.tellLosses();
        this.isRefused = false;
      } catch (error) {
        this.isIdle = true;
        this.tellRefusal(error);
        await pause(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  /** False when nothing came, or this is the end. */
  private async read(): Promise<boolean> {
    const { connection, stream, place, foreign } = this.options;
    const found = await connection.ask(async (redis) => {
      // Sent together: the place is remembered before the reading waits.
      const saved = place.save(redis);
      const next = redis.xread('COUNT', READ_ENTRIES, 'BLOCK', WAIT_MS, 'STREAMS', stream, place.after);
      const [answer] = await Promise.all([next, saved]);
      return answer;
    });
    const entries = found?.[0]?.[1] ?? [];
    if (this.isClosed || entries.length === 0) return false;
    this.isIdle = false;
    for (const entry of entries) this.take(entry);
    // In this order: a place is remembered only when the lines before it stand in the file.
    await foreign.flush();
    if (!this.isClosed && entries.length < READ_ENTRIES) await pause(GATHER_MS);
    if (this.isClosed) await connection.ask((redis) => place.save(redis));
    this.isIdle = true;
    return !this.isClosed;
  }

  private take([id, fields]: StreamEntry): void {
    const { place, source, foreign } = this.options;
    place.moveTo(id);
    const line = readFields(fields);
    if (line?.source === source) return;
    if (!line) this.malformed += 1;
    else if (this.seen.isNew(line) && !foreign.takeIn(line.text)) this.malformed += 1;
  }

  private tellLosses(): void {
    const { malformed, seen } = this;
    if (malformed + seen.missing === 0 || Date.now() < this.noticeAt) return;
    this.noticeAt = Date.now() + NOTICE_MS;
    // Malformed: of no form that a log has. Missing: pushed out of the stream, or lost with Redis' data.
    this.options.logger.warning('Not all log lines of other processes could be taken in', {
      malformed,
      missing: seen.missing,
    });
    this.malformed = 0;
    seen.missing = 0;
  }

  /** Once until it works again. That Redis is away is told by whoever holds the link to it. */
  private tellRefusal(error: unknown): void {
    if (this.isRefused || this.isClosed || !isRefusal(error)) return;
    this.isRefused = true;
    this.options.logger.warning('Redis refuses to tell the log lines of other processes', { error });
  }
}
