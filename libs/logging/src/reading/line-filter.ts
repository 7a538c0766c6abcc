import { parseEntry } from '../entry/parse-entry';
import { isAtLeast, type LogEntry, type LogLevel } from '../log-entry';

/** Which entries are wanted. */
export interface LineFilterOptions {
  level?: LogLevel | undefined;
  q?: string | undefined;
  operationId?: string | undefined;
}

/** Picks entries out of lines. */
export class LineFilter {
  /** Texts that a wanted line holds as they are, so that most lines need not be parsed. */
  private readonly needles: string[];

  constructor(private readonly options: LineFilterOptions) {
    const wanted = [options.q, options.operationId];
    this.needles = wanted.filter((text) => text !== undefined && isWrittenAsItIs(text)) as string[];
  }

  /** The entry of a line; undefined when it is not wanted, or is not an entry (torn, or written by somebody else). */
  match(line: Buffer): LogEntry | undefined {
    if (this.needles.some((needle) => !line.includes(needle))) return undefined;
    const entry = parseEntry(line.toString('utf8'));
    return entry && this.wants(entry) ? entry : undefined;
  }

  /** Whether an entry is wanted. */
  wants(entry: LogEntry): boolean {
    const { level, q, operationId } = this.options;
    if (level !== undefined && !isAtLeast(entry.level, level)) return false;
    if (operationId !== undefined && entry.operation_id !== operationId) return false;
    return q === undefined || holds(entry, q);
  }
}

/** JSON may write other characters as escapes. */
function isWrittenAsItIs(text: string): boolean {
  return /^[\w .:@+,;=()[\]{}-]+$/.test(text);
}

/** True when the message or another value, also an inner one, holds the text. */
function holds(value: unknown, text: string): boolean {
  if (typeof value === 'string') return value.includes(text);
  if (typeof value !== 'object' || value === null) return String(value).includes(text);
  return Object.values(value).some((held) => holds(held, text));
}
