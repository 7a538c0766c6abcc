import { AppError, loadSettings } from '@app/core';
import { readDestination, readPath } from '@app/files';
import { type BatchItem, type BatchService } from '@app/staging';
import { Breather } from '../http/breather';
import { StreamedBody } from '../http/item-stream-body';
import { BatchItems } from './batch-items';

const asked = { method: 'local_copy', username: 'ana', requestedBy: null, server: undefined };

/** The rules of the engine for the forms of paths, without the engine. */
const batches = {
  checkItem: (_request: unknown, { localPathOnStorage, relativePath, nameEncoding }: BatchItem) => {
    readPath('local_path_on_storage', localPathOnStorage, nameEncoding);
    readDestination(relativePath!, nameEncoding);
  },
} as unknown as BatchService;
const itemsOf = (env: Record<string, string> = {}) => new BatchItems(batches, loadSettings(env));
const items = itemsOf();

function bodyOf(value: unknown): StreamedBody {
  const body = new StreamedBody();
  body.add(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
  body.end();
  return body;
}

async function faultOf(value: unknown, env?: Record<string, string>): Promise<AppError> {
  const error: unknown = await itemsOf(env)
    .check(bodyOf(value), asked)
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(AppError);
  expect((error as AppError).code).toBe('validation_failed');
  return error as AppError;
}

const plain = (index: number) => ({ local_path_on_storage: `a/${index}`, relative_path: `b/${index}` });

describe('BatchItems', () => {
  it('reads all items as single requests would be read', async () => {
    const checksum = { algorithm: 'adler32', value: 'A1' };
    const body = bodyOf({
      items: [plain(0), { ...plain(1), checksum, if_exists: 'fail', label: 'é', storage: 'cold' }],
    });
    expect(await items.check(body, asked)).toBe(2);
    const parts: BatchItem[][] = [];
    for await (const part of items.each(body)) parts.push(part);
    const unsaid = { nameEncoding: null, storage: undefined, label: undefined, checksum: undefined };
    expect(parts.flat()).toEqual([
      { ...unsaid, localPathOnStorage: 'a/0', relativePath: 'b/0', ifExists: 'skip' },
      {
        ...unsaid,
        localPathOnStorage: 'a/1',
        relativePath: 'b/1',
        ifExists: 'fail',
        checksum,
        label: 'é',
        storage: 'cold',
      },
    ]);
  });

  it('gives items in parts, whose size does not depend on how many there are', async () => {
    const body = bodyOf({ items: Array.from({ length: 20_000 }, (_, index) => plain(index)) });
    const parts: BatchItem[][] = [];
    for await (const part of items.each(body)) parts.push(part);
    expect(parts.flat().map((item) => item.relativePath)).toEqual(
      Array.from({ length: 20_000 }, (_, index) => `b/${index}`),
    );
    expect(Math.max(...parts.map((part) => part.length))).toBeLessThan(3000);
  });

  it.each([
    [{ ...plain(3), label: 7 }, 'items[1].label', 'must be a string'],
    [{ ...plain(3), lable: 'x' }, 'items[1].lable', 'is not a known field'],
    [{ relative_path: 'b' }, 'items[1].local_path_on_storage', 'must be a string'],
    [
      { ...plain(3), checksum: { algorithm: 'md5', value: 'x' } },
      'items[1].checksum.value',
      'must be 32 hexadecimal digits',
    ],
    [{ ...plain(3), relative_path: 'a\0b' }, 'items[1].relative_path', 'must not contain NUL'],
    [{ ...plain(3), local_path_on_storage: '' }, 'items[1].local_path_on_storage', 'must not be empty'],
    [{ ...plain(3), if_exists: 'replace' }, 'items[1].if_exists', 'must be one of skip, fail'],
    [7, 'items[1]', 'must be a JSON object'],
    [null, 'items[1]', 'must be a JSON object'],
    [[], 'items[1]', 'must be a JSON object'],
  ])('names the item of a fault: %j', async (item, field, message) => {
    const { errors, message: detail } = await faultOf({ items: [plain(0), item, plain(2)] });
    expect(errors).toEqual([{ field, message }]);
    expect(detail).toBe(`${field} ${message}.`);
  });

  it('knows each field that other objects have by nature', async () => {
    const { errors } = await faultOf('{"items":[{"local_path_on_storage":"a","relative_path":"b","__proto__":{}}]}');
    expect(errors).toEqual([{ field: 'items[0].__proto__', message: 'is not a known field' }]);
  });

  it('tells the first 20 faults, and that there are more', async () => {
    const { errors, message } = await faultOf({ items: Array.from({ length: 30 }, () => 1) });
    expect(errors!.map(({ field }) => field)).toEqual(Array.from({ length: 20 }, (_, index) => `items[${index}]`));
    expect(message).toMatch(/items\[19\] must be a JSON object; and more\.$/);
    const few = await faultOf({ items: Array.from({ length: 20 }, () => 1) });
    expect([few.errors!.length, few.message.endsWith('and more.')]).toEqual([20, false]);
  });

  it('has the limit of the site in its sentence', async () => {
    const env = { MAX_BATCH_ITEMS: '3' };
    expect(await itemsOf(env).check(bodyOf({ items: [0, 1, 2].map(plain) }), asked)).toBe(3);
    const { message } = await faultOf({ items: [0, 1, 2, 3].map(plain) }, env);
    expect(message).toBe('items must have at most 3 items.');
  });

  it('lets others have their turn after each item, if need be', async () => {
    const pause = jest.spyOn(Breather.prototype, 'pause');
    await items.check(bodyOf({ items: Array.from({ length: 100 }, (_, index) => plain(index)) }), asked);
    expect(pause.mock.calls.length).toBeGreaterThanOrEqual(100);
    pause.mockRestore();
  });
});
