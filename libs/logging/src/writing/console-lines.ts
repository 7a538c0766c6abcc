import { write } from 'node:fs';
import { promisify } from 'node:util';
import { escapeUnsafe } from '../entry/escape-text';
import { type LogEntry } from '../log-entry';
import { LineOutput, countFitting } from './line-output';
import { type LineSink } from './line-writer';

const writeTo = promisify(write);
const MAX_WRITE = 16_384;
const MAX_FIELD = 500;

/**
 * Writes lines to a descriptor of the process, in a thread of libuv's: a terminal or pipe that nobody reads
 * (process.stderr would block there) holds up nothing but the console.
 */
export class ConsoleLines implements LineSink {
  private readonly output = new LineOutput();

  constructor(private readonly descriptor: number) {}

  append(lines: readonly string[]): Promise<number> {
    const some = lines.slice(0, countFitting(lines, MAX_WRITE));
    return this.output.write(some, async (bytes, offset) => {
      const { bytesWritten } = await writeTo(this.descriptor, bytes, offset, bytes.length - offset, null);
      return bytesWritten;
    });
  }

  /** The descriptor belongs to the process. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** One line for people: time, level, message, and the fields but for stack traces, which the file has. */
export function renderEntry(entry: LogEntry): string {
  const { time, level, message, ...fields } = entry;
  const shown = Object.entries(fields).map(([name, value]) => ` ${escapeUnsafe(name)}=${renderValue(value)}`);
  return `${time} ${level.padEnd(7)} ${escapeUnsafe(message)}${shown.join('')}\n`;
}

function renderValue(value: unknown): string {
  if (typeof value === 'string' && /^[\w./:@+-]+$/.test(value)) return cut(value);
  return cut(escapeUnsafe(JSON.stringify(value, (name, held: unknown) => (name === 'stack' ? undefined : held))));
}

function cut(text: string): string {
  return text.length <= MAX_FIELD ? text : `${escapeUnsafe(text.slice(0, MAX_FIELD))}[cut]`;
}
