export { AppLogger, type LogFields } from './app-logger';
export { createLogging, type Logging } from './create-logging';
export { type LogEntry, type LogLevel } from './log-entry';
export { LogFeed } from './log-feed';
export { LoggingModule, type LoggingModuleOptions } from './logging.module';
export { type LoggingOptions } from './logging-options';
export { NestLogger } from './nest-logger';
export { LineFilter } from './reading/line-filter';
export { LogReader, type LogPage, type LogQuery } from './reading/log-reader';
