import { type LogFields, type LogLevel } from './log-entry';

/** How the log is kept. */
export interface LoggingOptions {
  /** Entries below this level are not made at all. */
  level: LogLevel;
  /**
   * The live log file; rotated ones are `<file>.1` (newest) to `<file>.<maxFiles>`. One process a file: two processes
   * that rotate the same file at the same moment could lose a rotated one. Null: no file, which needs `console`; then
   * the log cannot be read back.
   */
  file: string | null;
  /** The live file is rotated before a line would make it larger than this. */
  maxBytes: number;
  /** Rotated files to keep, besides the live one; at least 1. */
  maxFiles: number;
  /** Also show entries, readable, on standard error. */
  console: boolean;
  /** What is the same for the whole process: stands in each entry, and wins over a field of the same name. */
  fields?: LogFields;
}
