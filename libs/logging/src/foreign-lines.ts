import { MAX_LINE_BYTES } from './entry/build-line';
import { escapeUnsafe } from './entry/escape-text';
import { parseEntry } from './entry/parse-entry';
import { isAtLeast } from './log-entry';
import { type LogHub } from './log-hub';

/** As `Date.toISOString` writes it. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const MAX_NAME = 255;

/**
 * The way for lines of other processes into the log of this one: they stand in its file as they came, behind what is there
 * (with their own `time`, which another clock told), and its feed shows them. They do not go to the console, nor to the
 * carriers of the feed.
 */
export class ForeignLines {
  constructor(private readonly hub: LogHub) {}

  /**
   * Takes a line of JSON, with or without its newline. False for what no log of ours writes, which is left out: it must be
   * an entry of at most 64 KiB that names its `host` and `process`. An entry below the level of this log is left out as
   * well. Whatever could end the line or control a terminal is escaped. Never throws and never waits.
   */
  takeIn(text: string): boolean {
    // Spares parsing: a line has at least as many bytes as characters.
    if (text.length > MAX_LINE_BYTES) return false;
    const entry = parseEntry(text);
    if (!entry || !isOfProcess(entry) || Object.keys(entry).some(isNumber)) return false;
    if (!isAtLeast(entry.level, this.hub.level)) return true;
    const { time, level, message, ...fields } = entry;
    const line = `${escapeUnsafe(JSON.stringify({ time, level, message, ...fields }))}\n`;
    if (Buffer.byteLength(line) > MAX_LINE_BYTES) return false;
    this.hub.takeIn(line);
    return true;
  }

  /** Resolves when what was taken in stands in the file, or that could not be done. */
  flush(): Promise<void> {
    return this.hub.flush();
  }
}

function isOfProcess(entry: Record<string, unknown>): boolean {
  const { time, host, process, operation_id: operation } = entry;
  const isOperation = operation === undefined || typeof operation === 'string';
  return TIME.test(time as string) && isName(host) && isName(process) && isOperation;
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= MAX_NAME;
}

/** JavaScript would put such a name before the time; the log writes none. */
function isNumber(name: string): boolean {
  return /^\d+$/.test(name);
}
