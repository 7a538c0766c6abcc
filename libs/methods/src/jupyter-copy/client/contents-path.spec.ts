import { encodeContentsPath, encodeSegment } from './contents-path';

describe('encodeContentsPath', () => {
  it.each([
    ['', ''],
    ['a/b.txt', 'a/b.txt'],
    ['with space/ümlaut', 'with%20space/%C3%BCmlaut'],
    ['50%/a#b?c&d=e', '50%25/a%23b%3Fc%26d%3De'],
    ['back\\slash', 'back%5Cslash'],
    ['..%2fup', '..%252fup'],
    ['...', '...'],
  ])('encodes %j as %j', (path, encoded) => {
    expect(encodeContentsPath(path)).toBe(encoded);
    expect(new URL(encoded, 'http://h/base/').pathname).toBe(`/base/${encoded}`);
  });

  it.each(['/', '/a', 'a/', 'a//b', '.', '..', 'a/../b', 'a/./b', 'a\0b', 'a\ud800b'])('refuses %j', (path) => {
    expect(() => encodeContentsPath(path)).toThrow(RangeError);
  });

  it.each(['', '.', '..', 'a/b', '\0'])('refuses %j as one name', (name) => {
    expect(() => encodeSegment(name)).toThrow(RangeError);
  });
});
