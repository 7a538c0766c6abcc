import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { type AppLogger } from '@app/logging';
import { writeFields } from './carried-line';
import { LineBuffer, STREAM_LINES } from './line-buffer';
import { answersOf, isRefusal, type RelayConnection } from './relay-connection';
import { within } from './within';

const RETRY_MS = 250;

/** Where lines go to, and whose they are. */
export interface LineSenderOptions {
  connection: RelayConnection;
  stream: string;
  source: string;
  run: string;
  logger: AppLogger;
}

/**
 * Appends lines to the stream, in order, many at once; tried again until Redis takes them. Written is all of a batch or
 * nothing, but where the answer got lost all of it once more, under the same numbers.
 */
export class LineSender {
  private readonly buffer = new LineBuffer();
  private pumping: Promise<void> | undefined;
  private isClosed = false;
  private isRefused = false;

  constructor(private readonly options: LineSenderOptions) {}

  /** Takes a line with its newline. Never throws and never waits. */
  push(line: string): void {
    if (this.isClosed) return;
    this.buffer.push(line.trimEnd());
    this.pumping ??= this.pump();
  }

  /** Waits until all lines are written, but no longer than `ms`, and ends the connection. */
  async close(ms: number): Promise<void> {
    await within(ms, this.pumping);
    this.isClosed = true;
    this.options.connection.close();
    await this.pumping;
  }

  /** Never rejects. */
  private async pump(): Promise<void> {
    // So that all lines of one turn go together.
    await nextTurn();
    while (this.buffer.size > 0 && !this.isClosed) {
      const batch = this.buffer.batch();
      try {
        await this.write(batch);
        this.buffer.remove(batch.length);
        this.isRefused = false;
        this.tellDropped();
      } catch (error) {
        this.tellRefusal(error);
        await pause(RETRY_MS, undefined, { ref: false });
      }
    }
    this.pumping = undefined;
  }

  private async write(lines: ReturnType<LineBuffer['batch']>): Promise<void> {
    const { connection, stream, source, run } = this.options;
    await connection.ask(async (redis) => {
      const transaction = redis.multi();
      for (const line of lines) {
        transaction.xadd(stream, 'MAXLEN', '~', STREAM_LINES, '*', ...writeFields({ source, run, ...line }));
      }
      answersOf(await transaction.exec());
    });
  }

  private tellDropped(): void {
    const dropped = this.buffer.tellDropped();
    if (dropped === 0) return;
    this.options.logger.warning('Log lines did not reach the other processes: Redis did not take them in time', {
      dropped,
    });
  }

  /** Once until lines are taken again. That Redis is away is told by whoever holds the link to it. */
  private tellRefusal(error: unknown): void {
    if (this.isRefused || this.isClosed || !isRefusal(error)) return;
    this.isRefused = true;
    this.options.logger.warning('Redis refuses the log lines of this process; they wait', { error });
  }
}
