import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Request } from 'express';
import { AppError } from '@app/core';
import { type AppLogger } from '@app/logging';
import { createRecords, type Records } from '@app/records';
import { type MethodRegistry } from '@app/staging';
import { Idempotency, type OnceOnly } from './idempotency';
import { hashOf } from './idempotency-key';
import { KeyEnds } from './key-ends';

const folder = mkdtempSync(path.join(tmpdir(), 'idempotency-'));
let databases = 0;
let records: Records;
let idempotency: Idempotency;
let warnings: string[];

/** A service over the records that are there: as after a restart. */
function service(): Idempotency {
  const logger = { warning: (message: string) => warnings.push(message) } as unknown as AppLogger;
  const methods = {
    find: (name: string) => (/^(local_)?symlink/.test(name) ? { name: 'symlink_copy' } : undefined),
  } as unknown as MethodRegistry;
  return new Idempotency(records.idempotency, new KeyEnds(records.idempotency, logger), methods);
}

beforeEach(async () => {
  databases += 1;
  warnings = [];
  records = await createRecords({ databaseUrl: `sqlite:${folder}/${databases}.sqlite`, timeoutMs: 2000 });
  idempotency = service();
});
afterEach(() => records.close());
afterAll(() => rmSync(folder, { recursive: true }));

const withKey = (key?: string) => ({ get: () => key }) as unknown as Request;

/** Work that makes things under their ids, as operations are. */
class Maker {
  readonly made = new Map<string, string>();
  calls = 0;

  work(values: Partial<OnceOnly<string>> = {}): OnceOnly<string> {
    return {
      scope: 'ana',
      route: '/stage_data',
      method: 'local_copy',
      payload: { body: { local_path_on_storage: 'a', relative_path: 'b' } },
      first: (subject) => {
        this.calls += 1;
        this.made.set(subject, `made ${this.calls}`);
        return Promise.resolve(this.made.get(subject)!);
      },
      again: (subject) => Promise.resolve(this.made.get(subject) ?? null),
      ...values,
    };
  }
}

const failing = (error: Error) => ({ first: () => Promise.reject(error) });

describe('a request without a key', () => {
  it('is done each time, without the database', async () => {
    const maker = new Maker();
    await records.close();
    expect(await idempotency.run(withKey(), maker.work())).toBe('made 1');
    expect(await idempotency.run(withKey(), maker.work())).toBe('made 2');
  });
});

describe('a request with a key', () => {
  it('is done once; a repeat gets what it made, in whatever order its fields come', async () => {
    const maker = new Maker();
    expect(await idempotency.run(withKey('k'), maker.work())).toBe('made 1');
    const again = maker.work({
      payload: { body: { relative_path: 'b', local_path_on_storage: 'a', label: undefined } },
    });
    expect(await idempotency.run(withKey('k'), again)).toBe('made 1');
    expect(await service().run(withKey('k'), maker.work())).toBe('made 1');
  });

  it('is another one for another user, route or method, not for an alias of the method', async () => {
    const maker = new Maker();
    const scopes = [{}, { scope: 'bo' }, { route: '/stage_data/batch' }, { method: 'symlink_copy' }];
    for (const scope of scopes) await idempotency.run(withKey('k'), maker.work(scope));
    expect(maker.calls).toBe(4);
    expect(await idempotency.run(withKey('k'), maker.work({ method: 'local_symlink' }))).toBe('made 4');
  });

  it('cannot ask for something else', async () => {
    const maker = new Maker();
    await idempotency.run(withKey('k'), maker.work());
    const other = maker.work({ payload: { body: { local_path_on_storage: 'a', relative_path: 'c' } } });
    await expect(idempotency.run(withKey('k'), other)).rejects.toMatchObject({ code: 'idempotency_key_reused' });
    expect(maker.calls).toBe(1);
  });

  it('waits for nobody while the first one is done', async () => {
    const maker = new Maker();
    let finish = () => {};
    let hasBegun = () => {};
    const begun = new Promise<void>((resolve) => (hasBegun = resolve));
    const slow = maker.work({
      first: () => {
        hasBegun();
        return new Promise((resolve) => (finish = () => resolve('slow')));
      },
    });
    const first = idempotency.run(withKey('k'), slow);
    await begun;
    await expect(idempotency.run(withKey('k'), maker.work())).rejects.toMatchObject({
      code: 'idempotency_in_progress',
      retryAfterSeconds: expect.any(Number),
    });
    finish();
    expect(await first).toBe('slow');
    expect(maker.calls).toBe(0);
  });

  it('is done by one of several that come at once', async () => {
    const maker = new Maker();
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => idempotency.run(withKey('k'), maker.work())));
    expect(maker.calls).toBe(1);
    const others = all.flatMap((one) => (one.status === 'rejected' ? [(one.reason as AppError).code] : []));
    expect(others.every((code) => code === 'idempotency_in_progress')).toBe(true);
  });

  it.each(['', 'a b', 'é', 'a\u0000', 'x'.repeat(256), 'a, b'])('is refused with the key %j', async (key) => {
    await expect(idempotency.run(withKey(key), new Maker().work())).rejects.toMatchObject({
      code: 'validation_failed',
    });
  });

  it('may have 255 characters, the same ones in capitals being another key', async () => {
    const maker = new Maker();
    await idempotency.run(withKey('x'.repeat(255)), maker.work());
    await idempotency.run(withKey('X'.repeat(255)), maker.work());
    expect(maker.calls).toBe(2);
  });
});

describe('a failure', () => {
  const id = '01981f7e-6b1c-7d4e-9a3b-2f6d8c1e5a70';

  it.each([
    ['of the service', new AppError('storage_unavailable', 'down').ofOperation(id)],
    ['of the service that no operation records', new AppError('database_unavailable', 'down')],
    ['by a limit', new AppError('quota_exceeded', 'full').ofOperation(id)],
    ['that no operation records', new AppError('validation_failed', 'wrong')],
    ['that is a defect', new TypeError('defect')],
  ])('%s frees the key', async (_what, error) => {
    const maker = new Maker();
    await expect(idempotency.run(withKey('k'), maker.work(failing(error)))).rejects.toBe(error);
    const again = jest.fn();
    expect(await idempotency.run(withKey('k'), maker.work({ again }))).toBe('made 1');
    expect(again).not.toHaveBeenCalled();
  });

  it('of the caller that an operation records is the answer to each repeat', async () => {
    const maker = new Maker();
    const error = new AppError('source_not_found', 'gone').ofOperation(id);
    await expect(idempotency.run(withKey('k'), maker.work(failing(error)))).rejects.toBe(error);
    const again = maker.work({ again: () => Promise.reject(error) });
    for (let times = 0; times < 2; times += 1) await expect(idempotency.run(withKey('k'), again)).rejects.toBe(error);
    expect(maker.calls).toBe(0);
  });

  it('of the operation that was accepted is told once, then the key is free; that it cannot be looked up changes nothing', async () => {
    const maker = new Maker();
    let subject = '';
    await idempotency.run(withKey('k'), maker.work({ first: (made) => Promise.resolve((subject = made)) }));
    const unknown = new AppError('database_unavailable', 'down');
    await expect(idempotency.run(withKey('k'), maker.work({ again: () => Promise.reject(unknown) }))).rejects.toBe(
      unknown,
    );
    const failed = maker.work({
      again: (asked) => Promise.reject(new AppError('storage_unavailable', 'down').ofOperation(asked)),
    });
    await expect(idempotency.run(withKey('k'), failed)).rejects.toMatchObject({ operationId: subject });
    expect(await idempotency.run(withKey('k'), maker.work())).toBe('made 1');
  });
});

describe('a process that died', () => {
  it('is gone on from by what it had recorded, or as if it had never been asked', async () => {
    const maker = new Maker();
    const never = new Promise<string>(() => undefined);
    let subject = '';
    void idempotency.run(
      withKey('k'),
      maker.work({
        first: (made) => {
          subject = made;
          return never;
        },
      }),
    );
    while (subject === '') await new Promise((resolve) => setImmediate(resolve));
    jest.spyOn(records.identity, 'isDead').mockReturnValue(true);
    maker.made.set(subject, 'recorded');
    expect(await service().run(withKey('k'), maker.work())).toBe('recorded');
    maker.made.delete(subject);
    expect(await service().run(withKey('k'), maker.work())).toBe('made 1');
    expect(maker.made.has(subject)).toBe(false);
  });
});

describe('an operation that was joined', () => {
  it('is what the key is about', async () => {
    const maker = new Maker();
    const joined = '01981f7e-6b1c-7d4e-9a3b-2f6d8c1e5a70';
    maker.made.set(joined, joined);
    const work = maker.work({ first: () => Promise.resolve(joined), subjectOf: (answer) => answer });
    expect(await idempotency.run(withKey('k'), work)).toBe(joined);
    expect(await idempotency.run(withKey('k'), maker.work())).toBe(joined);
    expect(maker.calls).toBe(0);
  });
});

describe('a database that goes away', () => {
  it('gets the end of the request as soon as it is back, and nothing is done twice', async () => {
    const maker = new Maker();
    const down = jest.spyOn(records.idempotency, 'answered').mockRejectedValue(new Error('down'));
    expect(await idempotency.run(withKey('k'), maker.work())).toBe('made 1');
    expect(warnings).toHaveLength(1);
    await expect(idempotency.run(withKey('k'), maker.work())).rejects.toThrow('down');
    down.mockRestore();
    expect(await idempotency.run(withKey('k'), maker.work())).toBe('made 1');
    expect(maker.calls).toBe(1);
  });

  it('gets it also when nobody asks again', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance', 'Date'] });
    try {
      const down = jest.spyOn(records.idempotency, 'answered').mockRejectedValue(new Error('down'));
      const maker = new Maker();
      await idempotency.run(withKey('k'), maker.work());
      await jest.advanceTimersByTimeAsync(12_000);
      expect(down.mock.calls.length).toBeGreaterThan(2);
      down.mockRestore();
      const answered = jest.spyOn(records.idempotency, 'answered');
      await jest.advanceTimersByTimeAsync(6000);
      expect(answered).toHaveBeenCalledTimes(1);
      await jest.advanceTimersByTimeAsync(20_000);
      expect(answered).toHaveBeenCalledTimes(1);
    } finally {
      jest.useRealTimers();
    }
  });

  it('lets nothing be done that it cannot remember', async () => {
    const maker = new Maker();
    jest.spyOn(records.idempotency, 'claim').mockRejectedValue(new AppError('database_unavailable', 'down'));
    await expect(idempotency.run(withKey('k'), maker.work())).rejects.toMatchObject({ code: 'database_unavailable' });
    expect(maker.calls).toBe(0);
  });
});

describe('hashOf', () => {
  it('tells data of another meaning apart, and only that', () => {
    expect(hashOf({ a: 1, b: { c: 'x', d: undefined } })).toBe(hashOf({ b: { c: 'x' }, a: 1 }));
    const different = [
      { a: 1 },
      { a: '1' },
      { a: [1] },
      [{ a: 1 }],
      { a: null },
      {},
      [],
      [['a', 1]],
      JSON.parse('{"__proto__":1}'),
    ];
    expect(new Set(different.map(hashOf)).size).toBe(different.length);
  });
});
