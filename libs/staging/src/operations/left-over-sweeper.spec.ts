import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { AppError } from '@app/core';
import { LeftOvers } from '@app/files';
import { createTestSite, type TestSite } from '@app/files/testing';
import { newOperationId, StagingRecord } from '@app/records';
import { cleanUpAfterEach, onCleanup } from '../../../../test/support/cleanups';
import { until } from '../../../../test/support/until';
import { fakeMethod, inParts, newBatch, newItem, newRequest, setupStaging, type StagingSetup } from '../testing';

cleanUpAfterEach();

let site: TestSite;
let leftOvers: LeftOvers;
let setup: StagingSetup;
/** How the next attempts end. */
let failure: AppError;
/** Is told when an attempt has come to its work. */
let onLeave: () => void;
beforeEach(async () => {
  onLeave = () => undefined;
  failure = new AppError('storage_unavailable', 'Away.');
  site = await createTestSite();
  onCleanup(() => site.close());
  const leaves = fakeMethod(({ id, source }) => {
    leave(id, source.asSent);
    onLeave();
    return Promise.reject(failure);
  });
  leftOvers = new LeftOvers(site.pool, site.roots);
  setup = await setupStaging([leaves], { leftOvers, retries: { attempts: 9, delayMs: 600_000 } });
  onCleanup(() => setup.close());
});

const below = (id: string) => path.join(site.areas, '.staging', id);
const inArea = (id: string) => path.join(site.areas, 'jane/in', `.staging-${id}`);

/** Half of something, in one of the two places for it. */
function leave(id: string, where: string): void {
  const directory = where === 'area' ? inArea(id) : below(id);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(path.join(directory, 'half'), 'half a file');
}
const isLeft = ({ id }: Pick<StagingRecord, 'id'>) => existsSync(below(id)) || existsSync(inArea(id));
const find = async ({ id }: Pick<StagingRecord, 'id'>) => (await setup.records.operations.find(id))!;

/** An operation that keeps what it has for its next attempt. */
async function keeping(source: string, relativePath = 'in/a'): Promise<StagingRecord> {
  const record = await setup.service.submit(newRequest({ localPathOnStorage: source, relativePath }));
  await until(async () => (await find(record)).attempts === 2, 'it is not to be tried again');
  expect(isLeft(record)).toBe(true);
  return find(record);
}

it.each(['root', 'area'])('removes what one kept below the %s that is cancelled while it waits', async (where) => {
  const record = await keeping(where);
  await expect(setup.control.cancel(record)).resolves.toMatchObject({ status: 'cancelled' });
  await setup.sweeper.idle();
  expect(isLeft(record)).toBe(false);
});

it('removes what the operations of a cancelled batch kept, and nothing of others', async () => {
  const other = await keeping('area');
  const items = ['root', 'area'].map((source) => newItem(source, { relativePath: `in/${source}` }));
  const { id } = await setup.batches.accept(newBatch(2), inParts(items));
  const all = async () => (await setup.records.operations.page({ batchId: id }, 5)).items;
  await until(async () => (await all()).every(({ attempts }) => attempts === 2), 'they are not to be tried again');
  await setup.batches.cancel(id);
  await setup.sweeper.idle();
  expect((await all()).map(isLeft)).toEqual([false, false]);
  expect(isLeft(other)).toBe(true);
});

it('removes what earlier attempts kept when the last one ends without a use for it', async () => {
  const record = await keeping('root');
  await setup.control.cancel(record);
  await setup.sweeper.idle();
  failure = new AppError('source_not_found', 'It is not there any more.');
  await setup.control.retry(await find(record));
  await until(async () => (await find(record)).status === 'failure', 'it does not end');
  await until(() => !isLeft(record), 'it is still there');
});

it('lets a further attempt begin only when nothing is removed any more', async () => {
  const record = await keeping('root');
  const order: string[] = [];
  let goOn: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (goOn = resolve));
  const remove = leftOvers.remove.bind(leftOvers);
  jest.spyOn(leftOvers, 'remove').mockImplementationOnce(async (...args) => {
    await held;
    await remove(...args);
    order.push('removed');
  });
  await setup.control.cancel(record);
  onLeave = () => order.push('begun');
  await setup.control.retry(await find(record));
  await until(async () => (await find(record)).status === 'running', 'it is not tried');
  expect(order).toEqual([]);
  goOn();
  await until(async () => (await find(record)).attempts === 4, 'it does not end');
  expect(order).toEqual(['removed', 'begun']);
  expect(isLeft(record)).toBe(true);
});

it('tries again what it could not remove, and spares what goes on by then', async () => {
  const [gone, revived] = [await keeping('root'), await keeping('root', 'in/b')];
  // Not the service's own as it is: nothing in it is touched.
  chmodSync(path.join(site.areas, '.staging'), 0o755);
  await setup.control.cancel(gone);
  await setup.control.cancel(revived);
  await setup.sweeper.idle();
  chmodSync(path.join(site.areas, '.staging'), 0o700);
  expect([isLeft(gone), isLeft(revived)]).toEqual([true, true]);
  await setup.control.retry(await find(revived));
  await until(async () => (await find(revived)).attempts === 4, 'it is not tried');
  await setup.sweeper.sweep();
  expect([isLeft(gone), isLeft(revived)]).toEqual([false, true]);
});

it('tells once of what has no record', async () => {
  leave('01900000-0000-7000-8000-00000000abcd', 'root');
  await setup.sweeper.sweep();
  await setup.sweeper.sweep();
  expect(await setup.logged('A private directory has no record here; it is left alone')).toHaveLength(1);
});

it('removes the receipts of operations that have ended, those that come meanwhile together', async () => {
  const staging = path.join(site.areas, '.staging');
  const ids = Array.from({ length: 5 }, () => newOperationId());
  for (const id of ids) symlinkSync('{}', path.join(staging, `${id}.receipt`));
  const drop = jest.spyOn(leftOvers, 'dropReceipts');
  const recordOf = (id: string) => Object.assign(new StagingRecord(), { id });
  for (const id of ids.slice(0, 4)) setup.sweeper.dropReceipt(recordOf(id));
  await setup.sweeper.idle();
  expect(drop.mock.calls.map(([gone]) => gone)).toEqual([[ids[0]], ids.slice(1, 4)]);
  expect(readdirSync(staging)).toEqual([`${ids[4]}.receipt`]);
  drop.mockRejectedValueOnce(new AppError('storage_unavailable', 'Away.'));
  setup.sweeper.dropReceipt(recordOf(ids[4]!));
  await setup.sweeper.idle();
  expect(await setup.logged('Could not remove the receipts of operations that have ended')).toHaveLength(1);
});
