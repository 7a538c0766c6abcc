import { type ChildProcess, spawn } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { AppError } from '@app/core';
import { snapshot, writeFiles } from '../../../../test/support/files';
import { until } from '../../../../test/support/until';
import { createTestSite, memoryFolder, type TestSite } from '../testing/test-site';
import { type Placement } from './placement';

/** The real thing: another process swaps names as fast as it can while the service works. */

const CANARY = 'what lies outside must stay there';
const ROUNDS = 20;

let site: TestSite;
let swapper: ChildProcess | undefined;

beforeEach(async () => {
  site = await createTestSite({}, memoryFolder());
  writeFiles(path.join(site.directory, 'outside'), { canary: CANARY, 'sub/canary': CANARY, f1: CANARY });
  const files = Object.fromEntries(Array.from({ length: 8 }, (_none, index) => [`f${index}`, `content ${index}`]));
  writeFiles(path.join(site.storage, 'tree/sub'), files);
  writeFiles(path.join(site.storage, 'tree'), files);
  mkdirSync(area('in/deep'), { recursive: true });
});
afterEach(async () => {
  swapper?.kill('SIGKILL');
  await site.close();
});

const area = (...names: string[]) => path.join(site.areas, 'jane', ...names);
const outside = () => path.join(site.directory, 'outside');

/** Starts a process that runs `round` without end, with errors ignored; waits until it has begun. */
async function swap(round: string, ...args: string[]): Promise<void> {
  const program = `
    const fs = require('node:fs'), path = require('node:path');
    const args = process.argv.slice(1);
    const attempt = (work) => { try { return work(); } catch { return undefined; } };
    console.log('begun');
    for (;;) { ${round} }`;
  swapper = spawn(process.execPath, ['-e', program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let begun = false;
  swapper.stdout!.on('data', () => (begun = true));
  await until(() => begun, 'the swapping did not begin');
}

/** How each of many requests ended. */
async function endings(request: (index: number) => Promise<Placement>): Promise<string[]> {
  const ends: string[] = [];
  for (let index = 0; index < ROUNDS; index += 4) {
    const some = [0, 1, 2, 3].map((plus) =>
      request(index + plus).then(
        (placed) => placed.outcome,
        (error: unknown) => (error instanceof AppError ? error.code : `not clean: ${String(error)}`),
      ),
    );
    ends.push(...(await Promise.all(some)));
  }
  return ends;
}

/** Every file in the areas, wherever it was moved to. */
function stagedFiles(folder = site.areas): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const place = path.join(folder, entry.name);
    if (entry.isDirectory()) return stagedFiles(place);
    return entry.isFile() ? [readFileSync(place, 'utf8')] : [];
  });
}

function expectNothingEscaped(before: unknown): void {
  swapper!.kill('SIGSTOP');
  expect(snapshot(outside())).toEqual(before);
  expect(stagedFiles().filter((content) => !/^content \d+$/.test(content))).toEqual([]);
  expect(site.leftOvers()).toEqual([]);
}

describe.each(['copy', 'link'] as const)('%s', (how) => {
  it('of a tree in which a directory is swapped for a link that leaves', async () => {
    const before = snapshot(outside());
    const sub = path.join(site.storage, 'tree/sub');
    symlinkSync(outside(), `${sub}.link`);
    await swap(
      `attempt(() => fs.renameSync(args[0], args[0] + '.real'));
       attempt(() => fs.renameSync(args[0] + '.link', args[0]));
       attempt(() => fs.renameSync(args[0], args[0] + '.link'));
       attempt(() => fs.renameSync(args[0] + '.real', args[0]));`,
      sub,
    );
    const ends = await endings((index) => site[how]('tree', `out/${index}`));
    for (const end of ends) expect(end).toMatch(/^(staged|source_changed|source_not_found|path_outside_storage)$/);
    expectNothingEscaped(before);
    for (let index = 0; index < ROUNDS; index += 1) {
      const result = area('out', String(index));
      const there = lstatSync(result, { throwIfNoEntry: false }) !== undefined;
      expect(there).toBe(ends[index] === 'staged');
    }
  });

  it('of a file whose name is swapped for a link that leaves', async () => {
    const before = snapshot(outside());
    const file = path.join(site.storage, 'tree/f1');
    symlinkSync(path.join(outside(), 'canary'), `${file}.link`);
    await swap(
      `attempt(() => fs.renameSync(args[0], args[0] + '.real'));
       attempt(() => fs.renameSync(args[0] + '.link', args[0]));
       attempt(() => fs.renameSync(args[0], args[0] + '.link'));
       attempt(() => fs.renameSync(args[0] + '.real', args[0]));`,
      file,
    );
    const ends = await endings((index) => site[how]('tree/f1', `out/${index}`));
    for (const end of ends) expect(end).toMatch(/^(staged|source_changed|source_not_found|path_outside_storage)$/);
    expectNothingEscaped(before);
  });

  it.each(['tree/f1', 'tree'])(
    'of %s to a directory that is moved and replaced by a link that leaves',
    async (source) => {
      const before = snapshot(outside());
      symlinkSync(outside(), area('link'));
      await swap(
        `attempt(() => fs.renameSync(args[0] + '/in', args[0] + '/elsewhere'));
       attempt(() => fs.renameSync(args[0] + '/link', args[0] + '/in'));
       attempt(() => fs.renameSync(args[0] + '/in', args[0] + '/link'));
       attempt(() => fs.renameSync(args[0] + '/elsewhere', args[0] + '/in'));`,
        area(),
      );
      const ends = await endings((index) => site[how](source, `in/deep/made-${index}/result`));
      for (const end of ends) expect(end).toMatch(/^(staged|path_outside_user_area|destination_conflict)$/);
      expectNothingEscaped(before);
    },
  );

  it.each(['tree/f1', 'tree'])('of %s whose result is replaced by a link as soon as it appears', async (source) => {
    const before = snapshot(outside());
    await swap(
      `for (const name of fs.readdirSync(args[0])) {
         if (!name.startsWith('result')) continue;
         attempt(() => fs.renameSync(path.join(args[0], name), path.join(args[0], 'taken-' + name)));
         attempt(() => fs.symlinkSync(args[1], path.join(args[0], name)));
       }`,
      area('in'),
      path.join(outside(), 'canary'),
    );
    const ends = await endings((index) => site[how](source, `in/result-${index}`));
    for (const end of ends) expect(end).toMatch(/^(staged|destination_conflict)$/);
    expectNothingEscaped(before);
  });

  it.each(['tree/f1', 'tree'])(
    'of %s, built inside the area, where its private directory is swapped',
    async (source) => {
      const before = snapshot(outside());
      (Reflect.get(site.stager, 'apart') as Set<string>).add('jane');
      await swap(
        `for (const name of fs.readdirSync(args[0])) {
         if (!name.startsWith('.staging-')) continue;
         const place = path.join(args[0], name);
         if (Math.random() < 0.3) attempt(() => fs.rmdirSync(place));
         attempt(() => fs.renameSync(place, path.join(args[0], 'stolen-' + name)));
         if (Math.random() < 0.5) attempt(() => fs.symlinkSync(args[1], place));
         else attempt(() => fs.mkdirSync(place));
         attempt(() => fs.unlinkSync(place));
         attempt(() => fs.rmdirSync(place));
         if (Math.random() < 0.5) attempt(() => fs.renameSync(path.join(args[0], 'stolen-' + name), place));
       }`,
        area('in'),
        outside(),
      );
      const ends = await endings((index) => site[how](source, `in/result-${index}`));
      for (const end of ends) expect(end).toMatch(/^(staged|destination_conflict|storage_unavailable)$/);
      expectNothingEscaped(before);
      // Where its name was stolen, an empty directory is all that remains, and closed to the user.
      const remains = readdirSync(area('in')).filter((name) => name.includes('.staging-'));
      for (const name of remains) expect(readdirSync(area('in', name))).toEqual([]);
    },
  );
});
