import { existsSync, mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { writeFiles } from '../../../../test/support/files';
import { prepareHashing } from '../engine/hashing';
import { Attempts } from '../testing/attempts';
import { betweenCalls, type SeenCall } from '../testing/between-calls';
import { placeTask, stageHere } from '../testing/place-task';
import { createTestSite, memoryFolder, type TestSite } from '../testing/test-site';
import { LeftOvers } from './left-overs';
import { type PlaceHooks, type Placement } from './placement';

/** What a further attempt of an operation takes for its own, and what not. */

let site: TestSite;
let leftOvers: LeftOvers;
beforeAll(async () => {
  await prepareHashing();
  site = await createTestSite({}, memoryFolder());
  leftOvers = new LeftOvers(site.pool, site.roots);
  writeFiles(site.storage, { file: 'content', 'tree/one': '1', 'tree/sub/two': '22' });
});
afterAll(() => site.close());

let counter = 0;
const attempts = (source: string) => new Attempts(site, source, `in/result-${(counter += 1)}`);
const staging = (...names: string[]) => path.join(site.areas, '.staging', ...names);
const receiptOf = ({ request }: Attempts) => staging(`${request.operationId}.receipt`);
const copy = (all: Attempts, hooks: Partial<PlaceHooks> = {}): Promise<Placement> =>
  site.stager.copy(all.request, all.hooks({ receipt: true, ...hooks }));
const again = (all: Attempts) => copy(all, { earlier: all.earlier });

describe.each(['file', 'tree'])('a receipt of a %s', (source) => {
  it('makes the next attempt tell just what the one before would have, until it is dropped', async () => {
    const all = attempts(source);
    const first = await copy(all);
    expect(first).toMatchObject({ outcome: 'staged', receipt: true });
    const rows = [...all.manifest];
    expect(await leftOvers.list()).toContain(all.request.operationId);
    await expect(again(all)).resolves.toEqual(first);
    expect([all.manifest, all.restarts]).toEqual([rows, 0]);
    await leftOvers.dropReceipts([all.request.operationId]);
    await leftOvers.dropReceipts([all.request.operationId]);
    expect(readdirSync(staging())).toEqual([]);
    await expect(again(all)).resolves.toMatchObject({ outcome: 'already_present', matchesSource: true });
  });

  it('is left only where a further attempt would follow, and read by none but that', async () => {
    const all = attempts(source);
    await expect(copy(all, { receipt: false })).resolves.not.toHaveProperty('receipt');
    expect(existsSync(receiptOf(all))).toBe(false);
    const other = attempts(source);
    await copy(other);
    const stranger = new Attempts(site, source, other.request.destination.segments.join('/'));
    await expect(again(stranger)).resolves.toMatchObject({ outcome: 'already_present' });
    await leftOvers.remove(other.request.operationId, null);
    expect(readdirSync(staging())).toEqual([]);
  });

  it('says nothing of what somebody else put there later', async () => {
    const all = attempts(source);
    await copy(all);
    rmSync(all.place, { recursive: true });
    if (source === 'file') writeFileSync(all.place, 'mine');
    else mkdirSync(path.join(all.place, 'mine'), { recursive: true });
    await expect(again(all)).resolves.toMatchObject({ outcome: 'already_present', matchesSource: false });
    expect(all.manifest).toEqual([]);
    rmSync(all.place, { recursive: true });
    await expect(again(all)).resolves.toMatchObject({ outcome: 'staged', receipt: true });
    await leftOvers.dropReceipts([all.request.operationId]);
  });
});

it('of a tree whose manifest is gone is worth nothing: it could not be released', async () => {
  const all = attempts('tree');
  await copy(all);
  all.manifest = [];
  await expect(again(all)).resolves.toMatchObject({ outcome: 'already_present' });
  await leftOvers.dropReceipts([all.request.operationId]);
});

it('takes the place of an older one of the same operation', async () => {
  const all = attempts('file');
  symlinkSync('of another attempt', receiptOf(all));
  await copy(all);
  expect(JSON.parse(readlinkSync(receiptOf(all)))).toMatchObject({ storage: 'default', bytes: 7 });
  await leftOvers.dropReceipts([all.request.operationId]);
});

it('is not left where somebody else was faster', async () => {
  const tree = attempts('tree');
  const beforePublish = () => Promise.resolve(writeFiles(tree.place, { mine: '' }));
  await expect(copy(tree, { beforePublish })).resolves.toMatchObject({ outcome: 'already_present' });
  const place = path.join(site.areas, 'jane/in/faster');
  const before = ({ name }: SeenCall) => {
    if (name === 'linkSync') writeFileSync(place, 'mine');
  };
  let result;
  betweenCalls(before, () => (result = stageHere(placeTask(site, 'file', 'in/faster', { receipt: true }))));
  expect(result).toMatchObject({ type: 'present', matches: false });
  expect(readdirSync(staging())).toEqual([]);
});
