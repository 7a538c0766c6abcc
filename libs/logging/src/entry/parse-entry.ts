import { isLogLevel, type LogEntry } from '../log-entry';

/** Deeper nesting than the log ever writes (8) is not an entry. */
const MAX_DEPTH = 16;

/** The entry that a line is; undefined when it is none (torn, or written by somebody else). */
export function parseEntry(text: string): LogEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !isShallow(value, MAX_DEPTH)) return undefined;
  const { time, level, message } = value as Record<string, unknown>;
  const isEntry = typeof time === 'string' && isLogLevel(level) && typeof message === 'string';
  return isEntry ? (value as LogEntry) : undefined;
}

/** Guards what walks through the value, here and in the answer, against running out of stack. */
function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((held) => isShallow(held, depth - 1));
}
