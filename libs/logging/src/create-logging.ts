import path from 'node:path';
import { AppLogger } from './app-logger';
import { ForeignLines } from './foreign-lines';
import { LogFeed } from './log-feed';
import { LogHub } from './log-hub';
import { type LoggingOptions } from './logging-options';
import { NestLogger } from './nest-logger';
import { LogReader } from './reading/log-reader';

/** The log of one process, and what reads it. */
export interface Logging {
  logger: AppLogger;
  nestLogger: NestLogger;
  feed: LogFeed;
  reader: LogReader;
  foreignLines: ForeignLines;
}

const STANDARD_ERROR = 2;

/**
 * Makes a log without Nest, for tests and for what fails before the application is there. Opens nothing before the first
 * entry. `consoleDescriptor`: where entries for people and notices about a log that cannot be written go. Throws for a log that goes nowhere.
 */
export function createLogging(options: LoggingOptions, consoleDescriptor = STANDARD_ERROR): Logging {
  const { file } = options;
  if (file === null && !options.console) throw new Error('A log without a file needs the console');
  const feed = new LogFeed();
  const hub = new LogHub(options, feed, consoleDescriptor);
  const reader = new LogReader(file === null ? null : path.resolve(file), () => hub.flush());
  return {
    logger: new AppLogger(hub),
    nestLogger: new NestLogger(hub),
    feed,
    reader,
    foreignLines: new ForeignLines(hub),
  };
}
