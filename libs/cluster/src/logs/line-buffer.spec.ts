import { LineBuffer } from './line-buffer';

const LIMITS = { lines: 10, characters: 100, batchLines: 3, batchCharacters: 20 };
const textsOf = (lines: { text: string }[]) => lines.map(({ text }) => text);

function bufferOf(...texts: string[]): LineBuffer {
  const buffer = new LineBuffer(LIMITS);
  for (const text of texts) buffer.push(text);
  return buffer;
}

it('gives lines out in order and numbered, until they are removed', () => {
  const buffer = bufferOf('a', 'b', 'c', 'd');
  expect(buffer.batch()).toEqual([
    { number: 0, text: 'a' },
    { number: 1, text: 'b' },
    { number: 2, text: 'c' },
  ]);
  buffer.remove(2);
  expect(textsOf(buffer.batch())).toEqual(['c', 'd']);
  buffer.push('e');
  expect(buffer.batch().at(-1)).toEqual({ number: 4, text: 'e' });
  buffer.remove(3);
  expect(buffer.batch()).toEqual([]);
});

it('sends long lines one by one', () => {
  const buffer = bufferOf('x'.repeat(30), 'y'.repeat(15), 'z'.repeat(6));
  expect(textsOf(buffer.batch())).toEqual(['x'.repeat(30)]);
  buffer.remove(1);
  expect(textsOf(buffer.batch())).toEqual(['y'.repeat(15)]);
});

it.each([
  ['lines', Array.from({ length: 13 }, (_none, at) => `${at}`), 10],
  ['characters', Array.from({ length: 13 }, () => 'x'.repeat(25)), 4],
])(
  'drops what comes last when there are too many %s, and tells so when half of the room is free',
  (_of, texts, kept) => {
    const buffer = bufferOf(...texts);
    expect(buffer.size).toBe(kept);
    expect(buffer.tellDropped()).toBe(0);
    buffer.remove(kept / 2);
    expect(buffer.tellDropped()).toBe(13 - kept);
    expect(buffer.tellDropped()).toBe(0);
    buffer.push('next');
    buffer.remove(kept / 2);
    expect(buffer.batch()).toEqual([{ number: kept, text: 'next' }]);
  },
);
