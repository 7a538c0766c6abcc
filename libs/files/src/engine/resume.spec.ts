import fs, { existsSync, lstatSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describeWhere } from '../../../../test/support/describe-where';
import { contentOf, snapshot, writeFiles } from '../../../../test/support/files';
import { Attempts, give } from '../testing/attempts';
import { createTestSite, memoryFolder, type TestSite } from '../testing/test-site';
import { prepareHashing } from './hashing';
import { type PlaceTask } from './task-types';

/** An operation is killed between any two calls, more than once: it goes on from each row that was recorded. */

const NOBODY = 65_534;
const NEVER = Infinity;

type AnyCall = (...args: unknown[]) => fs.StatsFs;

let site: TestSite;
let counter = 0;

beforeEach(async () => {
  await prepareHashing();
  site = await createTestSite({}, memoryFolder());
  writeFiles(site.storage, {
    'tree/one': '1',
    'tree/sub/two': '22',
    'tree/sub/three': '',
    'tree/sub/deep/four': '4444',
    'tree/other/large': Buffer.alloc(1_200_000, 'x'),
    'elsewhere/five': '55555',
  });
  mkdirSync(path.join(site.storage, 'tree/empty'));
  symlinkSync('sub/two', path.join(site.storage, 'tree/kept'));
  symlinkSync('../elsewhere', path.join(site.storage, 'tree/linked'));
});
afterEach(() => site.close());

const FILES = ['kept', 'linked/five', 'one', 'other/large', 'sub/deep/four', 'sub/three', 'sub/two'];
const BYTES = 5 + 1 + 1_200_000 + 4 + 0 + 2;

function attempts(): Attempts {
  return new Attempts(site, 'tree', `in/result-${(counter += 1)}`);
}

const inodes = ({ manifest }: Attempts) => new Map(manifest.map((row) => [row.path, row.inode]));

/** All of the tree is there as the source has it, each file recorded once; what was recorded before is the same file. */
function expectWhole(all: Attempts, before: Map<string, string>): void {
  const { linked: link, ...expected } = contentOf(snapshot(all.path()));
  expect(link).toMatchObject({ kind: 'link' });
  const five = contentOf(snapshot(path.join(site.storage, 'elsewhere')));
  expect(contentOf(snapshot(all.place))).toEqual({ ...expected, linked: five['.'], 'linked/five': five.five });
  expect(all.manifest.map((row) => row.path).sort()).toEqual(FILES);
  for (const { path: name, inode } of all.manifest) {
    expect(String(lstatSync(path.join(all.place, name), { bigint: true }).ino)).toBe(inode);
  }
  for (const [name, inode] of before) expect(inodes(all).get(name)).toBe(inode);
  // What was there already counts as well.
  expect(all.counted).toEqual({ files: FILES.length, bytes: BYTES });
  expect(existsSync(all.kept)).toBe(false);
}

const present = (place: string) => lstatSync(place, { throwIfNoEntry: false }) !== undefined;

/** Permission bits of something that is built; all of them where it is not there yet. */
function modeOf(all: Attempts, name: string): number {
  return lstatSync(all.payload(name), { throwIfNoEntry: false })?.mode ?? 0o777;
}

/** The number of calls that a whole attempt makes. */
async function calls(uid?: number): Promise<number> {
  for (let at = 100; ; at += 100) if (await attempts().killed(at, uid)) return at;
}

/** Kills a first attempt everywhere, or in the middle and a second one everywhere, then goes on to the end. */
async function killEverywhere(times: 1 | 2, step: number, uid?: number): Promise<number> {
  const most = await calls(uid);
  let gone = 0;
  for (let at = 1; at < most; at += step) {
    const all = attempts();
    if (times === 2) await all.killed(Math.floor(most / 2), uid);
    const first = inodes(all);
    await all.killed(at, uid);
    if (present(all.place)) break; // it was published by then
    for (const [name, inode] of first) expect(inodes(all).get(name)).toBe(inode);
    const before = inodes(all);
    gone += before.size;
    expect(await all.killed(NEVER, uid)).toBe(true);
    expectWhole(all, before);
  }
  return gone;
}

it('goes on wherever it was killed', async () => {
  expect(await killEverywhere(1, 2)).toBeGreaterThan(100);
});

it('goes on wherever it was killed while it went on', async () => {
  expect(await killEverywhere(2, 4)).toBeGreaterThan(100);
});

describeWhere(process.geteuid!() === 0 ? null : 'taking the place of others needs root', 'without privileges', () => {
  it('goes on as well, though directories may be sealed already', async () => {
    give(site.directory, NOBODY);
    expect(await killEverywhere(2, 6, NOBODY)).toBeGreaterThan(100);
  });

  it('removes from sealed directories what is not recorded, and adds what is new', async () => {
    give(site.directory, NOBODY);
    const all = attempts();
    const isSealed = () => existsSync(all.kept) && (modeOf(all, 'sub') & 0o200) === 0;
    for (let at = 60; !isSealed(); at += 1) await all.killed(at, NOBODY);
    expect(existsSync(all.place)).toBe(false);
    writeFiles(all.path(), { 'sub/new': 'new' });
    all.manifest = all.manifest.filter((row) => row.path !== 'sub/two');
    expect(await all.killed(NEVER, NOBODY)).toBe(true);
    expect(contentOf(snapshot(path.join(all.place, 'sub')))).toEqual(contentOf(snapshot(all.path('sub'))));
    expect(all.manifest.map((row) => row.path).sort()).toEqual([...FILES, 'sub/new'].sort());
  });
});

it('goes on in the user area, where the private directory had to be made there', async () => {
  const all = new Attempts(site, 'tree', 'in/beside', { besideDestination: true });
  mkdirSync(path.join(site.areas, 'jane/in'), { recursive: true });
  const inArea = path.join(site.areas, 'jane/in', `.staging-${all.request.operationId}`);
  for (let at = 60; inodes(all).size === 0; at += 20) await all.killed(at);
  expect(present(all.place)).toBe(false);
  const before = inodes(all);
  expect(before.size).toBeGreaterThan(0);
  expect([existsSync(inArea), existsSync(all.kept)]).toEqual([true, false]);
  expect(await all.killed(NEVER)).toBe(true);
  expectWhole(all, before);
  expect(existsSync(inArea)).toBe(false);
});

it('needs no room for what is there already', async () => {
  const all = attempts();
  for (let at = 60; !inodes(all).has('other/large'); at += 5) await all.killed(at);
  const before = inodes(all);
  expect(existsSync(all.place)).toBe(false);
  const { statfsSync } = fs;
  const full = jest.spyOn(fs, 'statfsSync');
  full.mockImplementation((...args) => ({ ...(statfsSync as AnyCall)(...args), bavail: 10, bsize: 4096 }));
  try {
    await expect(attempts().killed(NEVER)).rejects.toMatchObject({ code: 'insufficient_storage' });
    expect(await all.killed(NEVER)).toBe(true);
  } finally {
    full.mockRestore();
  }
  expectWhole(all, before);
});

describe('an operation that was killed when its result was there already', () => {
  const overrides: [string, Partial<PlaceTask>][] = [
    ['a copy', {}],
    ['a copy built in the user area', { besideDestination: true }],
    ['a copy where there are no hard links', { publishByRename: true }],
    ['a hard link', { content: 'link' }],
    ['a symbolic link', { content: 'symlink', linkPrefixes: { default: '/data' } }],
  ];
  const cases = ['tree', 'tree/other/large'].flatMap((source) =>
    overrides.map(([what, how]) => [what, source, how] as const),
  );

  it.each(cases)('is told as staged: %s of %s', async (_what, source, how) => {
    const killed = (at: number) => {
      const all = new Attempts(site, source, `in/result-${(counter += 1)}`, how);
      return all.killed(at).then((isDone) => ({ all, isDone }));
    };
    let most = 50;
    while (!(await killed(most)).isDone) most += 50;
    let seen = 0;
    for (let at = most; at > 0; at -= 1) {
      const { all, isDone } = await killed(at);
      if (isDone) continue;
      if (!present(all.place)) break;
      // Between link(2) and unlink(2): another hard link to the same file would look the same.
      if (how.content === 'link' && source !== 'tree' && existsSync(path.join(all.kept, 'payload'))) {
        expect(await all.killed(NEVER)).toBe(true);
        expect(all.result).toMatchObject({ type: 'present', matches: true });
        continue;
      }
      const [rows, inode] = [all.manifest, lstatSync(all.place).ino];
      // What an attempt needs no more may be gone.
      const moved = `${all.path()}-moved`;
      renameSync(all.path(), moved);
      expect(await all.killed(NEVER)).toBe(true);
      renameSync(moved, all.path());
      expect(all.result).toMatchObject({
        type: 'placed',
        isEarlier: true,
        kind: kindOf(source),
        stagedPath: placeOf(all),
      });
      expect([all.manifest, lstatSync(all.place).ino]).toEqual([rows, inode]);
      seen += 1;
    }
    expect(seen).toBeGreaterThan(1);
  });

  const kindOf = (source: string) => (source === 'tree' ? 'directory' : 'file');
  const placeOf = ({ request }: Attempts) => request.destination.segments.join('/');
});
