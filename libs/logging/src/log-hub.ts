import path from 'node:path';
import { createLogger, format, type Logger } from 'winston';
import { buildLine } from './entry/build-line';
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
  private readonly file: LineWriter;
  private readonly console: LineWriter;

  constructor(
    private readonly options: LoggingOptions,
    private readonly feed: LogFeed,
    consoleDescriptor: number,
  ) {
    const notice = new TroubleNotice((error) => this.tellTrouble(error));
    const onTrouble = (error: unknown) => notice.report(error);
    const { maxBytes, maxFiles } = options;
    this.file = new LineWriter(new LogFile({ file: path.resolve(options.file), maxBytes, maxFiles, onTrouble }), {
      maxQueued: MAX_QUEUED_FOR_FILE,
      lossLine: (dropped) => lossLine(dropped).line,
      onTrouble,
    });
    this.console = new LineWriter(new ConsoleLines(consoleDescriptor), {
      maxQueued: MAX_QUEUED_FOR_CONSOLE,
      lossLine: (dropped) => renderEntry(lossLine(dropped).entry),
      // There is no further place to tell it.
      onTrouble: () => undefined,
    });
    this.winston = createLogger({
      levels: SEVERITY,
      level: options.level,
      format: format((info) => info)(),
      transports: [
        new FileTransport(this.file),
        ...(options.console ? [new ConsoleTransport(this.console)] : []),
        new FeedTransport(feed),
      ],
    });
  }

  /** Logs one entry, unless its level is too low. Never throws and never waits. */
  write(level: LogLevel, message: unknown, fieldSets: readonly unknown[]): void {
    if (!isAtLeast(level, this.options.level)) return;
    const built = buildLine(new Date(), level, message, fieldSets);
    const info: LogInfo = { level, message: built.entry.message, built, forFeed: !this.feed.isCalling };
    this.winston.log(info);
  }

  /** Resolves when what was logged stands in the file, or that could not be done. */
  flush(): Promise<void> {
    return this.file.flush();
  }

  /** Flushes file and console and closes the file; gives up after 5 s. What is logged later is written as well. */
  async close(): Promise<void> {
    // In this order, so that a notice about the file still reaches the console.
    const closing = this.file.close().then(() => this.console.close());
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_MS)));
    await Promise.race([closing, patience]);
    clearTimeout(timer);
  }

  /** On standard error also without `console`: it is the last place where anybody could learn of it. */
  private tellTrouble(error: unknown): void {
    const message = 'The log file cannot be written or rotated; it is tried again, and lines may be lost meanwhile';
    const { entry } = buildLine(new Date(), 'ERROR', message, [{ file: this.options.file, error }]);
    this.console.push(renderEntry(entry));
  }
}

function lossLine(dropped: number) {
  const message = 'Log lines were dropped here, because they could not be written in time';
  return buildLine(new Date(), 'WARNING', message, [{ dropped }]);
}
