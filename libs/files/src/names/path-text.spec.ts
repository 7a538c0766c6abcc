import fc from 'fast-check';
import { AppError } from '@app/core';
import {
  lastName,
  MAX_PATH_BYTES,
  readDestination,
  readPath,
  refuseEscape,
  segmentsOf,
  showPath,
  showPathAs,
} from './path-text';
import { isPlainName, rawFromText, rawPath } from './raw-name';

/** Any bytes of a path: neither empty nor holding NUL, within the limits. */
const rawBytes = fc
  .array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 200 })
  .map((bytes) => String.fromCharCode(...bytes));

const read = (text: string, encoding?: 'percent' | null) => readPath('local_path_on_storage', text, encoding);

/** The fault that a field is refused for. */
function faultOf(call: () => unknown): { code: string; field: string | undefined; message: string | undefined } {
  try {
    call();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const [first] = error.errors ?? [];
    return { code: error.code, field: first?.field, message: first?.message };
  }
  throw new Error('nothing was refused');
}

describe('readPath', () => {
  it('takes text as its UTF-8 bytes, backslashes and control characters among them', () => {
    expect(read('a/b c\\d\n')).toBe('a/b c\\d\n');
    expect(Buffer.from(read('Grüße/星'), 'latin1').toString('utf8')).toBe('Grüße/星');
  });

  it('keeps a byte order mark, which is a character of the name', () => {
    expect(Buffer.from(read('\ufeffa'), 'latin1')).toEqual(Buffer.from('\ufeffa', 'utf8'));
    expect(showPath(read('\ufeffa')).text).toBe('\ufeffa');
  });

  it('decodes %XX only where the encoding says so', () => {
    expect(read('50%25%20off', 'percent')).toBe('50% off');
    expect(read('caf%E9', 'percent')).toBe('caf\xe9');
    expect(read('ü%ff', 'percent')).toBe('\xc3\xbc\xff');
    expect(read('50%25')).toBe('50%25');
    expect(read('100%')).toBe('100%');
  });

  it.each(['%', 'a%2', '%zz', 'x%%41', '%1\n'])('refuses %p as percent-encoded', (text) => {
    const message = 'has a % that no two hex digits follow';
    expect(faultOf(() => read(text, 'percent'))).toEqual({
      code: 'validation_failed',
      field: 'local_path_on_storage',
      message,
    });
  });

  it.each([
    ['nothing', '', null, 'must not be empty'],
    ['a NUL', 'a\0b', null, 'must not contain NUL'],
    ['an encoded NUL', 'a%00b', 'percent' as const, 'must not contain NUL'],
    ['a lone high surrogate', 'a\ud800', null, 'must be valid Unicode'],
    ['a lone low surrogate', '\udc00a', null, 'must be valid Unicode'],
    ['a lone surrogate in percent-encoded text', '\ud800%41', 'percent' as const, 'must be valid Unicode'],
  ])('refuses %s, naming the field', (_what, text, encoding, message) => {
    expect(faultOf(() => read(text, encoding))).toEqual({
      code: 'validation_failed',
      field: 'local_path_on_storage',
      message,
    });
  });

  it('counts its limits in bytes: 4096 in all, 255 in a segment', () => {
    const longest = `${'x'.repeat(255)}/`.repeat(16);
    expect(longest).toHaveLength(MAX_PATH_BYTES);
    expect(read(longest)).toBe(longest);
    expect(faultOf(() => read(`${longest}y`)).message).toBe('must not be longer than 4096 bytes');
    expect(read('ü'.repeat(127))).toHaveLength(254);
    expect(faultOf(() => read('ü'.repeat(128))).message).toBe('must not have a segment longer than 255 bytes');
    expect(read('%C3'.repeat(255), 'percent')).toHaveLength(255);
    expect(faultOf(() => read('%C3'.repeat(256), 'percent')).message).toMatch(/255 bytes/);
  });
});

describe('showPath', () => {
  it('comes back as the same bytes through readPath, whatever the bytes are', () => {
    fc.assert(
      fc.property(rawBytes, (raw) => {
        const { text, encoding } = showPath(raw);
        expect(read(text, encoding)).toBe(raw);
      }),
    );
  });

  it('comes back through readPath in the percent encoding too, in which it is plain ASCII', () => {
    fc.assert(
      fc.property(rawBytes, (raw) => {
        const { text, encoding } = showPathAs(raw, 'percent');
        expect(encoding).toBe('percent');
        expect(text).toMatch(/^(?:[A-Za-z0-9\-._~/]|%[0-9A-F]{2})+$/);
        expect(read(text, encoding)).toBe(raw);
      }),
    );
  });

  it('gives text back as it was written', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), (text) => {
        fc.pre(!text.includes('\0'));
        expect(showPath(rawFromText(text))).toEqual({ text, encoding: null });
      }),
    );
  });

  it('encodes as a whole what is not UTF-8, also when text is asked for', () => {
    expect(showPath('a b/caf\xe9')).toEqual({ text: 'a%20b/caf%E9', encoding: 'percent' });
    expect(showPathAs('caf\xe9', null)).toEqual({ text: 'caf%E9', encoding: 'percent' });
    expect(showPathAs('cafe', null)).toEqual({ text: 'cafe', encoding: null });
  });

  it('takes overlong forms and encoded surrogates for what they are: not UTF-8', () => {
    expect(showPath('\xc0\xaf').encoding).toBe('percent');
    expect(showPath('\xed\xa0\x80').encoding).toBe('percent');
  });
});

describe('rawPath', () => {
  it('passes on exactly the bytes, as text only where that is the same', () => {
    fc.assert(
      fc.property(rawBytes, (raw) => {
        const passed = rawPath(raw);
        expect(Buffer.from(passed as string).equals(Buffer.from(raw, 'latin1'))).toBe(true);
      }),
    );
  });
});

describe('isPlainName', () => {
  it.each(['', '.', '..', 'a/b', '/', 'a\0'])('refuses %p', (name) => expect(isPlainName(name)).toBe(false));
  it.each(['...', ' ', '\\', '.hidden', '\xff', 'a\n'])('accepts %p', (name) => expect(isPlainName(name)).toBe(true));
});

describe('segments', () => {
  it('drop what is empty or a dot, and keep "..": resolving it is not for names to do', () => {
    expect(segmentsOf('//a/./b//../c/.')).toEqual(['a', 'b', '..', 'c']);
    expect(lastName('a/b/.//')).toBe('b');
    expect(lastName('a/..')).toBeUndefined();
    expect(lastName('/')).toBeUndefined();
  });
});

describe('readDestination', () => {
  it.each([
    ['a/b.fits', ['a', 'b.fits'], false],
    ['./a//./b', ['a', 'b'], false],
    ['in/', ['in'], true],
    ['a/.', ['a'], false],
    ['./', [], true],
    ['a\\..\\b', ['a\\..\\b'], false],
    [' ', [' '], false],
  ])('reads %p', (text, segments, intoDirectory) => {
    expect(readDestination(text)).toEqual({ segments, intoDirectory, absolute: false });
    expect(() => refuseEscape(readDestination(text))).not.toThrow();
  });

  it.each(['.', './.'])('refuses %p, which names nothing', (text) => {
    expect(faultOf(() => readDestination(text))).toMatchObject({ code: 'validation_failed', field: 'relative_path' });
  });

  it.each([
    '/a',
    '/',
    '//a',
    '..',
    '../',
    'a/..',
    'a/../b',
    'a/../../b',
    '.staging-01900000-0000-7000-8000-000000000000',
    'in/.staging-01900000-x/y',
  ])('reads %p, but does not let it escape', (text) => {
    const destination = readDestination(text);
    expect(faultOf(() => refuseEscape(destination)).code).toBe('path_outside_user_area');
  });

  it('sees through percent encoding before it looks for an escape', () => {
    for (const text of ['%2E%2E/x', 'a%2F..%2Fb', '%2Fetc']) {
      const destination = readDestination(text, 'percent');
      expect(faultOf(() => refuseEscape(destination)).code).toBe('path_outside_user_area');
    }
  });

  it('leaves only plain names below the area, whatever bytes come in', () => {
    const pieces = fc.constantFrom('..', '.', '/', 'a', '\\', ' ', '\n', '\xff', '.staging-0190abcd-', '%2E', 'é');
    const paths = fc.oneof(
      rawBytes,
      fc.array(pieces, { minLength: 1, maxLength: 12 }).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(paths, (raw) => {
        const { text, encoding } = showPathAs(raw, 'percent');
        let destination;
        try {
          destination = readDestination(text, encoding);
          refuseEscape(destination);
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
          return;
        }
        expect(destination.absolute).toBe(false);
        for (const segment of destination.segments) {
          expect(isPlainName(segment)).toBe(true);
          expect(segment).not.toMatch(/^\.staging-[0-9a-f]{8}-/);
        }
      }),
    );
  });
});
