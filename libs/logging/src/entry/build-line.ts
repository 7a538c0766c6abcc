import { type LogEntry, type LogFields, type LogLevel } from '../log-entry';
import { type Member, membersOf, type Plain, shortName, ValueDescriber } from './describe-value';
import { escapeUnsafe } from './escape-text';

/** An entry and the one line of JSON, with its newline, that is the entry in the file. */
export interface BuiltLine {
  entry: LogEntry;
  line: string;
}

/** Bytes that a line may have. */
export const MAX_LINE_BYTES = 65_536;
/** Characters that a value may have: at first, and where the line becomes too long with that. */
const VALUE_LENGTHS = [8192, 1024, 128];
const MAX_MESSAGE = 8192;

/**
 * Builds an entry from a message and sets of fields, of which a later one overrides an earlier. Never throws, whatever
 * the fields are. The first keys are `time`, `level`, `message`; a field of such a name is kept with the prefix `field_`.
 * Behind them stand the `constant` fields, which no other overrides and no length crowds out.
 */
export function buildLine(
  time: Date,
  level: LogLevel,
  message: unknown,
  fieldSets: readonly unknown[],
  constant: LogFields = {},
): BuiltLine {
  const head = { time: time.toISOString(), level, message: messageText(message) };
  // At both ends: the first of a name tells its place, the last its value.
  const fields = collectFields([constant, ...fieldSets, constant]);
  for (const length of VALUE_LENGTHS) {
    const entry: LogEntry = { ...head, ...describeFields(fields, length) };
    const line = toLine(entry);
    if (isShortEnough(line)) return { entry, line };
  }
  const kept = fields.filter(([name]) => name === 'operation_id' || Object.hasOwn(constant, name));
  const entry: LogEntry = {
    ...head,
    ...describeFields(kept, VALUE_LENGTHS.at(-1)!),
    cut: `${fields.length} fields`,
  };
  return { entry, line: toLine(entry) };
}

function messageText(message: unknown): string {
  const plain = new ValueDescriber(MAX_MESSAGE).describe(message);
  if (typeof plain === 'string') return plain;
  const text = JSON.stringify(plain ?? null);
  return new ValueDescriber(MAX_MESSAGE).describe(text) as string;
}

function collectFields(fieldSets: readonly unknown[]): Member[] {
  const fields = new Map<string, Member[1]>();
  for (const set of fieldSets) {
    for (const [name, read] of membersOf(set)) fields.set(fieldName(name), read);
  }
  return [...fields];
}

/** JavaScript puts names that are numbers before all others, so that these get a prefix as well. */
function fieldName(name: string): string {
  return /^(time|level|message|\d+)$/.test(name) ? `field_${name}` : name;
}

function describeFields(fields: Member[], maxText: number): Record<string, Plain> {
  const describer = new ValueDescriber(maxText);
  const shown: [string, Plain][] = [];
  for (const [name, read] of fields) {
    const plain = describer.describeMember(name, read);
    if (plain !== undefined) shown.push([shortName(name), plain]);
  }
  return Object.fromEntries(shown);
}

function toLine(entry: LogEntry): string {
  return `${escapeUnsafe(JSON.stringify(entry))}\n`;
}

function isShortEnough(line: string): boolean {
  // No UTF-16 unit takes more than three bytes of UTF-8.
  return line.length * 3 <= MAX_LINE_BYTES || Buffer.byteLength(line) <= MAX_LINE_BYTES;
}
