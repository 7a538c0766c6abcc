/** How grave an entry is. */
export type LogLevel = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR';

/**
 * One line of the log. Field names are snake_case. An error is told as `{name, message, code?, stack, cause?}`, with the
 * chain of its causes.
 */
export interface LogEntry {
  /** ISO 8601, UTC, milliseconds. */
  time: string;
  level: LogLevel;
  message: string;
  operation_id?: string;
  [field: string]: unknown;
}

/** Fields of an entry, in snake_case; see {@link LogEntry}. */
export type LogFields = Record<string, unknown>;

/** Winston's order of levels: the smaller the number, the graver. */
export const SEVERITY: Readonly<Record<LogLevel, number>> = { ERROR: 0, WARNING: 1, INFO: 2, DEBUG: 3 };

/** True when `level` is `threshold` or graver. */
export function isAtLeast(level: LogLevel, threshold: LogLevel): boolean {
  return SEVERITY[level] <= SEVERITY[threshold];
}

/** True for the names of the four levels, exactly as they are written in the log. */
export function isLogLevel(value: unknown): value is LogLevel {
  return typeof value === 'string' && Object.hasOwn(SEVERITY, value);
}
