import { types } from 'node:util';
import { isSecretName, REDACTED, redactText } from './redact';

/** What JSON can hold. */
export type Plain = string | number | boolean | null | Plain[] | { [name: string]: Plain };

const MAX_DEPTH = 8;
const MAX_MEMBERS = 100;
const MAX_VALUES = 1000;
const MAX_TOTAL_TEXT = 65_536;
const MAX_NAME = 128;
const UNREADABLE = '[unreadable]';
const TOO_MUCH = '[cut]';

/**
 * Turns any values of one log entry into plain ones, without secrets and of bounded size and effort. Never throws:
 * circular values, throwing getters and proxies become a word in brackets; what is cut says so.
 */
export class ValueDescriber {
  private values = MAX_VALUES;
  private text = MAX_TOTAL_TEXT;
  private readonly open = new Set<object>();

  /** `maxText`: characters that one string may have. */
  constructor(private readonly maxText: number) {}

  /** The plain value; undefined for undefined. */
  describe(value: unknown, depth = 0): Plain | undefined {
    this.values -= 1;
    switch (typeof value) {
      case 'string':
        return this.describeText(value);
      case 'number':
        return Number.isFinite(value) ? value : String(value);
      case 'boolean':
        return value;
      case 'bigint':
      case 'symbol':
        return this.describeText(String(value));
      case 'undefined':
        return undefined;
      case 'function':
        return '[function]';
      case 'object':
        return value === null ? null : this.describeObject(value, depth);
    }
  }

  private describeText(text: string): string {
    const max = Math.max(0, Math.min(this.maxText, this.text));
    const shown = redactAndCut(text, max);
    this.text -= shown.length;
    return shown;
  }

  private describeObject(value: object, depth: number): Plain | undefined {
    if (this.open.has(value)) return '[circular]';
    if (depth >= MAX_DEPTH || this.values < 0) return TOO_MUCH;
    this.open.add(value);
    try {
      return this.describeContents(value, depth + 1);
    } catch {
      return UNREADABLE;
    } finally {
      this.open.delete(value);
    }
  }

  private describeContents(value: object, depth: number): Plain | undefined {
    // By Node's own test as well, since an error may come from another realm (a worker, a test's context).
    if (types.isNativeError(value) || value instanceof Error) return this.describeError(value, depth);
    if (ArrayBuffer.isView(value)) return `[${value.constructor.name}, ${value.byteLength} bytes]`;
    if (Array.isArray(value)) return this.describeItems(value, value.length, depth);
    if (value instanceof Set) return this.describeItems(value, value.size, depth);
    if (value instanceof Map)
      return this.describeMembers(
        [...value].map(([name, held]) => [String(name), () => held as unknown]),
        depth,
      );
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === 'function') return this.describe((toJSON as () => unknown).call(value), depth);
    return this.describeMembers(membersOf(value), depth);
  }

  private describeError(error: Error & { code?: unknown; errors?: unknown }, depth: number): Plain {
    const shown: Member[] = (['name', 'message', 'code', 'stack', 'cause'] as const).map((name) => [
      name,
      () => error[name],
    ]);
    if (error instanceof AggregateError) shown.push(['errors', () => error.errors as unknown]);
    return this.describeMembers(shown, depth);
  }

  private describeItems(items: Iterable<unknown>, size: number, depth: number): Plain[] {
    const shown: Plain[] = [];
    for (const item of items) {
      if (shown.length >= MAX_MEMBERS) {
        shown.push(`[cut, ${size} items]`);
        break;
      }
      shown.push(this.describe(item, depth) ?? null);
    }
    return shown;
  }

  private describeMembers(members: Member[], depth: number): { [name: string]: Plain } {
    const shown: [string, Plain][] = [];
    for (const [name, read] of members.slice(0, MAX_MEMBERS)) {
      const plain = this.describeMember(name, read, depth);
      if (plain !== undefined) shown.push([shortName(name), plain]);
    }
    if (members.length > MAX_MEMBERS) shown.push(['cut', `${members.length} fields`]);
    // Not by assignment, which would treat the name __proto__ in its own way.
    return Object.fromEntries(shown);
  }

  /** The value under a name; a secret's name hides it. */
  describeMember(name: string, read: () => unknown, depth = 0): Plain | undefined {
    let value: unknown;
    try {
      value = read();
    } catch {
      return UNREADABLE;
    }
    return value !== undefined && isSecretName(name) ? REDACTED : this.describe(value, depth);
  }
}

/** A name and how to read what it names, which may throw. */
export type Member = [name: string, read: () => unknown];

/** The enumerable members of an object, unread; none when it does not even tell their names. */
export function membersOf(value: unknown): Member[] {
  if (typeof value !== 'object' || value === null) return [];
  try {
    return Object.keys(value).map((name) => [name, () => (value as Record<string, unknown>)[name]]);
  } catch {
    return [];
  }
}

/** A name that is not too long to stand in every line. */
export function shortName(name: string): string {
  return name.slice(0, MAX_NAME);
}

/** Redacts before the cut, so that no secret loses the mark by which it is known; a character is never halved. */
function redactAndCut(text: string, max: number): string {
  const window = 2 * max;
  const redacted = redactText(text.length > window ? text.slice(0, window) : text);
  if (redacted.length <= max && text.length <= window) return redacted;
  const kept = redacted.slice(0, max).replace(/[\ud800-\udbff]$/, '');
  return `${kept}[cut, ${text.length} characters]`;
}
