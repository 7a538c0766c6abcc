import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { xxh3 } from '@node-rs/xxhash';
import { AppError } from '@app/core';
import {
  bytesOf,
  contentOf,
  makeDeepTree,
  makeSparseFile,
  makeTree,
  notUtf8,
  snapshot,
  writeFiles,
} from '../../../../test/support/files';
import { describeWhere } from '../../../../test/support/describe-where';
import { type Algorithm } from '../engine/hashing';
import { type ManifestRow } from '../engine/task-types';
import { createTestSite, memoryFolder, type TestSite } from '../testing/test-site';
import { type FilesOptions } from './files-options';
import { type PlaceHooks } from './placement';

const isRoot = process.getuid!() === 0;
const OLD = new Date('2001-02-03T04:05:06.789Z');

/** In memory: for trees of many files, in which no disk matters. */
let site: TestSite;
let mapped: TestSite;
/** On disk, where each flush takes its time. */
let disk: TestSite;
const jane = isRoot ? { uid: 61_001, gid: 61_002 } : { uid: process.getuid!(), gid: process.getgid!() };

beforeAll(async () => {
  site = await createTestSite({}, memoryFolder());
  disk = await createTestSite();
  const userMapFile = path.join(site.directory, 'user-map');
  writeFileSync(userMapFile, `jane:${jane.uid}:${jane.gid}\n`);
  const ownership = { minUid: 1, unmapped: { kind: 'refuse' }, fileMode: 0o400, dirMode: 0o500 } as const;
  mapped = await createTestSite(
    { storages: [{ name: 'default', path: site.storage }], userMapFile, ownership },
    memoryFolder(),
  );
});
afterAll(async () => {
  await mapped.close();
  await disk.close();
  await site.close();
});
afterEach(() => {
  expect([...site.leftOvers(), ...mapped.leftOvers(), ...disk.leftOvers()]).toEqual([]);
});

const source = (...names: string[]) => path.join(site.storage, ...names);
const area = (...names: string[]) => path.join(site.areas, 'jane', ...names);
const mode = (file: string) => lstatSync(file).mode & 0o7777;
const openHandles = () => readdirSync('/proc/self/fd').length;

/** Gives everything below a folder one old time, directories among them. */
function age(folder: string): void {
  execFileSync('find', [folder, '-depth', '-exec', 'touch', '-h', '-d', OLD.toISOString(), '{}', '+']);
}

/** Stages with everything that the hooks hear. */
async function listen(how: 'copy' | 'link', from: string, to: string, hooks: Partial<PlaceHooks> = {}, where = site) {
  const rows: ManifestRow[] = [];
  const notes: string[] = [];
  const placed = await where.stager[how](
    where.request(from, to),
    where.hooks({
      onManifest: (part) => Promise.resolve(void rows.push(...part)),
      note: (text) => notes.push(text),
      ...hooks,
    }),
  );
  return { placed, notes, rows: rows.sort((one, other) => (one.path < other.path ? -1 : 1)) };
}

describe('a copy of a tree', () => {
  it('has everything that the tree has, with its times, read-only', async () => {
    const source = (...names: string[]) => path.join(disk.storage, ...names);
    const area = (...names: string[]) => path.join(disk.areas, 'jane', ...names);
    makeTree(source('tree'), { files: 300, sizes: [0, 10, 4096, 70_000], perDirectory: 10 });
    mkdirSync(source('tree/empty/nested'), { recursive: true });
    writeFiles(source('tree'), { 'odd names/ a\nb \\': 'odd', [`odd names/${'n'.repeat(255)}`]: 'long' });
    writeFileSync(notUtf8(source('tree/odd names')), 'raw');
    symlinkSync('../d000/f000001', source('tree/odd names/link'));
    age(source('tree'));
    const { placed, notes } = await listen('copy', 'tree', 'made/copy', {}, disk);
    expect(contentOf(snapshot(area('made/copy')))).toEqual(contentOf(snapshot(source('tree'))));
    expect(placed).toEqual({
      outcome: 'staged',
      storage: 'default',
      kind: 'directory',
      stagedPath: 'made/copy',
      files: 304,
      bytes: 75 * (10 + 4096 + 70_000) + 3 + 4 + 3,
      link: null,
      checksum: null,
      matchesSource: null,
      present: null,
      manifest: [],
    });
    for (const [name, entry] of Object.entries(snapshot(area('made/copy')))) {
      const expected = { file: '0440', directory: '0550', link: '0777', other: '' }[entry.kind];
      expect({ name, mode: entry.mode }).toEqual({ name, mode: expected });
      if (entry.kind !== 'link')
        expect({ name, mtimeNs: entry.mtimeNs }).toEqual({ name, mtimeNs: 981_173_106_789_000_000n });
    }
    expect(mode(area('made'))).toBe(0o770);
    expect(notes).toEqual(['Source checked: a tree', 'Tree copied and verified']);
  });

  it('belongs to the user who has an account, all of it', async () => {
    writeFiles(source('owned'), { 'a/b/file': 'x', top: 'y' });
    symlinkSync('top', source('owned/link'));
    await mapped.copy('owned', 'made/owned');
    const tree = snapshot(path.join(mapped.areas, 'jane'));
    for (const [name, entry] of Object.entries(tree)) {
      if (entry.kind !== 'link') expect({ name, uid: entry.uid, gid: entry.gid }).toEqual({ name, ...jane });
    }
    expect(tree['made']!.mode).toBe('0700');
    expect([tree['made/owned']!.mode, tree['made/owned/a/b']!.mode]).toEqual(['0500', '0500']);
    expect(tree['made/owned/a/b/file']!.mode).toBe('0400');
  });

  it('may be a whole storage', async () => {
    const small = await createTestSite({}, memoryFolder());
    try {
      writeFiles(small.storage, { 'a/file': 'x' });
      await expect(small.copy('.', 'all')).resolves.toMatchObject({ stagedPath: 'all', files: 1 });
      expect(readFileSync(path.join(small.areas, 'jane/all/a/file'), 'utf8')).toBe('x');
    } finally {
      await small.close();
    }
  });

  it('may be empty', async () => {
    mkdirSync(source('void'));
    await expect(site.copy('void', 'void')).resolves.toMatchObject({ files: 0, bytes: 0, link: null });
    expect(readdirSync(area('void'))).toEqual([]);
    await expect(site.copy('void', 'void')).resolves.toMatchObject({ outcome: 'already_present', matchesSource: true });
  });

  it('may be 200 directories deep', async () => {
    const leaf = makeDeepTree(source('deep'), 200);
    await expect(site.copy('deep', 'deep')).resolves.toMatchObject({ files: 1, bytes: 4 });
    expect(readFileSync(area('deep', leaf), 'utf8')).toBe('deep');
    await expect(site.copy('deep', 'deep')).resolves.toMatchObject({ matchesSource: true });
  });

  it('is refused beyond 400 directories, before anything is copied', async () => {
    makeDeepTree(source('deepest'), 400);
    await expect(site.copy('deepest', 'deepest')).rejects.toMatchObject({ code: 'source_unsupported' });
    expect(existsSync(area('deepest'))).toBe(false);
  });

  it('may have 10,000 files in one directory', async () => {
    mkdirSync(source('wide'));
    for (let index = 0; index < 10_000; index += 1) writeFileSync(source(`wide/${index}`), `${index}`);
    const { placed, rows } = await listen('copy', 'wide', 'wide');
    expect(placed).toMatchObject({ files: 10_000, bytes: 38_890 });
    expect(rows).toHaveLength(10_000);
    expect(new Set(rows.map((row) => row.path)).size).toBe(10_000);
    const copy = area('wide');
    expect(readdirSync(copy)).toHaveLength(10_000);
    expect(readFileSync(path.join(copy, '9999'), 'utf8')).toBe('9999');
  });

  it('keeps holes', async () => {
    mkdirSync(source('holes'));
    makeSparseFile(source('holes/large'), 50_000_000);
    makeSparseFile(source('holes/small'), 500_000);
    await site.copy('holes', 'holes');
    expect(statSync(area('holes/large'))).toMatchObject({ size: 50_000_000, blocks: expect.any(Number) });
    expect(statSync(area('holes/large')).blocks * 512).toBeLessThan(1_000_000);
    expect(statSync(area('holes/small')).blocks * 512).toBeLessThan(100_000);
  });

  it('has hard links of the source as files of their own', async () => {
    writeFiles(source('twins'), { one: 'same' });
    linkSync(source('twins/one'), source('twins/two'));
    await expect(site.copy('twins', 'twins')).resolves.toMatchObject({ files: 2, bytes: 8 });
    expect(statSync(area('twins/one')).ino).not.toBe(statSync(area('twins/two')).ino);
  });
});

describe('its manifest', () => {
  const sums: Record<Algorithm, (data: Buffer) => string> = {
    xxh3: (data) => xxh3.xxh64(data).toString(16).padStart(16, '0'),
    sha256: (data) => createHash('sha256').update(data).digest('hex'),
    md5: (data) => createHash('md5').update(data).digest('hex'),
    adler32: (data) => {
      const step = ([a, b]: [number, number], byte: number): [number, number] => [
        (a + byte) % 65_521,
        (a + byte + b) % 65_521,
      ];
      const [a, b] = [...data].reduce(step, [1, 0]);
      return (b * 65_536 + a).toString(16).padStart(8, '0');
    },
  };

  it.each(Object.keys(sums) as Algorithm[])(
    'has a row with the right checksum for each file (%s)',
    async (algorithm) => {
      const own = await createTestSite({ algorithm }, memoryFolder());
      try {
        const files = makeTree(own.storage, { files: 80, sizes: [0, 1, 1000, 5000], perDirectory: 4 });
        writeFiles(own.storage, { large: bytesOf('large', 1_048_577) });
        files.push('large');
        symlinkSync('d000', path.join(own.storage, 'link'));
        const { placed, rows } = await listen('copy', '.', 'all', {}, own);
        expect(placed.files).toBe(82);
        expect(rows.map((row) => row.path)).toEqual([...files, 'link'].sort());
        for (const row of rows) {
          const copy = path.join(own.areas, 'jane/all', row.path);
          const stat = lstatSync(copy, { bigint: true });
          expect(row).toEqual({
            path: row.path,
            kind: row.path === 'link' ? 'link' : 'file',
            size: Number(stat.size),
            mtimeNs: String(stat.mtimeNs),
            device: String(stat.dev),
            inode: String(stat.ino),
            checksum: row.path === 'link' ? null : { algorithm, value: sums[algorithm](readFileSync(copy)) },
          });
        }
      } finally {
        await own.close();
      }
    },
  );

  it('has paths as bytes, and comes in parts', async () => {
    mkdirSync(source('bytes'));
    writeFileSync(notUtf8(source('bytes')), 'raw');
    const { rows } = await listen('copy', 'bytes', 'bytes');
    expect(rows.map((row) => row.path)).toEqual(['caf\xff.fits']);
    makeTree(source('parts'), { files: 1600, sizes: [1] });
    const parts: number[] = [];
    const onManifest = (part: ManifestRow[]) => Promise.resolve(void parts.push(part.length));
    await listen('copy', 'parts', 'parts', { onManifest });
    expect(Math.max(...parts)).toBe(500);
    expect(parts.reduce((sum, length) => sum + length)).toBe(1600);
  });

  it('ends the copy when it cannot be kept', async () => {
    makeTree(source('unkept'), { files: 5000, sizes: [10] });
    const refusal = new AppError('database_unavailable', 'The database is away.');
    let asked = 0;
    const onManifest = () => ((asked += 1), Promise.reject(refusal));
    await expect(listen('copy', 'unkept', 'unkept', { onManifest })).rejects.toBe(refusal);
    expect(existsSync(area('unkept'))).toBe(false);
    expect(asked).toBeLessThan(6);
  });

  it('that is kept slowly slows the workers down, not the memory up', async () => {
    makeTree(source('slow'), { files: 40_000, sizes: [0], perDirectory: 1000 });
    let waiting = 0;
    let most = 0;
    let rows = 0;
    const onManifest = async (part: ManifestRow[]) => {
      waiting += 1;
      most = Math.max(most, waiting);
      rows += part.length;
      await new Promise((resolve) => setTimeout(resolve, 20));
      waiting -= 1;
    };
    await listen('link', 'slow', 'slow', { onManifest });
    expect(rows).toBe(40_000);
    // 32 unread in all, and one more for each worker that has just sent its own.
    expect(most).toBeLessThanOrEqual(35);
    expect(most).toBeGreaterThan(1);
  });
});

describe('links in a tree', () => {
  beforeAll(() => {
    writeFiles(site.storage, {
      'elsewhere/file': 'from elsewhere',
      'elsewhere/dir/one': '1',
      'elsewhere/dir/deep/two': '2',
      'links/real/file': 'inside',
      'links/a/b/.keep': '',
    });
    const links: Record<string, string> = {
      'links/to-file': 'real/file',
      'links/a/b/up': '../../real/file',
      'links/to-dir': 'real',
      'links/to-self': '.',
      'links/a/b/to-top': '../..',
      'links/dangling': 'not/yet',
      'links/a/loop': 'loop',
      'links/absolute': source('links/real/file'),
      'links/a/b/absolute-dir': source('links/real'),
      'links/roundabout': '../links/real/file',
      'links/through-itself': 'to-dir/file',
      'links/a/b/outside-file': '../../../elsewhere/file',
      'links/outside-dir': '../elsewhere/dir',
      'elsewhere/dir/own-link': 'deep/two',
      'elsewhere/dir/deep/back': source('elsewhere/dir/one'),
    };
    for (const [name, text] of Object.entries(links)) symlinkSync(text, source(name));
  });

  it('that stay inside are kept, so that they mean the same in the copy', async () => {
    const { placed, rows } = await listen('copy', 'links', 'links');
    const text = (name: string) => readlinkSync(area('links', name));
    expect(text('to-file')).toBe('real/file');
    expect(text('a/b/up')).toBe('../../real/file');
    expect(text('to-dir')).toBe('real');
    expect(text('to-self')).toBe('.');
    expect(text('a/b/to-top')).toBe('../..');
    expect(text('dangling')).toBe('not/yet');
    expect(text('a/loop')).toBe('loop');
    expect(text('through-itself')).toBe('to-dir/file');
    // What names the tree itself from outside would not mean the same.
    expect(text('absolute')).toBe('real/file');
    expect(text('a/b/absolute-dir')).toBe('../../real');
    expect(text('roundabout')).toBe('real/file');
    expect(readFileSync(area('links/a/b/absolute-dir/file'), 'utf8')).toBe('inside');
    expect(rows.filter((row) => row.kind === 'link').map((row) => row.path)).toContain('a/b/to-top');
    expect(placed.files).toBe(rows.length);
  });

  it('that lead elsewhere in the storage are copied as what they point to', async () => {
    const copy = area('links');
    expect(lstatSync(path.join(copy, 'a/b/outside-file')).isFile()).toBe(true);
    expect(readFileSync(path.join(copy, 'a/b/outside-file'), 'utf8')).toBe('from elsewhere');
    expect(lstatSync(path.join(copy, 'outside-dir')).isDirectory()).toBe(true);
    expect(readFileSync(path.join(copy, 'outside-dir/deep/two'), 'utf8')).toBe('2');
    // Links inside what was copied stay links inside it.
    expect(readlinkSync(path.join(copy, 'outside-dir/own-link'))).toBe('deep/two');
    expect(readlinkSync(path.join(copy, 'outside-dir/deep/back'))).toBe('../one');
    await expect(site.copy('links', 'links')).resolves.toMatchObject({
      outcome: 'already_present',
      matchesSource: true,
    });
  });

  it('are treated alike in a tree of hard links', async () => {
    await site.link('links', 'hard');
    expect(contentOf(snapshot(area('hard')))).toEqual(contentOf(snapshot(area('links'))));
    expect(statSync(area('hard/a/b/outside-file')).ino).toBe(statSync(source('elsewhere/file')).ino);
    expect(statSync(area('hard/outside-dir/one')).ino).toBe(statSync(source('elsewhere/dir/one')).ino);
  });

  it.each([
    ['leaves the storage', '../../../areas', 'path_outside_storage'],
    ['leaves by its absolute path', '/etc/passwd', 'path_outside_storage'],
    ['leaves and does not exist', '/no/such/thing', 'path_outside_storage'],
    ['dangles outside the tree', '../elsewhere/nothing', 'source_not_found'],
    ['leads to a directory around it', '../../cyclic', 'placed'],
  ])('one that %s', async (_what, text, code) => {
    writeFiles(site.storage, { 'cyclic/tree/file': 'x' });
    const link = source('cyclic/tree/odd one');
    symlinkSync(text, link);
    try {
      const attempt = site.copy('cyclic/tree', 'cyclic');
      if (code === 'placed') await expect(attempt).resolves.toMatchObject({ outcome: 'staged' });
      else {
        await expect(attempt).rejects.toMatchObject({ code, message: expect.stringContaining('odd one') });
        expect(existsSync(area('cyclic'))).toBe(false);
      }
    } finally {
      unlinkSync(link);
    }
  });

  it('that lead to one another without end are refused', async () => {
    writeFiles(site.storage, { 'cycle-a/file': 'a', 'cycle-b/file': 'b' });
    symlinkSync('../cycle-b', source('cycle-a/over'));
    symlinkSync('../cycle-a', source('cycle-b/back'));
    await expect(site.copy('cycle-a', 'cycle')).rejects.toMatchObject({
      code: 'source_unsupported',
      message: expect.stringContaining('over/back'),
    });
    expect(existsSync(area('cycle'))).toBe(false);
  });

  it('may lead to another storage, but not make a link there a way out', async () => {
    const folder = source('..', 'second');
    writeFiles(folder, { 'data/file': 'second' });
    const both = await createTestSite(
      {
        storages: [
          { name: 'default', path: site.storage },
          { name: 'second', path: folder },
        ],
      },
      memoryFolder(),
    );
    try {
      mkdirSync(source('across'));
      symlinkSync(path.join(folder, 'data'), source('across/data'));
      await both.copy('across', 'across');
      expect(readFileSync(path.join(both.areas, 'jane/across/data/file'), 'utf8')).toBe('second');
      symlinkSync(both.areas, path.join(folder, 'data/out'));
      await expect(both.copy('across', 'again')).rejects.toMatchObject({
        code: 'path_outside_storage',
        message: expect.stringContaining('data/out'),
      });
      // Without the second storage, the same link leaves.
      await expect(site.copy('across', 'across')).rejects.toMatchObject({ code: 'path_outside_storage' });
    } finally {
      await both.close();
    }
  });
});

describe('a tree of hard links', () => {
  /** An ordinary service owns the storage of this test, and must not link that to its own account. */
  let linking: TestSite;
  beforeAll(() => (linking = isRoot ? mapped : site));

  it('shares its files with the storage, and changes nothing of them', async () => {
    makeTree(source('shared'), { files: 100, sizes: [10, 100], perDirectory: 5 });
    age(source('shared'));
    const before = snapshot(source('shared'));
    const { placed, rows, notes } = await listen('link', 'shared', 'made/shared', {}, linking);
    const copy = path.join(linking.areas, 'jane/made/shared');
    expect(placed).toMatchObject({ outcome: 'staged', link: 'hard', files: 100, bytes: 5500 });
    for (const [name, entry] of Object.entries(snapshot(copy))) {
      if (entry.kind === 'file') expect({ name, inode: entry.inode }).toEqual({ name, inode: before[name]!.inode });
      else expect(entry).toMatchObject(isRoot ? { mode: '0500', ...jane } : { mode: '0550' });
    }
    expect(snapshot(source('shared'))).toEqual(before);
    expect(rows).toHaveLength(100);
    expect(rows.every((row) => row.checksum === null)).toBe(true);
    expect(notes).toContain('Tree linked');
    await expect(linking.link('shared', 'made/shared')).resolves.toMatchObject({ matchesSource: true });
  });

  it('a single link is the file itself', async () => {
    writeFiles(site.storage, { single: 'x' });
    const before = snapshot(source('single'));
    const placed = await linking.link('single', 'single');
    const stat = statSync(path.join(linking.areas, 'jane/single'));
    expect(placed).toMatchObject({ link: 'hard', bytes: 1, manifest: [{ path: '', inode: String(stat.ino) }] });
    expect(stat).toMatchObject({ ino: statSync(source('single')).ino, nlink: 2 });
    expect(snapshot(source('single'))).toEqual(before);
    await expect(linking.link('single', 'single')).resolves.toMatchObject({
      outcome: 'already_present',
      matchesSource: true,
    });
  });

  it.each([
    ['is group-writable', 0o664, 'source_writable'],
    ['is writable for all', 0o646, 'source_writable'],
    ['is set-user-id', 0o4755, 'source_unsupported'],
    ['is set-group-id', 0o2755, 'source_unsupported'],
  ])('is refused for a file that %s, and leaves no link behind', async (_what, bits, code) => {
    writeFiles(site.storage, { 'writable/sub/file': 'x', 'writable/other': 'y' });
    chmodSync(source('writable/sub/file'), bits);
    await expect(site.link('writable/sub/file', 'refused')).rejects.toMatchObject({ code });
    await expect(site.link('writable', 'refused')).rejects.toMatchObject({
      code,
      message: expect.stringContaining('sub/file'),
    });
    expect(existsSync(area('refused'))).toBe(false);
    expect(statSync(source('writable/sub/file')).nlink).toBe(1);
    await expect(site.copy('writable', `copied-${bits}`)).resolves.toMatchObject({ files: 2 });
    expect(mode(area(`copied-${bits}/sub/file`))).toBe(0o440);
  });

  it('is refused for what belongs to the user', async () => {
    writeFiles(site.storage, { 'theirs/file': 'x' });
    chownSync(source('theirs/file'), jane.uid, jane.gid);
    for (const name of ['theirs', 'theirs/file']) {
      await expect(mapped.link(name, 'theirs')).rejects.toMatchObject({ code: 'source_writable' });
    }
    await expect(mapped.copy('theirs', 'theirs')).resolves.toMatchObject({ outcome: 'staged' });
  });
});

describe('a destination that is there', () => {
  const fresh = async (name: string) => {
    writeFiles(source(name), { 'a/one': '1', two: '22' });
    symlinkSync('a/one', source(name, 'link'));
    await site.copy(name, name);
    chmodSync(area(name), 0o700);
    chmodSync(area(name, 'a'), 0o700);
    return site.copy.bind(undefined, name, name);
  };

  it.each<[string, (name: string) => void]>([
    ['one file less', (name) => unlinkSync(area(name, 'two'))],
    ['one file more', (name) => writeFileSync(area(name, 'a/three'), '')],
    ['one directory more', (name) => mkdirSync(area(name, 'a/dir'))],
    ['another content', (name) => (rmSync(area(name, 'two')), writeFileSync(area(name, 'two'), '333'))],
    ['another time', (name) => utimesSync(area(name, 'two'), OLD, OLD)],
    ['another link', (name) => (unlinkSync(area(name, 'link')), symlinkSync('two', area(name, 'link')))],
    ['a file for a link', (name) => (unlinkSync(area(name, 'link')), writeFileSync(area(name, 'link'), ''))],
    ['a link for a file', (name) => (unlinkSync(area(name, 'two')), symlinkSync('a/one', area(name, 'two')))],
    [
      'a link for a directory',
      (name) => (renameSync(area(name, 'a'), area(`${name}-a`)), symlinkSync(`../${name}-a`, area(name, 'a'))),
    ],
    ['a directory for a file', (name) => (unlinkSync(area(name, 'two')), mkdirSync(area(name, 'two')))],
  ])('is found different by %s, and left alone', async (what, change) => {
    const name = `present ${what}`;
    const again = await fresh(name);
    await expect(again()).resolves.toMatchObject({
      outcome: 'already_present',
      kind: 'directory',
      matchesSource: true,
      present: null,
    });
    change(name);
    const before = snapshot(area(name));
    await expect(again()).resolves.toMatchObject({ outcome: 'already_present', matchesSource: false });
    expect(snapshot(area(name))).toEqual(before);
    await expect(again({ ifExists: 'fail' })).rejects.toMatchObject({ code: 'already_exists' });
  });

  it('cannot be compared with a source that is no longer whole', async () => {
    const again = await fresh('broken');
    symlinkSync('/etc', source('broken/out'));
    await expect(again()).resolves.toMatchObject({ outcome: 'already_present', matchesSource: null });
  });

  it('is replaced while it is empty, and taken for what it is otherwise', async () => {
    writeFiles(source('replacing'), { file: 'x' });
    mkdirSync(area('empty'), { recursive: true });
    await expect(site.copy('replacing', 'empty')).resolves.toMatchObject({ outcome: 'staged' });
    expect(readFileSync(area('empty/file'), 'utf8')).toBe('x');
    mkdirSync(area('not-empty/inner'), { recursive: true });
    await expect(site.copy('replacing', 'not-empty')).resolves.toMatchObject({
      outcome: 'already_present',
      matchesSource: false,
    });
    expect(readdirSync(area('not-empty'))).toEqual(['inner']);
  });

  (isRoot ? it.skip : it)(
    'that is closed to the service is told as present, not compared (left out as root)',
    async () => {
      writeFiles(source('shut'), { file: 'x' });
      mkdirSync(area('shut'), { recursive: true });
      chmodSync(area('shut'), 0);
      await expect(site.copy('shut', 'shut')).resolves.toMatchObject({
        outcome: 'already_present',
        matchesSource: null,
      });
      chmodSync(area('shut'), 0o700);
    },
  );
});

describeWhere(oneFileSystem(), 'where no hard link can be made', () => {
  const prefix = '/as/users/see it';
  /** A storage in memory, user areas on disk. */
  const apart = async (options: Partial<FilesOptions>) => {
    const where = await createTestSite({ ...options, storages: [{ name: 'default', path: site.storage }] });
    expect((await where.roots.inspect())[1]!.pair).toMatchObject({ hardLink: false, clone: false });
    return where;
  };
  beforeAll(() => writeFiles(source('far'), { 'a file': 'x', 'sub/other': 'y' }));

  it('is told as such by default, and leaves nothing', async () => {
    const where = await apart({});
    for (const name of ['far', 'far/a file']) {
      await expect(where.link(name, 'made/far')).rejects.toMatchObject({ code: 'cross_device_link' });
    }
    expect(readdirSync(where.areas)).toEqual(['.staging']);
    expect(where.leftOvers()).toEqual([]);
    await where.close();
  });

  it('is copied instead, where the site says so', async () => {
    const where = await apart({ linkFallback: 'copy' });
    await expect(where.link('far/a file', 'file')).resolves.toMatchObject({
      link: null,
      checksum: { algorithm: 'xxh3' },
    });
    const { placed, rows } = await listen('link', 'far', 'far', {}, where);
    expect(placed).toMatchObject({ link: null, files: 2 });
    expect(rows.map((row) => row.checksum?.algorithm)).toEqual(['xxh3', 'xxh3']);
    await where.close();
  });

  it('is linked by name instead, to the place as users see it', async () => {
    const where = await apart({ linkFallback: 'symlink', linkPrefixes: { default: prefix } });
    await expect(where.link('far/a file', 'to/file')).resolves.toMatchObject({
      link: 'symbolic',
      bytes: 0,
      kind: 'file',
    });
    await expect(where.link('far', 'to/dir')).resolves.toMatchObject({
      link: 'symbolic',
      kind: 'directory',
      manifest: [{ path: '', kind: 'link' }],
    });
    const to = path.join(where.areas, 'jane/to');
    expect(readlinkSync(path.join(to, 'file'))).toBe(`${prefix}/far/a file`);
    expect(readlinkSync(path.join(to, 'dir'))).toBe(`${prefix}/far`);
    await expect(where.link('far', 'to/dir')).resolves.toMatchObject({
      outcome: 'already_present',
      matchesSource: true,
    });
    await expect(where.link('far/a file', 'to/dir')).rejects.toMatchObject({ code: 'destination_conflict' });
    mkdirSync(path.join(to, 'empty'));
    // A link cannot take the place of a directory in one step.
    await expect(where.link('far', 'to/empty')).resolves.toMatchObject({
      outcome: 'already_present',
      matchesSource: false,
    });
    const expected = { algorithm: 'md5' as const, value: '0'.repeat(32) };
    await expect(where.link('far/a file', 'to/checked', { expected })).rejects.toMatchObject({
      code: 'checksum_mismatch',
    });
    expect(readdirSync(to).sort()).toEqual(['dir', 'empty', 'file']);
    expect(where.leftOvers()).toEqual([]);
    await where.close();
  });

  it('is told where users do not see the storage at all', async () => {
    const where = await apart({ linkFallback: 'symlink', linkPrefixes: { other: prefix } });
    await expect(where.link('far', 'far')).rejects.toMatchObject({
      code: 'cross_device_link',
      message: expect.stringContaining('LINK_TARGET_PREFIX'),
    });
    expect(where.leftOvers()).toEqual([]);
    await where.close();
  });
});

/** Why this host has no two file systems to write to without mounting, or null. */
function oneFileSystem(): string | null {
  const [memory, disk] = [memoryFolder(), tmpdir()].map((folder) => statSync(folder).dev);
  return memory === disk ? 'temporary files lie in memory, or there is no /dev/shm' : null;
}

describe('a source that changes under the copy', () => {
  const changes: [string, (name: string) => void][] = [
    ['a file is added', (name) => writeFileSync(source(name, 'sub/new'), '')],
    ['a file is removed', (name) => unlinkSync(source(name, 'sub/f1'))],
    ['a file grows', (name) => appendFileSync(source(name, 'sub/f1'), '+')],
    ['a file is rewritten', (name) => writeFileSync(source(name, 'sub/f1'), 'other')],
    ['a file is replaced by its like', (name) => replaceByItsLike(source(name, 'sub/f1'))],
    ['a directory is added', (name) => mkdirSync(source(name, 'sub/dir'))],
    ['a directory is removed', (name) => rmSync(source(name, 'empty'), { recursive: true })],
    ['a directory is renamed', (name) => renameSync(source(name, 'empty'), source(name, 'renamed'))],
    [
      'a directory becomes a file',
      (name) => (rmSync(source(name, 'empty'), { recursive: true }), writeFileSync(source(name, 'empty'), '')),
    ],
    ['a file becomes a directory', (name) => (unlinkSync(source(name, 'sub/f1')), mkdirSync(source(name, 'sub/f1')))],
    ['a link is turned', (name) => (unlinkSync(source(name, 'link')), symlinkSync('sub/f2', source(name, 'link')))],
    ['a link is added', (name) => symlinkSync('sub', source(name, 'new-link'))],
    ['a FIFO is added', (name) => execFileSync('mkfifo', [source(name, 'sub/fifo')])],
  ];

  function replaceByItsLike(file: string): void {
    const { mtime } = statSync(file);
    writeFileSync(`${file}.new`, readFileSync(file));
    utimesSync(`${file}.new`, mtime, mtime);
    renameSync(`${file}.new`, file);
  }

  let counter = 0;
  const make = () => {
    const name = `changing-${(counter += 1)}`;
    for (let index = 0; index < 5; index += 1) writeFiles(source(name), { [`sub/f${index}`]: `${index}` });
    mkdirSync(source(name, 'empty'));
    symlinkSync('sub/f1', source(name, 'link'));
    return name;
  };

  it.each(changes)('after it was copied: %s', async (_what, change) => {
    for (const how of ['copy', 'link'] as const) {
      const name = make();
      const note = (text: string) => void (/^Tree (copied|linked)/.test(text) && change(name));
      await expect(listen(how, name, name, { note })).rejects.toMatchObject({
        code: expect.stringMatching(/^source_(changed|unsupported)$/),
      });
      expect(existsSync(area(name))).toBe(false);
    }
  });

  it('before it is copied: it is staged as it then is, or not at all', async () => {
    for (const [what, change] of changes) {
      const name = make();
      const note = (text: string) => void (/^Source checked/.test(text) && change(name));
      const end = await listen('copy', name, name, { note }).then(
        () => 'placed',
        (error: AppError) => error.code,
      );
      expect({ what, end }).toEqual({
        what,
        end: expect.stringMatching(/^(placed|source_changed|source_unsupported)$/),
      });
      if (end === 'placed') expect(contentOf(snapshot(area(name)))).toEqual(contentOf(snapshot(source(name))));
      else expect(existsSync(area(name))).toBe(false);
    }
  });

  it('behind the limits of the site is not staged beyond them', async () => {
    const limited = await createTestSite(
      {
        storages: [{ name: 'default', path: site.storage }],
        limits: { maxFiles: 6, maxBytes: 1000 },
      },
      memoryFolder(),
    );
    try {
      for (const how of ['copy', 'link'] as const) {
        for (const change of ['more', 'larger']) {
          const name = make();
          const note = (text: string) => {
            if (!/^Source checked/.test(text)) return;
            if (change === 'more') writeFileSync(source(name, 'new'), '');
            else appendFileSync(source(name, 'sub/f3'), 'x'.repeat(1000));
          };
          await expect(listen(how, name, name, { note }, limited)).rejects.toMatchObject({ code: 'source_changed' });
          expect(limited.leftOvers()).toEqual([]);
        }
      }
    } finally {
      await limited.close();
    }
  });

  it('by growing without end is noticed with the first file too many', async () => {
    const name = make();
    const note = (text: string) => {
      if (!/^Source checked/.test(text)) return;
      for (let index = 0; index < 2000; index += 1) writeFileSync(source(name, `sub/more ${index}`), '');
    };
    const rows: ManifestRow[] = [];
    const onManifest = (part: ManifestRow[]) => Promise.resolve(void rows.push(...part));
    await expect(listen('copy', name, name, { note, onManifest })).rejects.toMatchObject({ code: 'source_changed' });
    expect(rows).toEqual([]);
  });

  it('once it may be published is of no account', async () => {
    const name = make();
    const beforePublish = () => Promise.resolve(void writeFileSync(source(name, 'late'), ''));
    await expect(listen('copy', name, name, { beforePublish })).resolves.toMatchObject({
      placed: { outcome: 'staged' },
    });
    expect(existsSync(area(name, 'late'))).toBe(false);
  });
});

describe("the site's limits", () => {
  it('count files and kept links, and bytes; for links bytes as well', async () => {
    writeFiles(source('limited'), { one: '12345', 'sub/two': '67890' });
    symlinkSync('one', source('limited/link'));
    const ends: Record<string, string> = {};
    for (const [maxFiles, maxBytes] of [
      [3, 10],
      [2, 0],
      [0, 9],
    ] as const) {
      const limited = await createTestSite(
        {
          storages: [{ name: 'default', path: site.storage }],
          limits: { maxFiles, maxBytes },
        },
        memoryFolder(),
      );
      for (const how of ['copy', 'link'] as const) {
        ends[`${how} ${maxFiles} ${maxBytes}`] = await limited[how]('limited', how).then(
          (placed) => placed.outcome,
          (error: AppError) => error.code,
        );
      }
      expect(limited.leftOvers()).toEqual([]);
      await limited.close();
    }
    expect(ends).toEqual({
      'copy 3 10': 'staged',
      'link 3 10': 'staged',
      'copy 2 0': 'quota_exceeded',
      'link 2 0': 'quota_exceeded',
      'copy 0 9': 'quota_exceeded',
      'link 0 9': 'quota_exceeded',
    });
  });
});

describe('an end before the end', () => {
  const reason = new Error('enough of it');
  beforeAll(() => void makeTree(source('ending'), { files: 1500, sizes: [100], perDirectory: 50 }));

  /** Points at which the service's thread has its say. */
  const points: [string, (stop: () => void) => Partial<PlaceHooks>][] = [
    ['once the source is checked', (stop) => ({ note: (text) => void (text.startsWith('Source') && stop()) })],
    ['with the first rows of the manifest', (stop) => ({ onManifest: () => Promise.resolve(stop()) })],
    ['once all is copied', (stop) => ({ note: (text) => void (text.startsWith('Tree') && stop()) })],
    ['before it may be published', (stop) => ({ beforePublish: () => Promise.resolve(stop()) })],
  ];

  it.each(points)('by cancelling %s leaves nothing', async (_what, at) => {
    for (const how of ['copy', 'link'] as const) {
      const handles = openHandles();
      const controller = new AbortController();
      const hooks = { ...at(() => controller.abort(reason)), signal: controller.signal };
      await expect(listen(how, 'ending', `ending-${how}`, hooks)).rejects.toBe(reason);
      expect(existsSync(area(`ending-${how}`))).toBe(false);
      expect(site.leftOvers()).toEqual([]);
      expect(openHandles()).toBe(handles);
    }
    expect(statSync(source('ending/d000/f000000')).nlink).toBe(1);
  });

  it('by a refusal to publish leaves nothing', async () => {
    const handles = openHandles();
    await expect(listen('copy', 'ending', 'ending', { beforePublish: () => Promise.reject(reason) })).rejects.toBe(
      reason,
    );
    expect(existsSync(area('ending'))).toBe(false);
    expect(openHandles()).toBe(handles);
  });

  it('in success keeps no handle either', async () => {
    await site.copy('ending', 'warm');
    const handles = openHandles();
    await site.copy('ending', 'made/on/the/way/ending');
    await site.copy('ending', 'made/on/the/way/ending');
    await site.link('ending/d000', 'made/on/other');
    await site.copy('ending/d000/f000000', 'made/file');
    await expect(site.copy('ending/nothing', 'made/none')).rejects.toMatchObject({ code: 'source_not_found' });
    expect(openHandles()).toBe(handles);
  });
});

it('large files in a tree are whole', async () => {
  writeFiles(source('large'), { a: bytesOf('a', 3_000_001), b: bytesOf('b', 1_048_576) });
  await site.copy('large', 'large');
  expect(contentOf(snapshot(area('large')))).toEqual(contentOf(snapshot(source('large'))));
});
