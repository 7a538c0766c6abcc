import { expect, it } from 'vitest';
import { LogLines, MAX_LINES } from './log-lines';

const entry = (message: string) => ({ time: '2026-02-01T12:00:00.000Z', level: 'INFO', message }) as never;
const texts = (log: LogLines) => log.lines.map(({ entry: { message } }) => message);

it('lines keep their number when others come before or behind them', () => {
  const log = LogLines.empty.append([entry('b'), entry('c')]);
  const key = log.lines[0]!.key;
  const more = log.prepend([entry('a')]).append([entry('d')]);
  expect(texts(more)).toEqual(['a', 'b', 'c', 'd']);
  expect(more.lines[1]!.key).toBe(key);
  expect(new Set(more.lines.map((line) => line.key)).size).toBe(4);
});

it('are so many at most: the oldest go, and no history comes in front then', () => {
  const many = Array.from({ length: MAX_LINES }, (_none, index) => entry(String(index)));
  const full = LogLines.empty.append(many);
  expect(full.append([entry('new')]).lines).toHaveLength(MAX_LINES);
  expect(texts(full.append([entry('new')])).at(-1)).toBe('new');
  expect(texts(full.append([entry('new')]))[0]).toBe('1');
  expect(full.prepend([entry('old')])).toHaveProperty('lines.length', MAX_LINES);
});
