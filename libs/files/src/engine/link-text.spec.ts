import path from 'node:path/posix';
import fc from 'fast-check';
import { relativeText, staysBelow } from './link-text';

const directory = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 5 });

describe('staysBelow', () => {
  it.each([
    ['file', ['a', 'b'], ['a'], true],
    ['./x//y/.', ['a'], ['a'], true],
    ['..', ['a', 'b'], ['a'], true],
    ['../c', ['a', 'b'], ['a'], true],
    ['..', ['a'], ['a'], false],
    ['../a/b', ['a'], ['a'], false],
    ['../../a', ['a', 'b'], ['a'], false],
    ['b/../c', ['a'], ['a'], false],
    ['/a/b', ['a'], ['a'], false],
    ['', ['a'], ['a'], true],
  ])('%p in %p below %p: %p', (text, from, base, expected) => expect(staysBelow(text, from, base)).toBe(expected));

  it('is never true for what leads out by its names', () => {
    const texts = fc.array(fc.constantFrom('..', '.', '', 'a', 'b'), { maxLength: 8 }).map((parts) => parts.join('/'));
    fc.assert(
      fc.property(directory, directory, texts, (base, below, text) => {
        const from = [...base, ...below];
        if (!staysBelow(text, from, base)) return;
        const to = path.resolve('/', ...from, text);
        const top = path.resolve('/', ...base);
        expect(to === top || to.startsWith(top === '/' ? '/' : `${top}/`)).toBe(true);
      }),
    );
  });
});

it('relativeText leads from one directory to the other', () => {
  fc.assert(
    fc.property(directory, directory, (from, to) => {
      const text = relativeText(from, to);
      expect(text).not.toBe('');
      expect(path.resolve('/', ...from, text)).toBe(path.resolve('/', ...to));
    }),
  );
});
