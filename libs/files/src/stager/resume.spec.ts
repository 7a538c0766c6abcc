import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
} from 'node:fs';
import path from 'node:path';
import { AppError } from '@app/core';
import { contentOf, makeSparseFile, makeTree, patchFile, snapshot, writeFiles } from '../../../../test/support/files';
import { prepareHashing } from '../engine/hashing';
import { Attempts } from '../testing/attempts';
import { createTestSite, memoryFolder, type TestSite } from '../testing/test-site';
import { type PlaceHooks, type PlaceProgress } from './placement';

const MIB = 1024 ** 2;
const STOPS = new AppError('shutting_down', 'The service stops.');
/** Enough for two workers. */
const FILES = 80;
let site: TestSite;
let counter = 0;

beforeAll(async () => {
  await prepareHashing();
  site = await createTestSite({}, memoryFolder());
});
afterAll(() => site.close());

function attempts(make: (root: string) => void): Attempts {
  const source = `tree-${(counter += 1)}`;
  make(path.join(site.storage, source));
  return new Attempts(site, source, `${source}/in/result`);
}

/** The copy is the source, and the manifest that of the copy. */
function expectWhole(all: Attempts): void {
  const source = contentOf(snapshot(all.path()));
  expect(contentOf(snapshot(all.place))).toEqual(source);
  const names = Object.entries(source).flatMap(([name, { kind }]) => (kind === 'directory' ? [] : [name]));
  expect(all.manifest.map((row) => row.path).sort()).toEqual(names.sort());
  for (const row of all.manifest) {
    expect(String(lstatSync(path.join(all.place, row.path), { bigint: true }).ino)).toBe(row.inode);
  }
  expect(existsSync(all.kept)).toBe(false);
}

/** A further attempt, to the end. */
async function goOn(all: Attempts, overrides: Partial<PlaceHooks> = {}): Promise<void> {
  const copied = site.stager.copy(all.request, all.hooks({ earlier: all.earlier, ...overrides }));
  await expect(copied).resolves.toMatchObject({ outcome: 'staged', kind: 'directory' });
  expectWhole(all);
}

describe('a tree whose attempt is ended in the middle', () => {
  /** Small files, and behind them one that takes until the attempt is ended. */
  const slowTree = () =>
    attempts((root) => {
      makeTree(root, { files: FILES, sizes: [3, 2000, 0], perDirectory: FILES });
      symlinkSync('d000/f000000', path.join(root, 'link'));
      mkdirSync(path.join(root, 'd000/below'));
      makeSparseFile(path.join(root, 'd000/below/large'), 4096 * MIB);
      patchFile(path.join(root, 'd000/below/large'), 0, 'not a hole');
    });

  /** Ends an attempt as soon as all small files are there. */
  async function cutOff(all: Attempts, overrides: Partial<PlaceHooks> = {}): Promise<void> {
    const controller = new AbortController();
    const onProgress = ({ filesDone }: PlaceProgress) => {
      if (filesDone === FILES + 1) controller.abort(STOPS);
    };
    const hooks = all.hooks({ signal: controller.signal, onProgress, ...overrides });
    await expect(site.stager.copy(all.request, hooks)).rejects.toBe(STOPS);
    truncateSync(all.path('d000/below/large'), MIB);
  }

  it('goes on from what was verified, which is not copied again', async () => {
    const all = slowTree();
    await cutOff(all);
    const rows = [...all.manifest];
    expect(rows).toHaveLength(FILES + 1);
    const told: PlaceProgress[] = [];
    await goOn(all, { onProgress: (progress) => told.push(progress) });
    expect(all.restarts).toBe(0);
    expect(all.manifest.slice(0, rows.length)).toEqual(rows);
    expect(statSync(all.place).mode & 0o777).toBe(0o550);
    // What is there already counts as done.
    expect(told.at(-1)).toMatchObject({ filesDone: FILES + 2, filesTotal: FILES + 2 });
  });

  it('goes on also when it was sealed', async () => {
    const all = slowTree();
    await cutOff(all);
    const reason = new AppError('database_unavailable', 'Away.');
    const hooks = all.hooks({ earlier: all.earlier, beforePublish: () => Promise.reject(reason) });
    await expect(site.stager.copy(all.request, hooks)).rejects.toBe(reason);
    const rows = [...all.manifest];
    expect(rows).toHaveLength(FILES + 2);
    await goOn(all);
    expect([all.restarts, all.manifest]).toEqual([0, rows]);
  });

  it('begins anew without a manifest, or when nothing was kept', async () => {
    const all = slowTree();
    await cutOff(all);
    all.manifest = [];
    await goOn(all);
    const other = slowTree();
    await cutOff(other);
    rmSync(other.kept, { recursive: true });
    await goOn(other);
    expect([all.restarts, other.restarts]).toEqual([0, 1]);
  });

  it('leaves nothing where it is not to be kept', async () => {
    const asked: unknown[] = [];
    const all = slowTree();
    await cutOff(all, { keeps: (error) => asked.push(error) === 0 });
    expect(asked).toEqual([STOPS]);
    expect(existsSync(all.kept)).toBe(false);
  });

  it('leaves nothing of it when a further attempt cannot even begin, and is the last', async () => {
    const all = slowTree();
    await cutOff(all);
    rmSync(all.path(), { recursive: true });
    const again = (keeps: boolean) =>
      site.stager.copy(all.request, all.hooks({ earlier: all.earlier, keeps: () => keeps }));
    await expect(again(true)).rejects.toMatchObject({ code: 'source_not_found' });
    expect(existsSync(all.kept)).toBe(true);
    await expect(again(false)).rejects.toMatchObject({ code: 'source_not_found' });
    expect(existsSync(all.kept)).toBe(false);
  });

  it('leaves nothing of it when the tree is there by now', async () => {
    const all = slowTree();
    await cutOff(all);
    await site.copy(all.source, all.request.destination.segments.join('/'));
    const hooks = all.hooks({ earlier: all.earlier });
    await expect(site.stager.copy(all.request, hooks)).resolves.toMatchObject({ outcome: 'already_present' });
    expect([existsSync(all.kept), all.manifest]).toEqual([false, []]);
  });
});

describe('what is not what was verified', () => {
  const OUTSIDE = { 'outside/file': 'of somebody else' };

  /** Killed when the files and the link of the top are done, and those below are not. */
  async function killedTree(): Promise<Attempts> {
    writeFiles(site.directory, OUTSIDE);
    const all = attempts((root) => {
      writeFiles(root, { one: '1', two: '22', three: '333', 'sub/four': '4444', 'sub/five': '55555' });
      symlinkSync('one', path.join(root, 'link'));
    });
    for (let at = 60; all.manifest.length < 4; at += 5) await all.killed(at);
    expect(all.manifest.map((row) => row.path).sort()).toEqual(['link', 'one', 'three', 'two']);
    return all;
  }

  const outside = (...names: string[]) => path.join(site.directory, 'outside', ...names);

  function rewrite(file: string, content: string): void {
    chmodSync(file, 0o600);
    const { atime, mtime } = statSync(file);
    writeFiles(path.dirname(file), { [path.basename(file)]: content });
    if (content.length !== 2) utimesSync(file, atime, mtime);
  }
  function replace(file: string, make: (file: string) => void): void {
    rmSync(file, { recursive: true, force: true });
    make(file);
  }

  type Case = [string, (all: Attempts) => void];

  const anew: Case[] = [
    ['a kept file of another size', (all) => rewrite(all.payload('two'), 'other')],
    ['a kept file that was truncated', (all) => rewrite(all.payload('two'), '')],
    ['a kept file that was written to later', (all) => rewrite(all.payload('two'), 'xx')],
    ['a kept file that is gone', (all) => unlinkSync(all.payload('two'))],
    [
      'a kept file that is a link to outside',
      (all) => replace(all.payload('two'), (at) => symlinkSync(outside('file'), at)),
    ],
    ['a kept link that leads elsewhere', (all) => replace(all.payload('link'), (at) => symlinkSync('two', at))],
    ['a payload that is a link to outside', (all) => replace(all.payload(), (at) => symlinkSync(outside(), at))],
    ['a directory that the source does not have', (all) => mkdirSync(all.payload('own'))],
    [
      'a directory where the source has a file',
      (all) => replace(all.payload('sub/five'), (at) => mkdirSync(at, { recursive: true })),
    ],
    ['a row of a file that was never there', (all) => all.manifest.push({ ...all.manifest[0]!, path: 'phantom' })],
    ['directories on the way that the user made', (all) => mkdirSync(path.dirname(all.place), { recursive: true })],
    ['a source file that grew', (all) => appendFileSync(all.path('two'), 'more')],
    ['a source file that was written to', (all) => utimesSync(all.path('two'), 1, 1)],
    ['a source file that is gone', (all) => unlinkSync(all.path('two'))],
    ['a source file that is a directory now', (all) => replace(all.path('two'), (at) => writeFiles(at, { two: '22' }))],
    ['a source file that is a link now', (all) => replace(all.path('two'), (at) => symlinkSync('one', at))],
    ['a source link that leads elsewhere', (all) => replace(all.path('link'), (at) => symlinkSync('two', at))],
    ['a source link that is a directory now', (all) => replace(all.path('link'), (at) => mkdirSync(at))],
  ];
  const goesOn: Case[] = [
    ['a file that was not recorded', (all) => writeFiles(all.payload(), { 'sub/stranger': 'x' })],
    ['a file that was recorded, but its row is lost', (all) => all.manifest.splice(1, 1)],
    [
      'a link to outside in place of a directory',
      (all) => replace(all.payload('sub'), (at) => symlinkSync(outside(), at)),
    ],
    ['a source file that is new', (all) => writeFiles(all.path(), { 'sub/new': 'new', new: 'new' })],
    ['a source file that is gone before it was copied', (all) => unlinkSync(all.path('sub/five'))],
  ];

  afterEach(() => expect(snapshot(outside('file'))['.']).toMatchObject({ kind: 'file', size: 16 }));

  it.each(anew)('makes it begin anew: %s', async (_what, change) => {
    const all = await killedTree();
    change(all);
    await goOn(all);
    expect(all.restarts).toBe(1);
  });

  it.each(goesOn)('is removed or added: %s', async (_what, change) => {
    const all = await killedTree();
    change(all);
    const rows = [...all.manifest];
    await goOn(all);
    expect(all.restarts).toBe(0);
    expect(all.manifest.slice(0, rows.length)).toEqual(rows);
  });

  it('makes it begin anew when the source is a file now', async () => {
    const all = await killedTree();
    replace(all.path(), (at) => writeFiles(path.dirname(at), { [path.basename(at)]: 'file' }));
    const hooks = all.hooks({ earlier: all.earlier });
    await expect(site.stager.copy(all.request, hooks)).resolves.toMatchObject({ outcome: 'staged', kind: 'file' });
    expect([all.restarts, all.manifest, existsSync(all.kept)]).toEqual([1, [], false]);
  });

  it('makes it begin anew when it came behind the look at all of it', async () => {
    const all = await killedTree();
    // From a thread that hung in the attempt before: what it brought looks right, and was never recorded.
    const note = (message: string) => {
      if (!/^Goes on/.test(message)) return;
      writeFiles(all.payload(), { 'sub/four': 'bad!' });
      for (const file of [all.path('sub/four'), all.payload('sub/four')]) utimesSync(file, 1e9, 1e9);
    };
    await goOn(all, { note });
    expect(all.restarts).toBe(1);
  });

  it('is refused in a private directory that others may enter', async () => {
    const all = await killedTree();
    chmodSync(all.kept, 0o755);
    const again = () => site.stager.copy(all.request, all.hooks({ earlier: all.earlier }));
    await expect(again()).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(existsSync(all.payload('one'))).toBe(true);
    chmodSync(all.kept, 0o700);
    await goOn(all);
  });
});
