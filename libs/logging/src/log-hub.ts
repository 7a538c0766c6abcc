import path from 'node:path';
import { createLogger, format, type Logger } from 'winston';
import { type BuiltLine, buildLine } from './entry/build-line';
import { isAtLeast, type LogLevel, SEVERITY } from './log-entry';
import { type LogFeed } from './log-feed';
import { type LoggingOptions } from './logging-options';
import { ConsoleLines, renderEntry } from './writing/console-lines';
import { LineWriter } from './writing/line-writer';
import { LogFile } from './writing/log-file';
import { ConsoleTransport, FeedTransport, FileTransport, type LogInfo } from './writing/transports';
import { TroubleNotice } from './writing/trouble-notice';

const MAX_QUEUED_FOR_FILE = 16_777_216;
const MAX_QUEUED_FOR_CONSOLE = 1_048_576;
/** Milliseconds that closing waits for a log volume that hangs. */
const CLOSE_MS = 5000;

/** The way of an entry: built in the caller's turn, then by Winston to file, console and feed. */
export class LogHub {
  private readonly winston: Logger;
  private readonly file: LineWriter | undefined;
  private readonly console: LineWriter;

  constructor(
    private readonly options: LoggingOptions,
    private readonly feed: LogFeed,
    consoleDescriptor: number,
  ) {
    const notice = new TroubleNotice((error) => this.tellTrouble(error));
    const onTrouble = (error: unknown) => notice.report(error);
    this.file = this.fileWriter(onTrouble);
    this.console = new LineWriter(new ConsoleLines(consoleDescriptor), {
      maxQueued: MAX_QUEUED_FOR_CONSOLE,
      lossLine: (dropped) => renderEntry(this.lossLine(dropped).entry),
      // There is no further place to tell it.
      onTrouble: () => undefined,
    });
    this.winston = createLogger({
      levels: SEVERITY,
      level: options.level,
      format: format((info) => info)(),
      transports: [
        ...(this.file ? [new FileTransport(this.file)] : []),
        ...(options.console ? [new ConsoleTransport(this.console)] : []),
        new FeedTransport(feed),
      ],
    });
  }

  /** Logs one entry, unless its level is too low. Never throws and never waits. */
  write(level: LogLevel, message: unknown, fieldSets: readonly unknown[]): void {
    if (!isAtLeast(level, this.options.level)) return;
    const built = this.build(level, message, fieldSets);
    const { isCalling, isCarrying } = this.feed;
    this.winston.log({
      level,
      message: built.entry.message,
      built,
      forFeed: !isCalling && !isCarrying,
      forCarriers: !isCarrying,
    } satisfies LogInfo);
  }

  /** Entries below this level are not made. */
  get level(): LogLevel {
    return this.options.level;
  }

  /** Takes a finished line of another process, for file and feed. Never throws and never waits. */
  takeIn(line: string): void {
    this.file?.push(line);
    if (!this.feed.isCalling) this.feed.publish(line);
  }

  /** Resolves when what was logged stands in the file, or that could not be done. */
  async flush(): Promise<void> {
    await this.file?.flush();
  }

  /** Flushes file and console and closes the file; gives up after 5 s. What is logged later is written as well. */
  async close(): Promise<void> {
    // In this order, so that a notice about the file still reaches the console.
    const closing = Promise.resolve(this.file?.close()).then(() => this.console.close());
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_MS)));
    await Promise.race([closing, patience]);
    clearTimeout(timer);
  }

  /** On standard error also without `console`: it is the last place where anybody could learn of it. */
  private tellTrouble(error: unknown): void {
    const message = 'The log file cannot be written or rotated; it is tried again, and lines may be lost meanwhile';
    const { entry } = this.build('ERROR', message, [{ file: this.options.file, error }]);
    this.console.push(renderEntry(entry));
  }

  private fileWriter(onTrouble: (error: unknown) => void): LineWriter | undefined {
    const { file, maxBytes, maxFiles } = this.options;
    if (file === null) return undefined;
    return new LineWriter(new LogFile({ file: path.resolve(file), maxBytes, maxFiles, onTrouble }), {
      maxQueued: MAX_QUEUED_FOR_FILE,
      lossLine: (dropped) => this.lossLine(dropped).line,
      onTrouble,
    });
  }

  private lossLine(dropped: number): BuiltLine {
    return this.build('WARNING', 'Log lines were dropped here, because they could not be written in time', [
      { dropped },
    ]);
  }

  private build(level: LogLevel, message: unknown, fieldSets: readonly unknown[]): BuiltLine {
    return buildLine(new Date(), level, message, fieldSets, this.options.fields);
  }
}
