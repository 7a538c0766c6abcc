import Tokenizer from '@streamparser/json/tokenizer.js';
import TokenType from '@streamparser/json/utils/types/tokenType.js';
import { type ParsedTokenInfo } from '@streamparser/json/utils/types/parsedTokenInfo.js';
import { AppError } from '@app/core';
import { malformed } from './to-app-error';

/** One item is never more than any other body may be, in bytes; measured by what arrives at once. */
const MAX_ITEM_BYTES = 1024 ** 2;
/** No item is deeper; what is would only exhaust who walks through it. */
const MAX_DEPTH = 8;
/** Longer names of fields are cut where an error tells them. */
const MAX_NAME = 200;

/** What may stand next in an object or an array. */
type Expected = 'first' | 'key' | 'colon' | 'value' | 'comma';

/** An object or array that is open: the whole body, its list of items, or a value in an item. */
interface Level {
  /** Null for the body and the list, of which nothing is kept. */
  value: Record<string, unknown> | unknown[] | null;
  isArray: boolean;
  expected: Expected;
  /** The field whose value comes next. */
  key: string;
}

/**
 * Reads `{"items": [...]}` piece by piece and gives each item as soon as it is whole. Throws `validation_failed` for
 * what is not JSON, has other fields beside `items`, a field twice, or more than `maxItems` items.
 */
export class ItemParser {
  private readonly tokenizer = new Tokenizer();
  private readonly levels: Level[] = [];
  private found: unknown[] = [];
  private count = 0;
  private hasItems = false;
  private hasEnded = false;
  /** Bytes that have come since something was whole. */
  private open = 0;

  constructor(private readonly maxItems: number) {
    this.tokenizer.onToken = (token) => this.take(token);
  }

  /** Reads on, and returns the items that end in these bytes. */
  write(bytes: Buffer): unknown[] {
    this.open += bytes.length;
    this.found = [];
    this.attempt(() => this.tokenizer.write(bytes));
    if (this.open > MAX_ITEM_BYTES) throw malformed(this.place(), `is larger than ${MAX_ITEM_BYTES} bytes`);
    return this.found;
  }

  /** There is no more. */
  end(): void {
    // A number ends only here when it is the last of all.
    this.attempt(() => this.tokenizer.end());
    if (!this.hasEnded) throw this.levels.length > 0 ? notJson() : malformed('body', 'is missing: send a JSON object');
    if (!this.hasItems) throw malformed('items', 'is missing: send {"items": [...]}');
    if (this.count === 0) throw malformed('items', 'must not be empty');
  }

  private attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      throw error instanceof AppError ? error : notJson();
    }
  }

  private take({ token, value }: ParsedTokenInfo): void {
    const level = this.levels.at(-1);
    if (!level) return this.begin(token);
    switch (token) {
      case TokenType.LEFT_BRACE:
        return this.push(level, {}, false);
      case TokenType.LEFT_BRACKET:
        return this.push(level, [], true);
      case TokenType.RIGHT_BRACE:
      case TokenType.RIGHT_BRACKET:
        return this.close(level, token === TokenType.RIGHT_BRACKET);
      case TokenType.COLON:
        return expect(level, 'colon', 'value');
      case TokenType.COMMA:
        return expect(level, 'comma', level.isArray ? 'value' : 'key');
      default:
        if (!level.isArray && (level.expected === 'first' || level.expected === 'key')) return this.name(level, value);
        this.mayHaveValue(level);
        this.keep(level, value);
    }
  }

  private begin(token: TokenType): void {
    if (this.hasEnded) throw notJson();
    if (token !== TokenType.LEFT_BRACE) throw malformed('body', 'must be a JSON object');
    this.levels.push({ value: null, isArray: false, expected: 'first', key: '' });
  }

  private name(level: Level, key: unknown): void {
    if (typeof key !== 'string') throw notJson();
    if (level.value === null && key !== 'items') throw malformed(key.slice(0, MAX_NAME), 'is not a known field');
    const isTwice = level.value === null ? this.hasItems : Object.hasOwn(level.value, key);
    if (isTwice) throw malformed(this.fieldOf(key), 'is given twice');
    level.key = key;
    level.expected = 'colon';
  }

  private push(level: Level, value: Level['value'], isArray: boolean): void {
    this.mayHaveValue(level);
    const isList = this.levels.length === 1;
    if (isList && !isArray) throw notAnArray();
    if (this.levels.length >= MAX_DEPTH + 2) throw malformed(this.place(), 'is nested too deeply');
    this.hasItems ||= isList;
    this.levels.push({ value: isList ? null : value, isArray, expected: 'first', key: '' });
  }

  private close(level: Level, isArray: boolean): void {
    const mayEnd = level.expected === 'first' || level.expected === 'comma';
    if (!mayEnd || level.isArray !== isArray) throw notJson();
    this.levels.pop();
    const outer = this.levels.at(-1);
    if (!outer) this.hasEnded = true;
    else if (level.value === null) outer.expected = 'comma';
    else this.keep(outer, level.value);
    if (level.value === null) this.open = 0;
  }

  private mayHaveValue({ isArray, expected }: Level): void {
    if (expected !== 'value' && !(isArray && expected === 'first')) throw notJson();
  }

  /** Puts a whole value where it belongs; one that belongs to the list is an item. */
  private keep(level: Level, value: unknown): void {
    level.expected = 'comma';
    if (Array.isArray(level.value)) level.value.push(value);
    else if (level.value !== null) setField(level.value, level.key, value);
    else if (level.isArray) this.give(value);
    else throw notAnArray();
  }

  private give(item: unknown): void {
    this.count += 1;
    this.open = 0;
    if (this.count > this.maxItems) throw malformed('items', `must have at most ${this.maxItems} items`);
    this.found.push(item);
  }

  /** The item that is read now, as errors call it. */
  private place(): string {
    return this.levels.length > 1 ? `items[${this.count}]` : 'body';
  }

  private fieldOf(key: string): string {
    if (this.levels.length === 1) return key;
    const names = this.levels.slice(2, -1).map((level) => (level.isArray ? '' : `.${level.key}`));
    return `${this.place()}${names.join('')}.${key}`.slice(0, MAX_NAME);
  }
}

function expect(level: Level, expected: Expected, next: Expected): void {
  if (level.expected !== expected) throw notJson();
  level.expected = next;
}

/** As `JSON.parse` does: `__proto__` is a field like any other. */
function setField(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') object[key] = value;
  else Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

function notJson(): AppError {
  return malformed('body', 'is not complete, valid JSON');
}

function notAnArray(): AppError {
  return malformed('items', 'must be an array');
}
