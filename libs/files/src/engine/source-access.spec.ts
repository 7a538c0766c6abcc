import { chmodSync, chownSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { AppError } from '@app/core';
import { writeFiles } from '../../../../test/support/files';
import { betweenCalls } from '../testing/between-calls';
import { placeTask, stageHere } from '../testing/place-task';
import { createTestSite, memoryFolder, type TestSite } from '../testing/test-site';
import { prepareHashing } from './hashing';
import { type PlaceTask } from './task-types';

/**
 * Somebody who may rename in a directory of the storage stands between each two calls of a placement in turn, and puts
 * there what they may not read themselves. Whenever they do: it is not brought to them.
 */

const SECRET = 'what the user may not read';
const READER = { uid: 61_001, gids: [61_001] };

let site: TestSite;
beforeAll(async () => {
  await prepareHashing();
  site = await createTestSite({}, memoryFolder());
});
afterAll(() => site.close());

const source = (...names: string[]) => path.join(site.storage, ...names);

function makeStorage(): void {
  rmSync(site.storage, { recursive: true, force: true });
  const open = { file: 'open', 'tree/one': 'open', 'tree/sub/two': 'open' };
  const closed = { 'closed/file': SECRET, 'closed/one': SECRET, 'closed/sub/two': SECRET };
  writeFiles(site.storage, { ...open, ...closed });
  for (const name of ['closed/file', 'closed/one']) chmodSync(source(name), 0o600);
  chmodSync(source('closed/sub'), 0o700);
  for (const place of [site.directory, site.storage]) chmodSync(place, 0o755);
  // A link that the user could write through is refused for that reason, and so is one to what they own.
  for (const name of ['file', 'tree/one', 'tree/sub/two', 'closed/sub/two']) chmodSync(source(name), 0o444);
  if (process.getuid!() === 0) chownSync(source('closed'), 0, 0);
}

function makeArea(): void {
  const area = path.join(site.areas, 'jane');
  rmSync(area, { recursive: true, force: true });
}

/** Every file below the areas, whatever it is. */
function contents(folder = site.areas): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const place = path.join(folder, entry.name);
    if (entry.isDirectory()) return contents(place);
    return entry.isFile() ? [readFileSync(place, 'utf8')] : [];
  });
}

/** Runs a placement; how it ended, and how many calls it took. */
function run(task: PlaceTask, swap: () => void, at: number): { end: string; calls: number } {
  let calls = 0;
  let end = '';
  betweenCalls(
    ({ index }) => {
      calls = index;
      if (index === at) swap();
    },
    () => {
      try {
        const result = stageHere(task);
        end = result === 'tree' ? 'placed' : result.type;
      } catch (reason) {
        end = reason instanceof AppError ? reason.code : `not clean: ${String(reason)}`;
      }
    },
  );
  return { end, calls };
}

const exchange = (one: string, other: string) => () => {
  renameSync(source(one), source('aside'));
  renameSync(source(other), source(one));
};

// A process without privileges is refused by the kernel, before this library gets to decide.
const asRoot = process.getuid!() === 0 ? describe : describe.skip;
asRoot('what is swapped in while it is staged', () => {
  it.each([
    ['a file, copied', 'file', 'copy', 'file', 'closed/file'],
    ['a file, linked', 'file', 'link', 'file', 'closed/file'],
    ['a file of a tree, copied', 'tree', 'copy', 'tree/one', 'closed/one'],
    ['a file of a tree, linked', 'tree', 'link', 'tree/one', 'closed/one'],
    ['a directory of a tree, copied', 'tree', 'copy', 'tree/sub', 'closed/sub'],
    ['a directory of a tree, linked', 'tree', 'link', 'tree/sub', 'closed/sub'],
  ] as const)('%s', (_what, from, content, swapped, secret) => {
    const ends = new Set<string>();
    const view = { roots: site.roots.storages, reader: READER };
    let calls = 1;
    for (let at = -1; at <= calls; at += 1) {
      makeStorage();
      makeArea();
      const task = placeTask(site, from, 'result', { content, storages: view });
      const ran = run(task, exchange(swapped, secret), at);
      calls = ran.calls;
      ends.add(ran.end);
      expect([at, contents()]).toEqual([at, ran.end === 'placed' ? expect.not.arrayContaining([SECRET]) : []]);
    }
    expect([...ends].sort()).toEqual(expect.arrayContaining(['placed', 'source_forbidden']));
    expect([...ends].filter((end) => !['placed', 'source_forbidden', 'source_changed'].includes(end))).toEqual([]);
  });
});
