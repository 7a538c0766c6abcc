import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { type AppLogger, type ForeignLines, type LogFeed } from '@app/logging';
import { type RedisLink } from '../redis/redis-link';
import { LineReceiver } from './line-receiver';
import { LineSender } from './line-sender';
import { ReadPlace } from './read-place';
import { RelayConnection } from './relay-connection';

/** What a {@link LogRelay} joins. */
export interface LogRelayOptions {
  link: Pick<RedisLink, 'open' | 'key'>;
  feed: LogFeed;
  logger: AppLogger;
  /** The name of this host, which no other bears. */
  host: string;
  /** The log file of this process, also a relative path; null where there is none. */
  file: string | null;
  /** Whether lines of this process are passed on. They must name host and process: see `LoggingOptions.fields`. */
  writes: boolean;
  /** Where lines of other processes go to, which needs a file; null: they are not read. */
  reads: ForeignLines | null;
}

/** Milliseconds that closing may take. */
const CLOSE_MS = 1000;

/**
 * Lines of the log on their way between the processes of a site, by a stream in Redis that keeps the last 20,000 or so.
 *
 * Logging never waits for it and never fails: while Redis is away 20,000 lines (16 Mi characters) wait, further ones are
 * dropped, and told by a warning once lines get through again; so are those that left the stream before they were read. A line arrives once at each process that reads, behind
 * the lines that the same process logged before it; lines of different processes in the order in which they came to Redis.
 * A log that was read for is read on after a restart, where it was left off, as far as the stream reaches back; after a
 * crash some lines may come twice. The first time it begins with now. When Redis was emptied, it goes on with what comes.
 * No line is passed on again by who received it, and none comes back.
 */
export class LogRelay {
  private readonly sender: LineSender | undefined;
  private readonly receiver: LineReceiver | undefined;
  private unsubscribe: (() => void) | undefined;

  /** Connects at once. */
  constructor(private readonly options: LogRelayOptions) {
    const { link, logger, host, file, writes, reads } = options;
    if (reads && file === null) throw new Error('Log lines of other processes need a file to be kept in');
    const run = randomUUID();
    const source = file === null ? run : `${host}:${path.resolve(file)}`;
    const stream = link.key('log');
    if (writes) this.sender = new LineSender({ connection: new RelayConnection(link), stream, source, run, logger });
    if (reads) {
      const place = new ReadPlace({ stream, places: link.key('log-read') }, source);
      const connection = new RelayConnection(link);
      this.receiver = new LineReceiver({ connection, stream, place, source, foreign: reads, logger });
    }
  }

  /** Begins; returns at once, also when Redis is away. What was logged before is not passed on. */
  start(): void {
    const { sender } = this;
    if (sender) this.unsubscribe ??= this.options.feed.addCarrier((line) => sender.push(line));
    this.receiver?.start();
  }

  /**
   * Passes on what waits and ends, within a second or little more whether Redis answers or not; to be called before the
   * link is closed. What is logged from the call on may not be passed on. Idempotent.
   */
  async close(): Promise<void> {
    await Promise.all([this.sender?.close(CLOSE_MS), this.receiver?.close(CLOSE_MS)]);
    this.unsubscribe?.();
    this.unsubscribe = undefined;
  }
}
