import { expect, it } from 'vitest';
import type { LogEntry } from '../../api/types';
import { LogLines, MAX_LINES } from './log-lines';

const entry = (message: string) => ({ time: '2026-02-01T12:00:00.000Z', level: 'INFO', message }) as LogEntry;
const texts = (log: LogLines) => log.toArray().map(({ message }) => message);
/** The number of a line, by its text. */
const keyOf = (log: LogLines, text: string) => log.firstKey + texts(log).indexOf(text);

it('lines keep their number when others come before or behind them', () => {
  const log = LogLines.empty.append([entry('b'), entry('c')]);
  const more = log.prepend([entry('a')]).append([entry('d')]);
  expect(texts(more)).toEqual(['a', 'b', 'c', 'd']);
  expect(keyOf(more, 'b')).toBe(keyOf(log, 'b'));
  expect(more.nextKey - more.firstKey).toBe(4);
});

it('are so many at most: the oldest go, and no history comes in front then', () => {
  const many = Array.from({ length: MAX_LINES }, (_none, index) => entry(String(index)));
  const full = LogLines.empty.append(many);
  const fuller = full.append([entry('new')]);
  expect(fuller.length).toBe(MAX_LINES);
  expect(fuller.at(MAX_LINES - 1)!.message).toBe('new');
  expect(fuller.at(0)!.message).toBe('1');
  expect(keyOf(fuller, '500')).toBe(keyOf(full, '500'));
  expect(full.prepend([entry('old')])).toHaveProperty('length', MAX_LINES);
});

it('lines that were shown stay as they were, whatever is added to them, and twice', () => {
  const log = LogLines.empty.append([entry('a')]);
  const one = log.append([entry('b')]);
  const other = log.append([entry('c')]);
  expect([log, one, other].map(texts)).toEqual([['a'], ['a', 'b'], ['a', 'c']]);
  expect([log.at(1), log.at(-1)]).toEqual([undefined, undefined]);
  expect(texts(LogLines.empty)).toEqual([]);
});

it('adding a line copies none of those that are there, but now and then', () => {
  const added = MAX_LINES / 4;
  let log = LogLines.empty.append(Array.from({ length: MAX_LINES }, (_none, index) => entry(String(index))));
  const copies = new Set<unknown>();
  for (let at = 0; at < added; at += 1) {
    log = log.append([entry(`new ${at}`)]);
    copies.add(log['shared']);
    expect(log['shared'].length).toBeLessThan(1.2 * MAX_LINES);
  }
  expect(copies.size).toBeLessThan(5);
  expect(log.length).toBe(MAX_LINES);
  expect(log.at(0)!.message).toBe(String(added));
  expect(log.at(MAX_LINES - 1)!.message).toBe(`new ${added - 1}`);
  expect(log.firstKey).toBe(added);
});
