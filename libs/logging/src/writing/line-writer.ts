import { setImmediate as nextTurn } from 'node:timers/promises';

/** Where a {@link LineWriter} writes to. */
export interface LineSink {
  /** Writes lines from the front of the list and returns how many; throws when it could write none. */
  append(lines: readonly string[]): Promise<number>;
  /** Gives back what it holds; a later `append` takes hold again. Never throws. */
  close(): Promise<void>;
}

/** What a {@link LineWriter} tells about its troubles. */
export interface LineWriterOptions {
  /** Characters that may wait; lines beyond them are dropped and counted. */
  maxQueued: number;
  /** The line that stands in place of dropped ones. */
  lossLine: (dropped: number) => string;
  /** Called at each failed attempt. */
  onTrouble: (error: unknown) => void;
}

/** Milliseconds between attempts while the sink fails. */
const RETRY_MS = 1000;

/**
 * A bounded queue in front of a sink. Callers never wait and never see an error: lines of one turn of the event loop go
 * into one write, one write runs at a time, and while the sink fails it is tried again each second.
 */
export class LineWriter {
  private readonly queue: string[] = [];
  private queued = 0;
  private dropped = 0;
  private pumping: Promise<void> | undefined;
  private retry: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly sink: LineSink,
    private readonly options: LineWriterOptions,
  ) {}

  /** Takes a line, which ends with a newline. */
  push(line: string): void {
    if (this.queued + line.length > this.options.maxQueued) {
      this.dropped += 1;
      return;
    }
    this.enqueue(line);
    if (!this.pumping && !this.retry) this.pumping = this.pump();
  }

  /** Resolves when what waits is written, or an attempt failed. */
  async flush(): Promise<void> {
    clearTimeout(this.retry);
    this.retry = undefined;
    if (!this.pumping && this.queue.length > 0) this.pumping = this.pump();
    await this.pumping;
  }

  /** Flushes and closes the sink. A line that comes later is still written, and the sink closed again behind it. */
  async close(): Promise<void> {
    this.closed = true;
    await this.flush();
    if (!this.pumping) await this.sink.close();
  }

  private enqueue(line: string): void {
    this.queue.push(line);
    this.queued += line.length;
  }

  private async pump(): Promise<void> {
    await nextTurn();
    try {
      while (this.queue.length > 0) {
        const count = await this.sink.append(this.queue);
        for (const line of this.queue.splice(0, count)) this.queued -= line.length;
        this.reportLoss();
        if (this.closed && this.queue.length === 0) await this.sink.close();
      }
    } catch (error) {
      this.options.onTrouble(error);
      this.retry = setTimeout(() => {
        this.retry = undefined;
        this.pumping = this.pump();
      }, RETRY_MS).unref();
    } finally {
      this.pumping = undefined;
    }
  }

  /** Room came back: the report stands where the lines are missing, behind those that waited. */
  private reportLoss(): void {
    if (this.dropped === 0) return;
    this.enqueue(this.options.lossLine(this.dropped));
    this.dropped = 0;
  }
}
