import { createHash } from 'node:crypto';
import { xxh3 } from '@node-rs/xxhash';
import fc from 'fast-check';
import { type Algorithm, hashOf, normalizeChecksum, prepareHashing, startHash } from './hashing';

beforeAll(() => prepareHashing());

describe('checksums', () => {
  // Known answers: RFC 1321, FIPS 180-2, RFC 1950 ("Wikipedia" is the usual example), the reference xxHash.
  it.each<[Algorithm, string, string]>([
    ['md5', '', 'd41d8cd98f00b204e9800998ecf8427e'],
    ['md5', 'abc', '900150983cd24fb0d6963f7d28e17f72'],
    ['sha256', 'abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    ['adler32', '', '00000001'],
    ['adler32', 'a', '00620062'],
    ['adler32', 'Wikipedia', '11e60398'],
    ['xxh3', '', '2d06800538d394c2'],
    ['xxh3', 'a', 'e6c632b61e964e1f'],
  ])('%s of %p', (algorithm, text, expected) => {
    expect(hashOf(algorithm, Buffer.from(text))).toBe(expected);
    const running = startHash(algorithm);
    for (const character of text) running.update(Buffer.from(character));
    expect(running.digest()).toBe(expected);
  });

  it('are the same in however many parts the data comes', () => {
    const reference: Record<Algorithm, (data: Buffer) => string> = {
      xxh3: (data) => xxh3.xxh64(data).toString(16).padStart(16, '0'),
      sha256: (data) => createHash('sha256').update(data).digest('hex'),
      md5: (data) => createHash('md5').update(data).digest('hex'),
      adler32: (data) => hashOf('adler32', data),
    };
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 6 }), (parts) => {
        for (const algorithm of Object.keys(reference) as Algorithm[]) {
          const running = startHash(algorithm);
          for (const part of parts) running.update(Buffer.from(part));
          expect(running.digest()).toBe(reference[algorithm](Buffer.concat(parts)));
        }
      }),
    );
  });

  it('of a caller become lower case, Adler-32 with its leading zeros', () => {
    expect(normalizeChecksum({ algorithm: 'md5', value: 'ABCDEF' })).toEqual({ algorithm: 'md5', value: 'abcdef' });
    expect(normalizeChecksum({ algorithm: 'adler32', value: '62006A' })).toEqual({
      algorithm: 'adler32',
      value: '0062006a',
    });
  });
});
