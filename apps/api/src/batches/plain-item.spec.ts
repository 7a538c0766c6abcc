import fc from 'fast-check';
import { RequestPipe } from '../http/request-pipe';
import { StageDataDto } from '../staging/dto/stage-data.dto';
import { plainItem } from './plain-item';

const pipe = new RequestPipe();
const byRules = async (value: unknown): Promise<unknown> =>
  pipe.transform(value, { type: 'body', metatype: StageDataDto });

/** As items come in: own properties of any name. */
const asParsed = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const text = fc.oneof(
  fc.string(),
  fc.constantFrom('', 'a/b.fits', '\ud800', 'x'.repeat(64), 'x'.repeat(65), 'x'.repeat(200), '😀'.repeat(150)),
);
const odd = fc.oneof(text, fc.constantFrom(null, 1, true, [], {}, ['percent'], 'skip', 'percent', 'Skip'));
const digits = fc.constantFrom('a1', 'A'.repeat(32), '0'.repeat(64), 'f'.repeat(16), 'g'.repeat(32), '0123abcd', '\n');
const checksum = fc.record(
  {
    algorithm: fc.oneof(fc.constantFrom('sha256', 'md5', 'xxh3', 'adler32', 'crc', 'toString'), odd),
    value: fc.oneof(
      digits,
      digits.map((one) => [one]),
      digits.map((one) => `${one}\n`),
      odd,
    ),
    more: odd,
  },
  { requiredKeys: [] },
);
const item = fc.record(
  {
    local_path_on_storage: odd,
    relative_path: odd,
    storage: odd,
    checksum: fc.oneof(checksum, odd),
    if_exists: fc.oneof(fc.constantFrom('skip', 'fail', 'replace'), odd),
    label: odd,
    name_encoding: odd,
    constructor: odd,
    unknown: odd,
  },
  { requiredKeys: [] },
);

describe('plainItem', () => {
  it('never accepts what the rules refuse, and makes of it what they make', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(item, fc.jsonValue()), async (value) => {
        const given = asParsed(value);
        const plain = plainItem(given);
        if (plain === null) return;
        expect(plain).toEqual(await byRules(given));
        expect(plain).toBeInstanceOf(StageDataDto);
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    [{ local_path_on_storage: 'a' }],
    [{ local_path_on_storage: 'a/é', relative_path: 'b/', storage: 'cold', label: 'night', if_exists: 'fail' }],
    [{ local_path_on_storage: 'a%FF', relative_path: 'b', name_encoding: 'percent' }],
    [{ local_path_on_storage: 'a', checksum: { algorithm: 'sha256', value: '0F'.repeat(32) } }],
    [{ local_path_on_storage: 'a', checksum: { algorithm: 'adler32', value: '0000abcd' } }],
  ])('knows the usual item %j', async (value) => {
    expect(plainItem(value)).toEqual(await byRules(value));
  });

  const hex = 'a'.repeat(32);
  it.each<[object]>([
    [{ checksum: { algorithm: 'md5', value: [hex] } }],
    [{ checksum: { algorithm: 'md5', value: `${hex}\n` } }],
    [{ checksum: { algorithm: 'md5', value: hex, more: 1 } }],
    [{ checksum: { algorithm: 'sha256', value: hex } }],
    [{ checksum: { algorithm: 'toString', value: hex } }],
    [{ checksum: [] }],
    [{ label: 'x'.repeat(201) }],
    [{ storage: 'x'.repeat(65) }],
    [{ relative_path: '\ud800' }],
    [{ relative_path: null }],
    [{ if_exists: 'replace' }],
    [{ toString: 1 }],
  ])('leaves the unusual item %j to the rules', async (value) => {
    const whole = { local_path_on_storage: 'a', ...value };
    expect(plainItem(whole)).toBe(null);
    await expect(byRules(whole)).rejects.toMatchObject({ code: 'validation_failed' });
  });
});
