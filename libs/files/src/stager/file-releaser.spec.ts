import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { makeTree, snapshot, writeFiles } from '../../../../test/support/files';
import { type ManifestRow } from '../engine/task-types';
import { createTestSite, memoryFolder, type TestSite } from '../testing/test-site';
import { type Placement, type ReleaseRequest } from './placement';

let site: TestSite;
let counter = 0;

beforeAll(async () => {
  site = await createTestSite({}, memoryFolder());
  writeFiles(site.storage, { file: 'content of a file', 'tree/a': 'A', 'tree/dir/b': 'B', 'tree/dir/deep/c': 'C' });
  mkdirSync(path.join(site.storage, 'tree/empty'));
  symlinkSync('a', path.join(site.storage, 'tree/link'));
  makeTree(path.join(site.storage, 'many'), { files: 1500, sizes: [3], perDirectory: 100 });
});
afterAll(() => site.close());

interface Staged {
  request: ReleaseRequest;
  place: string;
}

/** Stages something, and keeps what a release needs to know of it. */
async function stage(source: string, how: 'copy' | 'link' = 'copy'): Promise<Staged> {
  const destination = `place-${(counter += 1)}/result`;
  const rows: ManifestRow[] = [];
  const request = site.request(source, destination);
  const keep = (more: ManifestRow[]) => Promise.resolve(void rows.push(...more));
  const placed: Placement = await site.stager[how](request, site.hooks({ onManifest: keep }));
  // As records keep it: a single file by its name.
  rows.push(...placed.manifest.map((row) => ({ ...row, path: row.path || 'result' })));
  async function* all() {
    await Promise.resolve();
    yield rows;
  }
  const { operationId } = request;
  return {
    request: {
      operationId,
      username: 'jane',
      path: destination.split('/'),
      kind: placed.kind,
      link: placed.link,
      rows: all,
    },
    place: path.join(site.areas, 'jane', destination),
  };
}

const release = ({ request }: Staged, signal = new AbortController().signal) =>
  site.releaser.release(request, site.hooks({ signal }));
const writable = (...directories: string[]) => directories.forEach((directory) => chmodSync(directory, 0o700));
const held = ({ request }: Staged) => path.join(site.areas, '.staging', `${request.operationId}.release`);

describe('what was staged', () => {
  it.each([
    ['a copied file', 'file', 'copy', { files: 1, bytes: 17 }],
    ['a linked file', 'file', 'link', { files: 1, bytes: 17 }],
    ['a copied tree', 'tree', 'copy', { files: 4, bytes: 3 }],
    ['a tree of links', 'tree', 'link', { files: 4, bytes: 3 }],
    ['a tree of many files', 'many', 'copy', { files: 1500, bytes: 4500 }],
    ['a tree without files', 'tree/empty', 'copy', { files: 0, bytes: 0 }],
  ] as const)('is removed: %s; the source stays as it is', async (_what, source, how, done) => {
    const before = snapshot(site.storage);
    const staged = await stage(source, how);
    expect(await release(staged)).toMatchObject({ released: true, files: done.files });
    expect(existsSync(staged.place)).toBe(false);
    expect(existsSync(path.dirname(staged.place))).toBe(true);
    expect(site.leftOvers()).toEqual([]);
    expect(snapshot(site.storage)).toEqual(before);
    expect(await release(staged)).toEqual({ released: true, files: 0, bytes: 0 });
  });

  it('is released when its user removed it already', async () => {
    const staged = await stage('file');
    rmSync(path.dirname(staged.place), { recursive: true });
    expect(await release(staged)).toEqual({ released: true, files: 0, bytes: 0 });
    expect(site.leftOvers()).toEqual([]);
  });

  it('is removed as a link although its file changed on the storage meanwhile', async () => {
    writeFiles(site.storage, { changing: 'before' });
    chmodSync(path.join(site.storage, 'changing'), 0o644);
    const staged = await stage('changing', 'link');
    appendFileSync(path.join(site.storage, 'changing'), ' and after');
    expect(await release(staged)).toMatchObject({ released: true });
    expect(readFileSync(path.join(site.storage, 'changing'), 'utf8')).toBe('before and after');
  });
});

describe('what differs from the manifest stays, all of it, as it was:', () => {
  const cases: [string, (place: string) => void, RegExp][] = [
    ['a file was added', (place) => writeFileSync(`${place}/dir/new`, 'mine'), /dir\/new was changed or added/],
    ['a directory with a file was added', (place) => writeFiles(place, { 'own/notes': 'mine' }), /own\/notes was/],
    ['an empty directory was added', (place) => mkdirSync(`${place}/dir/deep/own`), /dir\/deep\/own was changed/],
    ['a link was added', (place) => symlinkSync('/etc/passwd', `${place}/passwd`), /passwd was changed or added/],
    ['a second name was added', (place) => linkSync(`${place}/a`, `${place}/again`), /again was changed or added/],
    ['a file is gone', (place) => unlinkSync(`${place}/a`), /1 of its files are gone/],
    ['a file was renamed', (place) => renameSync(`${place}/a`, `${place}/z`), /z was changed or added/],
    ['two files were exchanged', exchange, /was changed or added/],
    ['a file was written to', (place) => rewrite(`${place}/dir/b`, 'BB'), /dir\/b was changed or added/],
    ['a file was touched', (place) => utimesSync(`${place}/dir/b`, 5, 5), /dir\/b was changed or added/],
    ['a kept link leads elsewhere', relink, /link was changed or added/],
  ];

  function exchange(place: string): void {
    renameSync(`${place}/a`, `${place}/t`);
    renameSync(`${place}/dir/b`, `${place}/a`);
    renameSync(`${place}/t`, `${place}/dir/b`);
  }
  function rewrite(file: string, content: string): void {
    chmodSync(file, 0o600);
    writeFileSync(file, content);
  }
  function relink(place: string): void {
    unlinkSync(`${place}/link`);
    symlinkSync('/etc', `${place}/link`);
  }

  it.each(cases)('%s', async (_what, change, reason) => {
    const staged = await stage('tree');
    writable(staged.place, `${staged.place}/dir`, `${staged.place}/dir/deep`);
    change(staged.place);
    const before = snapshot(staged.place);
    expect(await release(staged)).toEqual({ released: false, reason: expect.stringMatching(reason) });
    expect(snapshot(staged.place)).toEqual(before);
    expect(site.leftOvers()).toEqual([]);
  });

  it('an empty directory was added to one that holds files only', async () => {
    const staged = await stage('tree/dir/deep');
    writable(staged.place);
    mkdirSync(`${staged.place}/own`);
    expect(await release(staged)).toMatchObject({ released: false, reason: expect.stringMatching(/^own was/) });
    expect(readdirSync(staged.place).sort()).toEqual(['c', 'own']);
  });

  it.each<[string, (place: string) => void]>([
    ['another file', (place) => writeFileSync(place, 'content of a file')],
    ['a directory', (place) => writeFiles(place, { mine: 'mine' })],
    ['a link', (place) => symlinkSync('/etc/passwd', place)],
  ])('%s stands in place of the file', async (_what, put) => {
    const staged = await stage('file');
    unlinkSync(staged.place);
    put(staged.place);
    const before = snapshot(staged.place);
    expect(await release(staged)).toMatchObject({ released: false, reason: expect.stringMatching(/another thing/) });
    expect(snapshot(staged.place)).toEqual(before);
  });

  it('a link leads to it now', async () => {
    const staged = await stage('tree');
    const directory = path.dirname(staged.place);
    renameSync(directory, `${directory}-moved`);
    symlinkSync(`${directory}-moved`, directory);
    expect(await release(staged)).toMatchObject({ released: false, reason: expect.stringMatching(/replaced/) });
    expect(existsSync(`${directory}-moved/result/a`)).toBe(true);
  });
});

describe('a release that was cut off goes on', () => {
  /** As a kill leaves it: out of sight, in one of the two states. */
  function takeAway(staged: Staged, name: string): string {
    const directory = held(staged).replace(/release$/, name);
    mkdirSync(directory, { mode: 0o700 });
    renameSync(staged.place, `${directory}/payload`);
    return directory;
  }

  it.each(['file', 'tree'])('before it was compared: %s', async (source) => {
    const staged = await stage(source);
    takeAway(staged, 'release');
    expect(await release(staged)).toMatchObject({ released: true });
    expect(site.leftOvers()).toEqual([]);
  });

  it('and puts back what differs', async () => {
    const staged = await stage('tree');
    const directory = takeAway(staged, 'release');
    writable(`${directory}/payload`);
    writeFileSync(`${directory}/payload/new`, 'mine');
    expect(await release(staged)).toMatchObject({ released: false });
    expect(readFileSync(`${staged.place}/new`, 'utf8')).toBe('mine');
  });

  it('while it was deleted, and gives back what was added in between', async () => {
    const staged = await stage('tree');
    const directory = takeAway(staged, 'released');
    writable(`${directory}/payload`, `${directory}/payload/dir`);
    unlinkSync(`${directory}/payload/a`);
    writeFileSync(`${directory}/payload/dir/new`, 'mine');
    expect(await release(staged)).toMatchObject({
      released: false,
      reason: expect.stringMatching(/only that is left/),
    });
    expect(Object.keys(snapshot(staged.place)).sort()).toEqual(['.', 'dir', 'dir/new']);
    expect(site.leftOvers()).toEqual([]);
  });

  it('beside its place, where that was taken meanwhile', async () => {
    for (const source of ['file', 'tree']) {
      const staged = await stage(source);
      const directory = takeAway(staged, 'release');
      if (source === 'tree') {
        writable(`${directory}/payload`);
        writeFileSync(`${directory}/payload/new`, 'mine');
      } else {
        chmodSync(`${directory}/payload`, 0o600);
        writeFileSync(`${directory}/payload`, 'mine');
      }
      mkdirSync(staged.place);
      const end = await release(staged);
      expect(end).toMatchObject({ released: false, reason: expect.stringMatching(/called result\.restored now/) });
      expect(existsSync(`${staged.place}.restored`)).toBe(true);
      expect(existsSync(staged.place)).toBe(true);
    }
  });

  it('by its signal, and ends with its reason', async () => {
    const staged = await stage('many');
    const reason = new Error('no longer');
    await expect(release(staged, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(await release(staged)).toMatchObject({ released: true, files: 1500 });
  });
});

it('happens once when it is asked for twice at once', async () => {
  const staged = await stage('many');
  const both = await Promise.all([release(staged), release(staged)]);
  expect(both).toEqual([
    { released: true, files: 1500, bytes: 4500 },
    { released: true, files: 0, bytes: 0 },
  ]);
});
