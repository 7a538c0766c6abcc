import { AppError } from '@app/core';
import { type StagingRecord } from '@app/records';
import { until } from '../../../../test/support/until';
import {
  fakeMethod,
  GatedMethod,
  newOutcome,
  newRequest,
  setupStaging,
  type SetupOptions,
  type StagingSetup,
} from '../testing';

let setup: StagingSetup;
let gated: GatedMethod;
afterEach(() => setup.close());

async function begin(options: SetupOptions = {}): Promise<void> {
  gated = new GatedMethod();
  setup = await setupStaging([gated.method], options);
}
const request = (name: string) => newRequest({ localPathOnStorage: name, relativePath: `in/${name}` });
const submit = (name: string) => setup.service.submit(request(name));
const find = async ({ id }: Pick<StagingRecord, 'id'>) => (await setup.records.operations.find(id))!;
const begun = (name: string) => until(() => gated.under.has(name), `${name} did not begin`);
const became = async (record: StagingRecord, status: StagingRecord['status']) => {
  await until(async () => (await find(record)).status === status, `it did not become ${status}`);
  return find(record);
};

describe('cancel', () => {
  it('ends what runs, which is asked to and leaves nothing', async () => {
    await begin();
    const record = await submit('a');
    await begun('a');
    await expect(setup.control.cancel(record)).resolves.toMatchObject({
      id: record.id,
      status: 'cancelled',
      errorReason: 'It was cancelled on request.',
    });
    expect(gated.under.size).toBe(0);
    expect(setup.ended).toMatchObject([{ failure: { code: 'already_ended' }, record: { status: 'cancelled' } }]);
  });

  it('ends what waits, without its ever beginning', async () => {
    await begin({ concurrency: 1 });
    await submit('a');
    await begun('a');
    const record = await submit('b');
    await expect(setup.control.cancel(record)).resolves.toMatchObject({ status: 'cancelled' });
    expect(setup.queue.waiting).toBe(0);
    gated.end('a');
    const last = await submit('c');
    await begun('c');
    gated.end('c');
    await became(last, 'success');
    expect(gated.begun).toEqual(['a', 'c']);
    expect((await setup.logOf(record.id)).at(-1)).toMatchObject({ message: expect.stringMatching(/^Cancelled/) });
  });

  it('tells a caller who waits in line', async () => {
    await begin({ concurrency: 1 });
    await submit('a');
    const waiting = setup.service.stage(request('b')).catch((error: unknown) => error);
    await until(() => setup.queue.waiting === 1, 'it does not wait');
    const { items } = await setup.records.operations.page({ status: 'queued' }, 1);
    await setup.control.cancel(items[0]!);
    await expect(waiting).resolves.toMatchObject({ code: 'already_ended', operationId: items[0]!.id });
  });

  it('sees that the operation has begun since its record was read', async () => {
    await begin({ concurrency: 1 });
    await submit('a');
    await begun('a');
    const record = await submit('b');
    gated.end('a');
    await begun('b');
    expect(record.status).toBe('queued');
    await expect(setup.control.cancel(record)).resolves.toMatchObject({ status: 'cancelled' });
  });

  it('refuses what has ended, also since its record was read', async () => {
    await begin();
    const record = await submit('a');
    const stale = Object.assign(Object.create(Object.getPrototypeOf(record) as object), record) as StagingRecord;
    await begun('a');
    gated.end('a');
    const ended = await became(record, 'success');
    for (const one of [stale, ended]) {
      await expect(setup.control.cancel(one)).rejects.toMatchObject({ code: 'already_ended', operationId: record.id });
    }
  });
});

describe('retry', () => {
  it('brings a failure to its end, as the same operation', async () => {
    await begin();
    const record = await submit('a');
    await begun('a');
    gated.end('a', new AppError('source_not_found', 'It is not there.'));
    const failed = await became(record, 'failure');
    expect(failed.retryable).toBe(true);
    await expect(setup.control.retry(failed)).resolves.toMatchObject({
      status: 'queued',
      attempts: 2,
      errorCode: null,
    });
    await begun('a');
    gated.end('a');
    const ended = await became(record, 'success');
    expect(ended).toMatchObject({ id: record.id, attempts: 2, errorReason: null, finishedAt: expect.any(Date) });
    expect(ended.history).toMatchObject([{ attempt: 1, status: 'failure', errorCode: 'source_not_found' }]);
    expect(setup.ended.map(({ record: { status } }) => status)).toEqual(['failure', 'success']);
  });

  it('does again what was asked for, in every detail', async () => {
    const seen: unknown[] = [];
    const method = fakeMethod((operation) => {
      seen.push(structuredClone(operation));
      return seen.length === 1
        ? Promise.reject(new AppError('insufficient_storage', 'Full.'))
        : Promise.resolve(newOutcome());
    });
    setup = await setupStaging([method]);
    const details = {
      localPathOnStorage: 'caf%E9',
      relativePath: 'in%20/',
      nameEncoding: 'percent',
      checksum: { algorithm: 'md5', value: '0'.repeat(32) },
      ifExists: 'fail',
      storage: 'cold',
    } as const;
    const error = await setup.service.stage(newRequest(details)).catch((reason: unknown) => reason as AppError);
    await setup.control.retry(await find({ id: (error as AppError).operationId! }));
    await until(() => seen.length === 2, 'it was not done again');
    expect(seen[1]).toEqual(seen[0]);
  });

  it('goes on with the manifest where the method does, else writes it anew', async () => {
    const row = { path: 'file', kind: 'file', size: 1, mtimeNs: '1', device: '1', inode: '1', checksum: null } as const;
    const earlier: unknown[] = [];
    const method = fakeMethod(async ({ source }, context) => {
      if (context.earlier && source.asSent === 'goes on') {
        for await (const rows of context.earlier()) earlier.push(...rows);
      }
      await context.onManifest([{ ...row, path: `${source.asSent} ${context.earlier ? 2 : 1}` }]);
      if (context.earlier) return newOutcome({ kind: 'directory' });
      throw new AppError('storage_unavailable', 'Away.');
    });
    setup = await setupStaging([method]);
    for (const source of ['goes on', 'anew']) {
      const record = await became(await submit(source), 'success');
      const { items } = await setup.records.manifest.page(record.id, { limit: 10 });
      const expected = source === 'anew' ? ['anew 2'] : ['goes on 1', 'goes on 2'];
      expect(items.map(({ path }) => path)).toEqual(expected);
    }
    expect(earlier).toEqual([{ ...row, path: 'goes on 1' }]);
  });

  it('refuses what went well, runs, waits, or can only fail again', async () => {
    await begin({ concurrency: 1 });
    const running = await submit('a');
    const waiting = await submit('b');
    const refused = await setup.service.stage(newRequest({ method: 'teleport' })).catch((error: unknown) => error);
    const hopeless = await find({ id: (refused as AppError).operationId! });
    expect(hopeless.retryable).toBe(false);
    await begun('a');
    for (const record of [await find(running), await find(waiting), hopeless]) {
      await expect(setup.control.retry(record)).rejects.toMatchObject({
        code: 'not_retryable',
        operationId: record.id,
      });
    }
    gated.end('a');
    const ended = await became(running, 'success');
    await expect(setup.control.retry(ended)).rejects.toMatchObject({ code: 'not_retryable' });
  });

  it('happens once when it is asked for twice at once', async () => {
    await begin();
    const record = await submit('a');
    await begun('a');
    const cancelled = await setup.control.cancel(record);
    const copies = [cancelled, await find(record)];
    const both = await Promise.allSettled(copies.map((one) => setup.control.retry(one)));
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await begun('a');
    gated.end('a');
    expect(await became(record, 'success')).toMatchObject({ attempts: 2 });
  });

  it('keeps to the limit of waiting operations', async () => {
    await begin({ concurrency: 1, maxQueuedPerUser: 1 });
    const record = await submit('a');
    await begun('a');
    await setup.control.cancel(record);
    await submit('b');
    await begun('b');
    await submit('c');
    await expect(setup.control.retry(await find(record))).rejects.toMatchObject({ code: 'quota_exceeded' });
    expect(await find(record)).toMatchObject({ status: 'cancelled', attempts: 1 });
  });

  it('with a token of the caller begins at once, with the token', async () => {
    await begin();
    const record = await submit('a');
    await begun('a');
    await setup.control.cancel(record);
    const hooks = { deliver: null, gone: null, callerToken: 'hunter2' };
    await expect(setup.control.retry(await find(record), hooks)).resolves.toMatchObject({ status: 'running' });
    await begun('a');
    expect(gated.contextOf('a').callerToken).toBe('hunter2');
    gated.end('a');
    await became(record, 'success');
  });
});
