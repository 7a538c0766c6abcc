import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bytesOf, makeFifo, makeTree, notUtf8, writeFiles } from '../../../../test/support/files';
import { until } from '../../../../test/support/until';
import { collect, handlesBelow, never, openTree } from '../testing/open-sources';
import { createTestSite, memoryFolder, type TestSite } from '../testing/test-site';
import { type OpenTree, type TreeEntry } from './open-tree';

const FILES = 2000;
const reason = new Error('the reader went away');

let site: TestSite;
let names: string[];
/** What a test opened: closed after it. */
const opened: OpenTree[] = [];

beforeAll(async () => {
  site = await createTestSite({}, memoryFolder());
  mkdirSync(path.join(site.storage, 'tree'));
  names = makeTree(path.join(site.storage, 'tree'), { files: FILES, sizes: [0, 1, 4096, 10_000] });
});
afterAll(() => site.close());
afterEach(async () => {
  await Promise.all(opened.splice(0).map((tree) => tree.close()));
  await until(() => handlesBelow(site.storage).length === 0, 'something was left open');
});

const onDisk = (...parts: string[]) => path.join(site.storage, ...parts);

async function open(source: string, where = site): Promise<OpenTree> {
  const tree = await openTree(where, source);
  opened.push(tree);
  return tree;
}

/** Each entry in order; files by their content. */
async function entriesOf(tree: OpenTree, signal = never): Promise<string[]> {
  const seen: string[] = [];
  for await (const entry of tree.entries(signal)) seen.push(await tell(entry));
  return seen;
}

async function tell(entry: TreeEntry): Promise<string> {
  if (entry.type === 'directory') return `${entry.path}/`;
  if (entry.type === 'link') return `${entry.path} -> ${entry.text}`;
  const { file } = entry;
  const content = await collect(file.pieces(0, file.identity.size, never));
  await file.close();
  return `${entry.path}: ${content.toString('latin1')}`;
}

describe('the entries of an open tree', () => {
  it('are all there, parents before children, and few are open at a time', async () => {
    const tree = await open('tree');
    const seen = new Set<string>();
    let most = 0;
    for await (const entry of tree.entries(never)) {
      const parent = path.dirname(entry.path);
      expect(parent === '.' || seen.has(parent)).toBe(true);
      seen.add(entry.path);
      if (entry.type !== 'file') continue;
      const content = await collect(entry.file.pieces(0, entry.file.identity.size, never));
      if (!content.equals(readFileSync(onDisk('tree', entry.path)))) throw new Error(`${entry.path} is another file`);
      most = Math.max(most, handlesBelow(site.storage).length);
      await entry.file.close();
    }
    const directories = new Set(names.map((name) => path.dirname(name)));
    expect([...seen].sort()).toEqual([...directories, ...names].sort());
    // Ten files, and the directories that are walked.
    expect(most).toBeLessThan(20);
  });

  it('tell modes, times and what each file is', async () => {
    writeFiles(site.storage, { 'told/dir/file': 'FILE' });
    utimesSync(onDisk('told/dir'), 1, 1_000_000_000);
    const entries: TreeEntry[] = [];
    for await (const entry of (await open('told')).entries(never)) entries.push(entry);
    expect(entries[0]).toEqual({ type: 'directory', path: 'dir', mode: 0o755, mtimeNs: '1000000000000000000' });
    const [, second] = entries;
    if (second?.type !== 'file') throw new Error('no file');
    const { file } = second;
    expect(file).toMatchObject({ storage: 'default', realPath: ['told', 'dir', 'file'], name: 'file', mode: 0o644 });
    expect(file.identity.size).toBe(4);
    await file.close();
  });

  it('keep links that stay inside, follow others inside the storage, and keep any name', async () => {
    writeFiles(site.storage, { 'elsewhere/file': 'ELSE', 'elsewhere/dir/deep': 'DEEP', 'linked/inside': 'IN' });
    writeFileSync(notUtf8(onDisk('linked')), 'ODD');
    symlinkSync('inside', onDisk('linked/kept'));
    symlinkSync('nowhere', onDisk('linked/dangling'));
    symlinkSync('../elsewhere/file', onDisk('linked/file'));
    symlinkSync('../elsewhere/dir', onDisk('linked/dir'));
    expect((await entriesOf(await open('linked'))).sort()).toEqual([
      'caf\xff.fits: ODD',
      'dangling -> nowhere',
      'dir/',
      'dir/deep: DEEP',
      'file: ELSE',
      'inside: IN',
      'kept -> inside',
    ]);
  });

  it.each([
    ['a link that leaves', 'path_outside_storage', (at: string) => symlinkSync('/etc/passwd', at)],
    ['a FIFO', 'source_unsupported', makeFifo],
  ])('end at %s with its path', async (what, code, make) => {
    const folder = what.replaceAll(' ', '-');
    writeFiles(site.storage, { [`${folder}/file`]: 'FILE' });
    make(onDisk(folder, 'odd'));
    const tree = await open(folder);
    await expect(entriesOf(tree)).rejects.toMatchObject({ code, message: expect.stringContaining('odd') });
    await expect(tree.survey(never)).rejects.toMatchObject({ code });
  });

  it('are those of the directory that was opened, whatever its name means by now', async () => {
    writeFiles(site.storage, { 'swapped/first': '1', 'other/second': '2' });
    const tree = await open('swapped');
    renameSync(onDisk('swapped'), onDisk('moved'));
    renameSync(onDisk('other'), onDisk('swapped'));
    expect(await entriesOf(tree)).toEqual(['first: 1']);
  });

  it('leave nothing open when the reader stops early', async () => {
    const tree = await open('tree');
    for await (const entry of tree.entries(never)) {
      if (entry.type !== 'file') continue;
      await until(() => handlesBelow(site.storage).length > 5, 'nothing was opened ahead');
      await entry.file.close();
      break;
    }
    // The tree itself is all that is left.
    await until(() => handlesBelow(site.storage).length === 1, 'something was left open');
  });

  it('leave nothing open when the reader is aborted, in whatever state', async () => {
    const tree = await open('tree');
    for (const read of [0, 1, 2, 50]) {
      const controller = new AbortController();
      const entries = tree.entries(controller.signal);
      for (let count = 0; count < read; count += 1) {
        const { value } = await entries.next();
        if (value?.type === 'file') await value.file.close();
      }
      const next = read === 0 ? entries.next() : undefined;
      controller.abort(reason);
      await expect(next ?? entries.next()).rejects.toBe(reason);
    }
    await until(() => handlesBelow(site.storage).length === 1, 'something was left open');
  });

  it('leave nothing open when the tree is closed under the reader', async () => {
    const tree = await open('tree');
    const entries = tree.entries(never);
    await entries.next();
    await tree.close();
    await until(() => handlesBelow(site.storage).length === 0, 'something was left open');
    await expect(collectEntries(entries)).rejects.toMatchObject({ name: 'CancelledError' });
  });

  it('of more trees than there are threads come to those who read them, and files are read meanwhile', async () => {
    const narrow = await createTestSite(
      { streams: 1, storages: [{ name: 'default', path: site.storage }] },
      memoryFolder(),
    );
    try {
      const slow = (await open('tree', narrow)).entries(never);
      await slow.next();
      // The only thread waits for this reader; single files pass it by.
      const file = await narrow.reader.open(
        { path: `tree/${names[1]}`, storage: undefined, asSent: '', username: 'jane' },
        never,
      );
      if (file.kind !== 'file') throw new Error('no file');
      expect((await collect(file.pieces(0, 1, never))).length).toBe(1);
      await file.close();
      const waiting = collectEntries((await open('tree', narrow)).entries(never));
      await slow.return(undefined);
      expect(await waiting).toBe(FILES + FILES / 100);
      await Promise.all(opened.splice(0).map((tree) => tree.close()));
    } finally {
      await narrow.close();
    }
  });
});

async function collectEntries(entries: AsyncGenerator<TreeEntry>): Promise<number> {
  let count = 0;
  for await (const entry of entries) {
    count += 1;
    if (entry.type === 'file') await entry.file.close();
  }
  return count;
}

describe('the survey of an open tree', () => {
  it('counts, and tells by its fingerprint whether something changed', async () => {
    writeFiles(site.storage, { 'counted/one': '1', 'counted/dir/two': '22' });
    symlinkSync('one', onDisk('counted/link'));
    const tree = await open('counted');
    const before = await tree.survey(never);
    expect(before).toMatchObject({ files: 3, directories: 2, bytes: 3 });
    expect(await tree.survey(never)).toEqual(before);
    utimesSync(onDisk('counted/dir/two'), 1, 1);
    expect((await tree.survey(never)).fingerprint).not.toBe(before.fingerprint);
  });

  it('refuses what is beyond the limits of the site', async () => {
    const small = await createTestSite(
      { limits: { maxFiles: 100, maxBytes: 0 }, storages: [{ name: 'default', path: site.storage }] },
      memoryFolder(),
    );
    try {
      const tree = await openTree(small, 'tree');
      await expect(tree.survey(never)).rejects.toMatchObject({ code: 'quota_exceeded' });
      await tree.close();
    } finally {
      await small.close();
    }
  });

  it('ends with its reader', async () => {
    const tree = await open('tree');
    const controller = new AbortController();
    const survey = tree.survey(controller.signal);
    controller.abort(reason);
    await expect(survey).rejects.toBe(reason);
  });
});

describe('the archive of an open tree', () => {
  const unpack = (archive: Buffer, format: 'zip' | 'tar') => {
    const folder = path.join(site.directory, `unpacked-${format}`);
    mkdirSync(folder);
    const file = path.join(folder, 'archive');
    writeFileSync(file, archive);
    execFileSync('bsdtar', ['-xf', file, '-C', folder]);
    return folder;
  };

  it.each(['zip', 'tar'] as const)('as %s holds all, larger than the memory that it goes through', async (format) => {
    const source = `archived-${format}`;
    const large = bytesOf('large', 5_000_000);
    writeFiles(site.storage, { [`${source}/dir/large`]: large, [`${source}/small`]: 'SMALL', [`${source}/empty`]: '' });
    const stream = (await open(source)).archive(format, never);
    const lengths: number[] = [];
    const parts: Buffer[] = [];
    for await (const piece of stream) {
      lengths.push(piece.length);
      parts.push(Buffer.from(piece));
    }
    expect(Math.max(...lengths)).toBeLessThanOrEqual(1024 ** 2);
    expect(stream.done).toEqual({ files: 3, bytes: large.length + 5 });
    const folder = unpack(Buffer.concat(parts), format);
    expect(readFileSync(path.join(folder, source, 'dir/large')).equals(large)).toBe(true);
    expect(readFileSync(path.join(folder, source, 'small'), 'utf8')).toBe('SMALL');
  });

  it('leaves a piece as it is until the next one is asked for', async () => {
    writeFiles(site.storage, { 'steady/large': bytesOf('steady', 5_000_000) });
    const tree = await open('steady');
    const whole = await collect(tree.archive('tar', never));
    let position = 0;
    for await (const piece of tree.archive('tar', never)) {
      // By the time of this answer the writer has filled what it may.
      await tree.survey(never);
      expect(piece.equals(whole.subarray(position, position + piece.length))).toBe(true);
      position += piece.length;
    }
    expect(position).toBe(whole.length);
  });

  it('ends without an error only when it is whole', async () => {
    const tree = await open('tree');
    const controller = new AbortController();
    const pieces = tree.archive('tar', controller.signal)[Symbol.asyncIterator]();
    await pieces.next();
    controller.abort(reason);
    await expect(pieces.next()).rejects.toBe(reason);
    const closed = tree.archive('tar', never)[Symbol.asyncIterator]();
    await closed.next();
    await tree.close();
    await expect(closed.next()).rejects.toMatchObject({ name: 'CancelledError' });
  });

  it('gives its thread back when the reader stops early', async () => {
    const tree = await open('tree');
    for (let round = 0; round < 10; round += 1) {
      for await (const piece of tree.archive('tar', never)) {
        expect(piece.length).toBeGreaterThan(0);
        break;
      }
    }
    await expect(tree.survey(never)).resolves.toMatchObject({ files: FILES });
  });
});

describe('the names of an open tree', () => {
  it('are those of its entries, in the same order', async () => {
    writeFiles(onDisk('named'), { 'a/one': '1', 'a/b/two': '2', three: '3' });
    symlinkSync('../three', onDisk('named/a/link'));
    const tree = await open('named');
    const [entries, named]: [unknown[], unknown[]] = [[], []];
    for await (const entry of tree.entries(never)) {
      if (entry.type === 'file') await entry.file.close();
      entries.push([entry.type, entry.path, entry.type === 'link' && entry.text]);
    }
    for await (const entry of tree.names(never)) {
      named.push([entry.type, entry.path, entry.type === 'link' && entry.text]);
    }
    expect(named).toEqual(entries);
    expect(named).toHaveLength(6);
  });

  it('come of any number of files, of which none is opened', async () => {
    const tree = await open('tree');
    let files = 0;
    for await (const { type } of tree.names(never)) {
      if (type === 'file') files += 1;
      expect(
        handlesBelow(onDisk('tree')).filter((name) => names.includes(path.relative(onDisk('tree'), name))),
      ).toEqual([]);
    }
    expect(files).toBe(FILES);
  });
});

it('a tree is refused once it is no longer what its survey found, and not before', async () => {
  writeFiles(onDisk('held'), { one: '1' });
  const tree = await open('held');
  const survey = await tree.survey(never);
  await tree.refuseChanged(survey, never);
  writeFileSync(onDisk('held/two'), '2');
  await expect(tree.refuseChanged(survey, never)).rejects.toMatchObject({ code: 'source_changed' });
});
