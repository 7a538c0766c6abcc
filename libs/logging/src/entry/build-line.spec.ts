import { runInNewContext } from 'node:vm';
import { AppError } from '@app/core';
import fc from 'fast-check';
import { buildLine, MAX_LINE_BYTES } from './build-line';

const TIME = new Date('2025-03-04T05:06:07.089Z');
// Written with numbers, so that none of these characters stands in this file itself.
const of = (...codes: number[]) => String.fromCharCode(...codes);
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

function parsed(message: unknown, ...fieldSets: unknown[]): Record<string, unknown> {
  const { entry, line } = buildLine(TIME, 'INFO', message, fieldSets);
  const read = JSON.parse(line) as Record<string, unknown>;
  expect(read).toEqual(entry);
  return read;
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => of(code)) }),
  fc.constantFrom('"', '\\', '\\u', '\n{"time":"x","level":"ERROR","message":"forged"}\n', of(0x1b, 0x5b) + '2J'),
);
const anyFields = fc.dictionary(
  fc.oneof(anyText, fc.constantFrom('time', 'level', 'message', '0', '17', '__proto__', 'toJSON', 'constructor')),
  fc.oneof(
    anyText,
    fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true }),
  ),
  { noNullPrototype: false },
);

describe('a line of the log', () => {
  it('is one line of JSON without control characters, whatever message and fields are', () => {
    fc.assert(
      fc.property(anyText, anyFields, (message, fields) => {
        const { line } = buildLine(TIME, 'WARNING', message, [fields]);
        expect(line.endsWith('\n')).toBe(true);
        expect(UNSAFE.test(line.slice(0, -1))).toBe(false);
        const read = JSON.parse(line) as Record<string, unknown>;
        expect(Object.keys(read).slice(0, 3)).toEqual(['time', 'level', 'message']);
        expect(read).toMatchObject({ time: '2025-03-04T05:06:07.089Z', level: 'WARNING' });
      }),
      { numRuns: 500 },
    );
  });

  it('escapes newline, CR, ESC, C1, U+2028, U+2029, bidi overrides and lone surrogates, losing none of them', () => {
    const text = `a${of(10, 13, 27, 0x7f, 0x85, 0x9b, 0x2028, 0x2029, 0x202e, 0x2066, 0xfeff)}b`;
    const { line } = buildLine(TIME, 'INFO', text, [{ [text]: text, lone: `${of(0xd800)}x${of(0xdc00)}` }]);
    expect(line).toContain('a\\n\\r\\u001b\\u007f\\u0085\\u009b\\u2028\\u2029\\u202e\\u2066\\ufeffb');
    expect(line).toContain('"lone":"\\ud800x\\udc00"');
    expect(JSON.parse(line)).toMatchObject({ message: text, [text]: text });
  });

  it('keeps ordinary characters as they are', () => {
    const text = 'Zürich ∑ 数据 🚀 "quoted" back\\slash';
    expect(buildLine(TIME, 'INFO', text, []).line).toContain('Zürich ∑ 数据 🚀 \\"quoted\\" back\\\\slash');
    expect(parsed(text)).toMatchObject({ message: text });
  });

  it('lets no field take the place of time, level and message, and lets the later set win', () => {
    const read = parsed(
      'm',
      { operation_id: 'old', time: 'T', level: 'ERROR' },
      { message: 'forged', 7: 'seven', operation_id: 'new' },
    );
    expect(Object.keys(read).slice(0, 3)).toEqual(['time', 'level', 'message']);
    expect(read).toMatchObject({
      time: '2025-03-04T05:06:07.089Z',
      level: 'INFO',
      message: 'm',
      field_time: 'T',
      field_level: 'ERROR',
      field_message: 'forged',
      field_7: 'seven',
      operation_id: 'new',
    });
  });

  it('tells an error with code, stack and the chain of its causes', () => {
    const system = Object.assign(new Error('disk'), { code: 'EIO' });
    const error = new AppError('storage_unavailable', 'The storage does not answer.', { cause: system });
    const read = parsed('m', { error }) as { error: Record<string, unknown> };
    expect(Object.keys(read.error)).toEqual(['name', 'message', 'code', 'stack', 'cause']);
    expect(read.error).toMatchObject({ name: 'AppError', code: 'storage_unavailable' });
    expect(read.error.stack).toContain('build-line.spec');
    expect(read.error.cause).toMatchObject({ name: 'Error', message: 'disk', code: 'EIO' });
  });

  it('tells errors of another realm, several errors at once, and an error that causes itself', () => {
    expect(parsed('m', { error: runInNewContext('new RangeError("far")') as unknown })).toMatchObject({
      error: { name: 'RangeError', message: 'far' },
    });
    const several = new AggregateError([new Error('one'), new Error('two')], 'both');
    expect(parsed('m', { error: several })).toMatchObject({
      error: { errors: [{ message: 'one' }, { message: 'two' }] },
    });
    const circle = new Error('circle');
    circle.cause = circle;
    expect(parsed('m', { error: circle })).toMatchObject({ error: { message: 'circle', cause: '[circular]' } });
  });

  it('takes values that JSON does not know', () => {
    const fields = {
      big: 2n ** 64n,
      not: NaN,
      date: TIME,
      url: new URL('http://h/p'),
      bytes: Buffer.from('abc'),
      map: new Map<unknown, unknown>([['k', new Set([1, 2])]]),
      none: undefined,
      symbol: Symbol('s'),
      call: () => 1,
      list: [undefined, null],
    };
    expect(parsed('m', fields)).toMatchObject({
      big: '18446744073709551616',
      not: 'NaN',
      date: '2025-03-04T05:06:07.089Z',
      url: 'http://h/p',
      bytes: '[Buffer, 3 bytes]',
      map: { k: [1, 2] },
      symbol: 'Symbol(s)',
      call: '[function]',
      list: [null, null],
    });
    expect(parsed('m', fields)).not.toHaveProperty('none');
  });

  it('survives circles, throwing getters, throwing toJSON, and proxies that refuse everything', () => {
    const circle: Record<string, unknown> = { name: 'c' };
    circle.self = circle;
    const refuse = () => {
      throw new Error('no');
    };
    const hostile = new Proxy({}, { get: refuse, ownKeys: refuse, getPrototypeOf: refuse });
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    const getter = Object.defineProperty({ fine: 1 }, 'bad', { enumerable: true, get: refuse });
    expect(
      parsed('m', getter, { circle, getter, json: { toJSON: refuse }, hostile, revoked: revoked.proxy }),
    ).toMatchObject({
      fine: 1,
      bad: '[unreadable]',
      circle: { name: 'c', self: '[circular]' },
      getter: { fine: 1, bad: '[unreadable]' },
      json: '[unreadable]',
      hostile: '[unreadable]',
      revoked: '[unreadable]',
    });
    expect(parsed('m', hostile)).toMatchObject({ message: 'm' });
    expect(parsed(hostile)).toMatchObject({ message: '[unreadable]' });
    expect(parsed({ a: 1 })).toMatchObject({ message: '{"a":1}' });
    expect(parsed(undefined)).toMatchObject({ message: 'null' });
  });

  it('shows the same value twice where it is not a circle', () => {
    const shared = { a: 1 };
    expect(parsed('m', { one: shared, two: [shared] })).toMatchObject({ one: { a: 1 }, two: [{ a: 1 }] });
  });

  it('cuts long values, says so, and halves no character', () => {
    const read = parsed('m', { long: 'x'.repeat(20_000), pairs: `a${'🚀'.repeat(10_000)}` });
    expect(read.long).toBe(`${'x'.repeat(8192)}[cut, 20000 characters]`);
    expect(read.pairs).toBe(`a${'🚀'.repeat(4095)}[cut, 20001 characters]`);
    expect(parsed('y'.repeat(10_000)).message).toBe(`${'y'.repeat(8192)}[cut, 10000 characters]`);
  });

  it('cuts many, deep and wide values', () => {
    let deep: unknown = 'bottom';
    for (let level = 0; level < 100; level += 1) deep = { deep };
    const wide = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`k${index}`, index]));
    const read = parsed('m', { deep, wide, list: new Array(500).fill(1) });
    expect(JSON.stringify(read.deep)).toContain('[cut]');
    expect(read.wide).toMatchObject({ k99: 99, cut: '500 fields' });
    expect(read.wide).not.toHaveProperty('k100');
    expect((read.list as unknown[]).slice(99)).toEqual([1, '[cut, 500 items]']);
  });

  it('reads no more of a huge value than it shows', () => {
    const read = jest.fn(() => 1);
    const leaf = Object.defineProperty({}, 'leaf', { enumerable: true, get: read });
    const huge = new Array(90).fill(null).map(() => new Array(90).fill(null).map(() => new Array(90).fill(leaf)));
    const { line } = buildLine(TIME, 'INFO', 'm', [{ huge }]);
    expect(line).toContain('cut');
    expect(read.mock.calls.length).toBeLessThan(3000);
  });

  it.each([
    ['many values', Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`k${index}`, 'x'.repeat(5000)]))],
    ['escapes', { one: of(27).repeat(8000), two: of(27).repeat(8000) }],
    ['characters of three bytes', Object.fromEntries(['a', 'b', 'c'].map((name) => [name, '€'.repeat(8000)]))],
    ['a wide tree', { tree: new Array(90).fill(new Array(90).fill(new Array(90).fill(of(0x2028).repeat(200)))) }],
  ])('keeps a line within 64 KiB and tells that something is missing: %s', (_, fields) => {
    for (const message of ['m', of(27).repeat(20_000)]) {
      const { line } = buildLine(TIME, 'ERROR', message, [fields, { operation_id: 'op-1' }]);
      expect(Buffer.byteLength(line)).toBeLessThanOrEqual(MAX_LINE_BYTES);
      expect(line).toContain('cut');
      expect(JSON.parse(line)).toMatchObject({ level: 'ERROR', operation_id: 'op-1' });
    }
  });
});

describe('secrets', () => {
  it.each([
    'authorization',
    'Proxy-Authorization',
    'cookie',
    'Set-Cookie',
    'jupyter_token',
    'client_secret',
    'PASSWORD',
  ])('never shows the field %s, at whatever depth', (name) => {
    const { line } = buildLine(TIME, 'INFO', 'm', [
      {
        [name]: 'hunter2',
        headers: { [name]: ['hunter2'] },
        map: new Map([[name, { deep: 'hunter2' }]]),
        list: [{ [name]: 'hunter2' }],
      },
    ]);
    expect(line).not.toContain('hunter2');
    expect(JSON.parse(line)).toMatchObject({ [name]: '[redacted]', headers: { [name]: '[redacted]' } });
  });

  it.each([
    ['mysql://staging:hunter2@db:3306/x', 'mysql://[redacted]@db:3306/x'],
    ['at http://u:hun@ter2@h/p?q=1#f end', 'at http://[redacted]@h/p?q=1#f end'],
    ['redis://:hunter2@h', 'redis://[redacted]@h'],
    ['GET /stage?jupyter_token=hunter2&method=x', 'GET /stage?jupyter_token=[redacted]&method=x'],
    ['/ui?token=hunter2', '/ui?token=[redacted]'],
    ['/login?next=%2Flab%3Ftoken%3Dhunter2', '/login?next=%2Flab%3Ftoken%3D[redacted]'],
    ['Bearer hunter2.hunter2.hunter2', 'Bearer [redacted]'],
    ['https://host/path@2?x=a:b@c', 'https://host/path@2?x=a:b@c'],
    ['a bearer of tokens', 'a bearer of tokens'],
  ])('hides what is secret in %s', (text, shown) => {
    const error = new Error(text);
    expect(parsed(text, { text, list: [text], error })).toMatchObject({
      message: shown,
      text: shown,
      list: [shown],
      error: { message: shown },
    });
  });

  it('hides a password that the cut would part from the mark behind it', () => {
    const { line } = buildLine(TIME, 'INFO', 'm', [{ text: `${'x'.repeat(8180)} a://u:hunter2hunter2@h` }]);
    expect(line).not.toContain('hunt');
  });
});
