import { type ArgumentMetadata } from '@nestjs/common';
import { AppError } from '@app/core';
import { OperationsQueryDto } from '../records/dto/operations-query.dto';
import { StageDataDto } from '../staging/dto/stage-data.dto';
import { StageQueryDto } from '../staging/dto/stage-query.dto';
import { RequestPipe } from './request-pipe';

const pipe = new RequestPipe();
const body: ArgumentMetadata = { type: 'body', metatype: StageDataDto };
const asQuery = (metatype: ArgumentMetadata['metatype']): ArgumentMetadata => ({ type: 'query', metatype });
const plain = { local_path_on_storage: 'a', relative_path: 'b' };

async function faultsOf(value: unknown, metadata: ArgumentMetadata): Promise<Record<string, string>> {
  try {
    await pipe.transform(value, metadata);
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    const { code, errors } = error as AppError;
    expect(code).toBe('validation_failed');
    return Object.fromEntries(errors!.map(({ field, message }) => [field, message]));
  }
  return {};
}

/** As a JSON body comes in, with own properties of any name. */
const parsed = (text: string): unknown => JSON.parse(text);

describe('bodies', () => {
  it('become DTOs with their defaults', async () => {
    const dto = await pipe.transform({ ...plain, checksum: { algorithm: 'adler32', value: 'A1' } }, body);
    expect(dto).toEqual({ ...plain, if_exists: 'skip', checksum: { algorithm: 'adler32', value: 'A1' } });
  });

  it.each([
    ['a number', 1],
    ['true', true],
    ['null', null],
    ['a list', ['a']],
    ['an object', {}],
  ])('refuse %s where a text belongs, in each field', async (_what, wrong) => {
    const fields = ['local_path_on_storage', 'relative_path', 'storage', 'label', 'if_exists', 'name_encoding'];
    const faults = await faultsOf(Object.fromEntries(fields.map((field) => [field, wrong])), body);
    expect(Object.keys(faults).sort()).toEqual(fields.sort());
  });

  it.each([undefined, null, [], 'text', 1])('must be an object, not %p', async (wrong) => {
    expect(Object.keys(await faultsOf(wrong, body))).toEqual(['body']);
  });

  it.each(['__proto__', 'constructor', 'prototype', 'toString', 'surplus'])('may not have a field %s', async (name) => {
    const faults = await faultsOf(parsed(`{"local_path_on_storage":"a","${name}":{"polluted":true}}`), body);
    expect(Object.entries(faults)).toEqual([[name, 'is not a known field']]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('may not have unknown fields further down', async () => {
    const checksum = { algorithm: 'md5', value: 'a'.repeat(32), more: 1 };
    expect(await faultsOf({ ...plain, checksum }, body)).toEqual({ 'checksum.more': 'is not a known field' });
    const odd = parsed('{"local_path_on_storage":"a","checksum":{"__proto__":{}}}');
    expect(await faultsOf(odd, body)).toEqual({ 'checksum.__proto__': 'is not a known field' });
  });

  it('may be nested as deeply as they like without exhausting the stack', async () => {
    const deep = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
    expect(await faultsOf(parsed(deep), body)).toEqual({ body: 'is nested too deeply' });
    const lists = `{"checksum":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    expect(await faultsOf(parsed(lists), body)).toEqual({ body: 'is nested too deeply' });
  });

  it('get a few errors only, however many there are', async () => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`f${index}`, 1]));
    expect(Object.keys(await faultsOf(many, body))).toHaveLength(20);
  });

  it.each([
    ['sha256', 'a'.repeat(64), true],
    ['sha256', 'A'.repeat(64), true],
    ['sha256', 'a'.repeat(63), false],
    ['md5', 'a'.repeat(32), true],
    ['md5', 'a'.repeat(64), false],
    ['xxh3', 'a'.repeat(16), true],
    ['xxh3', 'g'.repeat(16), false],
    ['adler32', '1', true],
    ['adler32', '12345678', true],
    ['adler32', '123456789', false],
    ['adler32', '', false],
    ['crc32', '12345678', false],
    ['toString', '1', false],
  ])('with the %s checksum %s: accepted is %s', async (algorithm, value, isGood) => {
    const faults = await faultsOf({ ...plain, checksum: { algorithm, value } }, body);
    expect(Object.keys(faults).length === 0).toBe(isGood);
  });

  it.each([null, 'text', 1, [], [{ algorithm: 'md5', value: 'a'.repeat(32) }], {}])(
    'refuse %j as a checksum',
    async (checksum) => {
      const faults = await faultsOf({ ...plain, checksum }, body);
      expect(Object.keys(faults)[0]).toMatch(/^checksum/);
    },
  );

  it('count characters of a label, not code units, and want whole ones', async () => {
    expect(await faultsOf({ ...plain, label: '🔭'.repeat(200) }, body)).toEqual({});
    expect(Object.keys(await faultsOf({ ...plain, label: '🔭'.repeat(201) }, body))).toEqual(['label']);
    expect(Object.keys(await faultsOf({ ...plain, label: '\ud83d' }, body))).toEqual(['label']);
  });
});

describe('queries', () => {
  it('may have parameters that nobody knows', async () => {
    const query = { method: 'local_copy', username: 'jane', jupyter_token: 'secret' };
    expect(await pipe.transform(query, asQuery(StageQueryDto))).toEqual({
      method: 'local_copy',
      username: 'jane',
      archive: 'zip',
    });
  });

  it.each(['', '.a', '-a', '@a', 'a b', 'a/b', 'ä', 'a\0', 'a\n', 'x'.repeat(65), ['a', 'b'], undefined])(
    'refuse the username %j',
    async (username) => {
      const faults = await faultsOf({ method: 'local_copy', username }, asQuery(StageQueryDto));
      expect(Object.keys(faults)).toEqual(['username']);
    },
  );

  it.each(['a', '_a', '0', 'Jane.Doe-2@example.org', 'x'.repeat(64)])('take the username %s', async (username) => {
    expect(await faultsOf({ method: 'local_copy', username }, asQuery(StageQueryDto))).toEqual({});
  });

  it.each(['0', '501', '-1', '1.5', '1e2', '', ' 1', '0x10', ['1', '2'], 'many'])(
    'refuse the limit %j',
    async (limit) => {
      expect(Object.keys(await faultsOf({ limit }, asQuery(OperationsQueryDto)))).toEqual(['limit']);
    },
  );

  it('have 50 as limit, and numbers as numbers', async () => {
    expect(await pipe.transform({}, asQuery(OperationsQueryDto))).toEqual({ limit: 50 });
    expect(await pipe.transform({ limit: '500' }, asQuery(OperationsQueryDto))).toEqual({ limit: 500 });
  });

  it.each([
    ['2026-01-31', '2026-01-31T00:00:00.000Z'],
    ['2026-01-31T12:30', '2026-01-31T12:30:00.000Z'],
    ['2026-01-31T12:30:01.5Z', '2026-01-31T12:30:01.500Z'],
    ['2026-01-31T12:30:01+02:00', '2026-01-31T10:30:01.000Z'],
  ])('read the time %s as %s', async (from, expected) => {
    const { from: read } = (await pipe.transform({ from }, asQuery(OperationsQueryDto))) as OperationsQueryDto;
    expect(read?.toISOString()).toBe(expected);
  });

  it.each(['', 'yesterday', '2026', '2026-02-30', '2026-13-01', '2026-01-01T25:00', '1769947200', 'Jan 1 2026', ['a']])(
    'refuse the time %j',
    async (from) => {
      expect(Object.keys(await faultsOf({ from }, asQuery(OperationsQueryDto)))).toEqual(['from']);
    },
  );
});
