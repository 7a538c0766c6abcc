import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { AppError } from '@app/core';
import { type OperationStatus } from '@app/records';
import { cleanUpAfterEach, onCleanup } from '../../../../test/support/cleanups';
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
import { type BatchItem } from './batch-request';

cleanUpAfterEach();

const away = () => new AppError('database_unavailable', 'Away.');
const quick = () => fakeMethod(() => Promise.resolve(newOutcome()));

async function begin(methods = [quick()], options: SetupOptions = {}): Promise<StagingSetup> {
  const setup = await setupStaging(methods, options);
  onCleanup(() => setup.close());
  return setup;
}

/** A batch of 1, 2, ... of which the first one runs. */
async function beginBatch(count: number, options: SetupOptions = {}) {
  const gated = new GatedMethod();
  const setup = await begin([gated.method], { concurrency: 1, ...options });
  const items = Array.from({ length: count }, (_none, index) => newItem(`${index + 1}`));
  const { id } = await setup.batches.accept(newBatch(count), inParts(items));
  await until(() => gated.under.has('1'), 'nothing runs');
  return { gated, setup, id };
}

const countsOf = async (setup: StagingSetup, id: string) => (await setup.records.batches.countsOf(id)).counts;
const isSettled = async (setup: StagingSetup, id: string) =>
  (await setup.records.batches.countsOf(id)).finishedAt !== null;

describe('accepting a batch', () => {
  it('of 10,000 items keeps none of them', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const used = () => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const setup = await begin([new GatedMethod().method], { concurrency: 1 });
    let grown = 0;
    async function* long(): AsyncGenerator<BatchItem[]> {
      const before = used();
      for (let at = 0; at < 10_000; at += 500) {
        yield Array.from({ length: 500 }, (_none, index) => {
          const segments = Array.from({ length: 8 }, (_no, depth) => `${at + index}-${depth}-`.padEnd(200, 'x'));
          return newItem(segments.join('/'), { relativePath: `set/${segments.join('/')}` });
        });
        await Promise.resolve();
      }
      grown = used() - before;
    }
    const state = await setup.batches.accept(newBatch(10_000), long());
    expect(state.counts).toMatchObject({ queued: 10_000, failure: 0 });
    // Their paths alone are 32 MB.
    expect(grown).toBeLessThan(8_000_000);
    expect(await countsOf(setup, state.id)).toMatchObject({ queued: 9999, running: 1 });
  });

  it('answers when it is accepted, whatever becomes of the database then', async () => {
    const setup = await begin();
    jest.spyOn(setup.records.batches, 'countsOf').mockRejectedValue(away());
    const items = [newItem('a'), newItem('b', { relativePath: '../b' })];
    const state = await setup.batches.accept(newBatch(2), inParts(items));
    const counts: Partial<Record<OperationStatus, number>> = { queued: 1, failure: 1 };
    expect(state).toMatchObject({ method: 'fake', username: 'jane', counts, finishedAt: null });
    const refused = await setup.batches.accept(newBatch(1), inParts(items.slice(1)));
    expect(refused).toMatchObject({ counts: { queued: 0, failure: 1 }, finishedAt: expect.any(Date) });
  });

  it('leaves what it could not remove to the next process, which does none of it', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'batches-'));
    onCleanup(() => rmSync(directory, { recursive: true }));
    const database = path.join(directory, 'db');
    const first = await begin([quick()], { database });
    jest.spyOn(first.records.batches, 'accept').mockRejectedValue(away());
    jest.spyOn(first.records.batches, 'discard').mockRejectedValue(away());
    const request = newBatch(2);
    const items = [newItem('a'), newItem('b', { relativePath: '../b' })];
    await expect(first.batches.accept(request, inParts(items))).rejects.toMatchObject({ code: 'database_unavailable' });
    const left = async () => (await first.records.operations.page({ batchId: request.batchId }, 5)).items.length;
    expect(await left()).toBe(2);
    const gated = new GatedMethod();
    const next = await begin([gated.method], { database });
    await next.inherit(first.records.identity.name);
    expect([await left(), await next.records.batches.find(request.batchId)]).toEqual([0, null]);
    expect([gated.begun, next.queue.waiting]).toEqual([[], 0]);
  });

  it('is refused while the service stops, and so is trying again', async () => {
    const setup = await begin([fakeMethod(() => Promise.reject(new AppError('source_not_found', 'No.')))]);
    const { id } = await setup.batches.accept(newBatch(1), inParts([newItem('a')]));
    await until(() => isSettled(setup, id), 'it does not end');
    await setup.stop();
    const late = newBatch(1);
    const stopping = { code: 'shutting_down' };
    await expect(setup.batches.accept(late, inParts([newItem('b')]))).rejects.toMatchObject(stopping);
    await expect(setup.batches.retry(id)).rejects.toMatchObject(stopping);
    expect((await setup.records.operations.page({ batchId: late.batchId }, 5)).items).toEqual([]);
    expect(await countsOf(setup, id)).toMatchObject({ failure: 1 });
  });
});

describe('cancelling a batch', () => {
  it('that the database does not take changes nothing', async () => {
    const { gated, setup, id } = await beginBatch(3);
    jest.spyOn(setup.records.batches, 'cancelQueued').mockRejectedValueOnce(away());
    await expect(setup.batches.cancel(id)).rejects.toMatchObject({ code: 'database_unavailable' });
    for (const name of ['1', '2', '3']) {
      await until(() => gated.under.has(name), 'it does not go on');
      gated.end(name);
    }
    await until(() => isSettled(setup, id), 'it does not end');
    expect(await countsOf(setup, id)).toMatchObject({ success: 3 });
  });

  it('also ends what goes from running to its next attempt meanwhile', async () => {
    const { gated, setup, id } = await beginBatch(2, { retries: { attempts: 5, delayMs: 600_000 } });
    const { operations } = setup.records;
    const eachOf = operations.eachOf.bind(operations);
    jest.spyOn(operations, 'eachOf').mockImplementation(async function* (batchId, status) {
      gated.end('1', new AppError('storage_unavailable', 'Away.'));
      await until(async () => (await countsOf(setup, id)).queued === 1, 'it is not to be tried again');
      yield* eachOf(batchId, status);
    });
    await setup.batches.cancel(id);
    expect(await countsOf(setup, id)).toMatchObject({ cancelled: 2, queued: 0 });
    await until(() => setup.queue.waiting === 0, 'it is still in line');
  });
});

it('tells the log of what is asked of a batch, once each', async () => {
  const { setup, id } = await beginBatch(3);
  await setup.batches.cancel(id);
  await until(() => isSettled(setup, id), 'it does not end');
  await setup.batches.retry(id);
  const about = { batch_id: id, username: 'jane' };
  expect(await setup.logged('Batch accepted')).toMatchObject([{ ...about, items: 3 }]);
  expect(await setup.logged('Batch cancelled')).toMatchObject([{ ...about, operations: 3 }]);
  expect(await setup.logged('Batch tried again')).toMatchObject([{ ...about, operations: 3 }]);
});
