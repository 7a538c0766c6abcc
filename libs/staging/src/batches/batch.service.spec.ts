import { newOperationId, type OperationStatus } from '@app/records';
import { AppError } from '@app/core';
import { until } from '../../../../test/support/until';
import {
  fakeMethod,
  GatedMethod,
  inParts,
  newBatch,
  newItem,
  newOutcome,
  setupStaging,
  type SetupOptions,
  type StagingSetup,
} from '../testing';
import { type BatchItem, type BatchRequest } from './batch-request';

let setup: StagingSetup;
afterEach(() => setup.close());

const accept = (items: BatchItem[], overrides: Partial<BatchRequest> = {}) =>
  setup.batches.accept(newBatch(items.length, overrides), inParts(items));
const recordsOf = async (batchId: string) => (await setup.records.operations.page({ batchId }, 500)).items.reverse();
const countsOf = async (id: string) => (await setup.records.batches.countsOf(id)).counts;
const ended = (id: string) =>
  until(async () => (await setup.records.batches.countsOf(id)).finishedAt !== null, 'the batch does not end');
const codeOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 'none',
    (error: unknown) => (error as AppError).code,
  );
const counts = (more: Partial<Record<OperationStatus, number>>) => ({
  ...{ queued: 0, running: 0, success: 0, failure: 0, cancelled: 0 },
  ...more,
});

/** Ends well, unless the source is called otherwise. */
function method(failing: { code: 'source_not_found' | 'none' } = { code: 'source_not_found' }) {
  return fakeMethod(({ source }) => {
    if (source.asSent.startsWith('bad') && failing.code !== 'none') {
      return Promise.reject(new AppError(failing.code, 'It is not there.'));
    }
    return Promise.resolve(newOutcome());
  });
}

describe('a batch', () => {
  it('is accepted as a whole, done, and counted', async () => {
    setup = await setupStaging([method()]);
    const items = Array.from({ length: 1200 }, (_none, index) =>
      newItem(`${index % 100 === 0 ? 'bad' : 'good'}-${index}`),
    );
    const state = await accept(items);
    expect(state).toMatchObject({ method: 'fake', username: 'jane', createdAt: expect.any(Date) });
    await ended(state.id);
    expect(await countsOf(state.id)).toEqual(counts({ success: 1188, failure: 12 }));
    const { items: newest } = await setup.records.operations.page({ batchId: state.id }, 1);
    expect(newest[0]).toMatchObject({
      localPathOnStorage: 'good-1199',
      batchId: state.id,
      background: true,
      attempts: 1,
    });
    await until(async () => (await setup.batches.find(state.id))!.finishedAt !== null, 'it is not told');
  });

  it('has failures for items that can only be refused, and does the others', async () => {
    setup = await setupStaging([method()]);
    const state = await accept([
      newItem('a'),
      newItem('b', { relativePath: '../b' }),
      newItem('c', { relativePath: '/c' }),
      newItem('d', { relativePath: '.staging-01900000-0000-7000-8000-000000000000/x' }),
      newItem('e'),
    ]);
    await ended(state.id);
    expect((await recordsOf(state.id)).map(({ status, errorCode }) => errorCode ?? status)).toEqual([
      ...['success', 'path_outside_user_area', 'path_outside_user_area', 'path_outside_user_area', 'success'],
    ]);
  });

  it('tells items apart that name one destination', async () => {
    setup = await setupStaging([method()]);
    const state = await accept([
      newItem('a', { relativePath: 'same' }),
      newItem('a', { relativePath: './same' }),
      newItem('b', { relativePath: 'same' }),
      newItem('dir/x', { relativePath: 'into/' }),
      newItem('other/x', { relativePath: 'into//' }),
      newItem('y', { relativePath: 'into/x' }),
      newItem('c', { relativePath: 'same', storage: 'cold' }),
    ]);
    await ended(state.id);
    const records = await recordsOf(state.id);
    const codes = records.map(({ errorCode }) => errorCode);
    const conflict = 'destination_conflict';
    expect(codes).toEqual([null, null, conflict, null, conflict, conflict, conflict]);
    expect(records[2]!.errorReason).toContain('items[0]');
    expect(records[5]!.errorReason).toContain('items[3]');
  });

  it('leaves nothing when it cannot be accepted', async () => {
    setup = await setupStaging([method()], { maxQueuedPerUser: 10 });
    const items = Array.from({ length: 11 }, (_none, index) => newItem(`${index}`));
    await expect(codeOf(accept(items))).resolves.toBe('quota_exceeded');
    await expect(codeOf(accept([newItem('a')], { method: 'teleport' }))).resolves.toBe('invalid_method');
    await expect(codeOf(accept([newItem('a')], { username: 'root' }))).resolves.toBe('forbidden');
    const insertAll = setup.records.operations.insertAll.bind(setup.records.operations);
    let parts = 0;
    jest.spyOn(setup.records.operations, 'insertAll').mockImplementation((records) => {
      parts += 1;
      return parts < 3 ? insertAll(records) : Promise.reject(new AppError('database_unavailable', 'Away.'));
    });
    const failing = newBatch(9);
    const attempt = setup.batches.accept(failing, inParts(items.slice(2), 3));
    await expect(codeOf(attempt)).resolves.toBe('database_unavailable');
    expect(await recordsOf(failing.batchId)).toEqual([]);
    expect(await setup.batches.find(failing.batchId)).toBeNull();
    expect((await setup.records.operations.page({}, 10)).items).toEqual([]);
    jest.restoreAllMocks();
    // The room that it had taken is free again.
    await expect(codeOf(accept(items.slice(1)))).resolves.toBe('none');
  });

  it('that its process did not come to accept is discarded by its heir', async () => {
    setup = await setupStaging([method()]);
    const { batchId: id } = newBatch(1);
    const batch = { id, method: 'fake', username: 'jane', requestedBy: null, items: 1 };
    await setup.records.batches.insert({ ...batch, createdAt: new Date(), acceptedAt: null, owner: 'dead' });
    await setup.inherit('dead');
    expect(await setup.records.batches.find(id)).toBeNull();
  });

  it('checks the form of items before anything is recorded', async () => {
    setup = await setupStaging([method()]);
    const check = (one: BatchItem) => () => setup.batches.checkItem(newBatch(1), one);
    expect(check(newItem('a'))).not.toThrow();
    for (const wrong of [
      newItem(''),
      newItem('a\0'),
      newItem('a', { relativePath: undefined }),
      newItem('a', { storage: 'none' }),
    ]) {
      expect(check(wrong)).toThrow(expect.objectContaining({ code: 'validation_failed' }));
    }
  });
});

describe('a batch under way', () => {
  async function gatedBatch(options: SetupOptions = {}) {
    const gated = new GatedMethod();
    setup = await setupStaging([gated.method], { concurrency: 2, ...options });
    const state = await accept(Array.from({ length: 700 }, (_none, index) => newItem(`${index}`)));
    await until(() => gated.under.size === 2, 'nothing runs');
    return { gated, id: state.id };
  }

  it('is cancelled, what runs and what waits', async () => {
    const { gated, id } = await gatedBatch();
    gated.end('0');
    await until(() => gated.under.has('2'), 'it does not go on');
    const state = await setup.batches.cancel(id);
    expect(state.counts.queued).toBe(0);
    await ended(id);
    expect(await countsOf(id)).toEqual(counts({ success: 1, cancelled: 699 }));
    expect(setup.queue.waiting).toBe(0);
    await expect(codeOf(setup.batches.cancel(id))).resolves.toBe('already_ended');
    expect(gated.begun).toHaveLength(3);
  });

  it('is tried again where it failed, and nowhere else', async () => {
    const failing = { code: 'source_not_found' as const } as { code: 'source_not_found' | 'none' };
    setup = await setupStaging([method(failing)]);
    const names = ['good-1', 'bad-1', 'good-2', 'bad-2'];
    const { id } = await accept([...names.map((name) => newItem(name)), newItem('x', { relativePath: '../x' })]);
    await ended(id);
    expect(await countsOf(id)).toEqual(counts({ success: 2, failure: 3 }));
    failing.code = 'none';
    await setup.batches.retry(id);
    await ended(id);
    expect(await countsOf(id)).toEqual(counts({ success: 4, failure: 1 }));
    expect((await recordsOf(id)).map(({ attempts }) => attempts)).toEqual([1, 2, 1, 2, 1]);
    // What is left could only fail again.
    await expect(codeOf(setup.batches.retry(id))).resolves.toBe('not_retryable');
  });

  it('is not found by another id, nor before it is accepted', async () => {
    setup = await setupStaging([method()]);
    expect(await setup.batches.find(newOperationId())).toBeNull();
    await expect(codeOf(setup.batches.cancel(newOperationId()))).resolves.toBe('not_found');
    await expect(codeOf(setup.batches.retry(newOperationId()))).resolves.toBe('not_found');
    const { batchId } = newBatch(1);
    let seen: unknown = 'nothing';
    async function* looking() {
      seen = await setup.batches.find(batchId);
      yield [newItem('a')];
    }
    const state = await setup.batches.accept(newBatch(1, { batchId }), looking());
    expect(seen).toBeNull();
    // That it was not there a moment ago is forgotten.
    expect(state).toMatchObject({ id: batchId, counts: counts({ queued: 1 }) });
    expect(await setup.batches.find(batchId)).toMatchObject({ id: batchId });
  });

  it('does not keep the single file of another user waiting', async () => {
    const { gated } = await gatedBatch();
    const single = setup.service.stage({
      ...newItem('mine'),
      method: 'fake',
      username: 'john',
      requestedBy: null,
      server: undefined,
    });
    await until(async () => !(await setup.queue.keepRoom('john', 1, 1)).kept, 'it does not wait');
    gated.end('0');
    await until(() => gated.under.has('mine'), 'it does not begin');
    gated.end('mine');
    await expect(single).resolves.toMatchObject({ status: 'success' });
  });
});
