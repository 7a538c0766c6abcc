import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statfsSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { type AppError } from '@app/core';
import { type FilesOptions, LeftOvers, type PlaceHooks, readDestination } from '@app/files';
import { createTestSite, type TestSite } from '@app/files/testing';
import { onCleanup } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import { bytesOf, contentOf, makeTree, snapshot, writeFiles } from '../support/files';
import { mountImage, mountingMissing, mountTmpfs, unmountPath } from '../support/mounts';
import { temporaryFolder } from '../support/temporary-folder';

/** The file library on real mounts: clones, other file systems, areas on mounts of their own, full and read-only ones. */

const MIB = 1024 ** 2;

/** A site on given folders; closed at the end. */
async function openSite(storage: string, target: string, options: Partial<FilesOptions> = {}): Promise<TestSite> {
  const site = await createTestSite({ storages: [{ name: 'default', path: storage }], target, ...options });
  onCleanup(() => site.close());
  return site;
}

/** Two folders on one mount. */
function onOne(mount: string): [string, string] {
  return [path.join(mount, 'storage'), path.join(mount, 'areas')];
}

function bind(from: string, to: string, ...options: string[]): void {
  mkdirSync(to, { recursive: true });
  execFileSync('mount', ['--bind', from, to]);
  onCleanup(() => unmountPath(to));
  if (options.length > 0) execFileSync('mount', ['-o', ['remount', 'bind', ...options].join(','), to]);
}

const codeOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 'staged',
    (error: AppError) => error.code,
  );

describe.each(['btrfs', 'xfs'] as const)('%s', (type) => {
  describeWhere(mountingMissing(type), 'where the file system clones', () => {
    let site: TestSite;
    let mount: string;
    const area = (...names: string[]) => path.join(site.areas, 'jane', ...names);
    const source = (...names: string[]) => path.join(site.storage, ...names);
    const freeBytes = () => {
      execFileSync('sync', ['-f', mount]);
      const { bfree, bsize } = statfsSync(mount);
      return bfree * bsize;
    };

    beforeAll(async () => {
      mount = mountImage(type, 512 * MIB).path;
      site = await openSite(...onOne(mount));
    });

    it('tells that it does', async () => {
      expect((await site.roots.inspect())[1]!.pair).toEqual({
        storage: 'default',
        hardLink: true,
        clone: true,
        note: null,
      });
      expect(site.roots.cloneFrom).toEqual(['default']);
    });

    it('a copy is a clone: the content, the time, modes of its own, and no room', async () => {
      writeFiles(site.storage, { large: bytesOf('large', 100 * MIB) });
      utimesSync(source('large'), 1e9, 1e9 + 0.25);
      chmodSync(source('large'), 0o6755);
      const before = freeBytes();
      await expect(site.copy('large', 'in/large')).resolves.toMatchObject({
        link: 'clone',
        checksum: null,
        bytes: 100 * MIB,
      });
      expect(before - freeBytes()).toBeLessThan(10 * MIB);
      const stat = statSync(area('in/large'));
      expect(stat).toMatchObject({ size: 100 * MIB, mtimeMs: 1e12 + 250, nlink: 1 });
      expect(stat.mode & 0o7777).toBe(0o440);
      expect(stat.ino).not.toBe(statSync(source('large')).ino);
      expect(readFileSync(area('in/large')).equals(readFileSync(source('large')))).toBe(true);
      // What is written to the source later is not in the clone.
      writeFileSync(source('large'), 'other');
      expect(statSync(area('in/large')).size).toBe(100 * MIB);
    });

    it('a clone is read when the caller expects a checksum', async () => {
      writeFiles(site.storage, { known: 'known' });
      const value = createHash('sha256').update('known').digest('hex');
      const expected = { algorithm: 'sha256' as const, value };
      await expect(site.copy('known', 'known', { expected })).resolves.toMatchObject({
        link: 'clone',
        checksum: expected,
      });
      const wrong = { ...expected, value: value.replace(/./g, '0') };
      await expect(site.copy('known', 'wrong', { expected: wrong })).rejects.toMatchObject({
        code: 'checksum_mismatch',
      });
      expect(existsSync(area('wrong'))).toBe(false);
    });

    it('a tree is one of clones', async () => {
      makeTree(source('tree'), { files: 200, sizes: [0, 100, 70_000], perDirectory: 20 });
      await expect(site.copy('tree', 'tree')).resolves.toMatchObject({ link: 'clone', files: 200 });
      expect(contentOf(snapshot(area('tree')))).toEqual(contentOf(snapshot(source('tree'))));
      expect(statSync(area('tree/d000/f000001')).mode & 0o7777).toBe(0o440);
      expect(site.leftOvers()).toEqual([]);
    });

    it('an empty file and one with holes are clones as well', async () => {
      writeFiles(site.storage, { empty: '' });
      execFileSync('truncate', ['-s', '1G', source('sparse')]);
      await expect(site.copy('empty', 'empty')).resolves.toMatchObject({ bytes: 0 });
      await expect(site.copy('sparse', 'sparse')).resolves.toMatchObject({ link: 'clone', bytes: 1024 ** 3 });
      expect(statSync(area('sparse')).blocks * 512).toBeLessThan(MIB);
    });

    if (type === 'btrfs') {
      it('clones between subvolumes, though no hard link leads from one to the other', async () => {
        for (const name of ['data', 'users']) execFileSync('btrfs', ['subvolume', 'create', path.join(mount, name)]);
        const apart = await openSite(path.join(mount, 'data'), path.join(mount, 'users'));
        writeFiles(apart.storage, { file: 'x', 'tree/file': 'y' });
        expect((await apart.roots.inspect())[1]!.pair).toMatchObject({ hardLink: false, clone: true });
        await expect(apart.copy('file', 'file')).resolves.toMatchObject({ link: 'clone' });
        await expect(apart.copy('tree', 'tree')).resolves.toMatchObject({ link: 'clone' });
        await expect(apart.link('file', 'link')).rejects.toMatchObject({ code: 'cross_device_link' });
        await expect(apart.link('tree', 'link')).rejects.toMatchObject({ code: 'cross_device_link' });
        expect(apart.leftOvers()).toEqual([]);
      });

      it('an area that is a subvolume is staged to all the same', async () => {
        mkdirSync(path.join(site.areas), { recursive: true });
        execFileSync('btrfs', ['subvolume', 'create', path.join(site.areas, 'sub')]);
        writeFiles(site.storage, { file: 'x', 'small/file': 'y' });
        for (const [from, to] of [
          ['file', 'made/file'],
          ['small', 'made/tree'],
        ] as const) {
          await expect(site.copy(from, to, { username: 'sub' })).resolves.toMatchObject({
            outcome: 'staged',
            link: 'clone',
          });
        }
        expect(readdirSync(path.join(site.areas, 'sub')).sort()).toEqual(['made']);
      });
    }
  });
});

describeWhere(mountingMissing(), 'user areas on another file system than the storage', () => {
  let storage: string;
  beforeAll(() => {
    storage = temporaryFolder();
    writeFiles(storage, { file: 'FILE', 'tree/a': '1', 'tree/sub/b': '2' });
  });

  it('a hard link cannot be made, and that is told', async () => {
    const site = await openSite(storage, mountTmpfs(32 * MIB).path);
    for (const name of ['file', 'tree']) expect(await codeOf(site.link(name, 'made/link'))).toBe('cross_device_link');
    expect(readdirSync(site.areas)).toEqual(['.staging']);
    expect(site.leftOvers()).toEqual([]);
  });

  it('a copy takes its place, or a symbolic link, as the site says', async () => {
    const copies = await openSite(storage, mountTmpfs(32 * MIB).path, { linkFallback: 'copy' });
    await expect(copies.link('tree', 'tree')).resolves.toMatchObject({ link: null, files: 2 });
    const linkPrefixes = { default: '/data' };
    const links = await openSite(storage, mountTmpfs(32 * MIB).path, { linkFallback: 'symlink', linkPrefixes });
    await expect(links.link('tree', 'tree')).resolves.toMatchObject({ link: 'symbolic' });
    await expect(links.link('tree', 'tree')).resolves.toMatchObject({ outcome: 'already_present' });
    expect(execFileSync('readlink', [path.join(links.areas, 'jane/tree')], { encoding: 'utf8' })).toBe('/data/tree\n');
  });
});

describeWhere(mountingMissing(), 'an area on a mount of its own', () => {
  let site: TestSite;
  const area = (...names: string[]) => path.join(site.areas, 'jane', ...names);

  beforeAll(async () => {
    const folder = temporaryFolder();
    site = await openSite(...onOne(folder));
    writeFiles(site.storage, { file: 'FILE', 'tree/a': '1', 'tree/sub/b': '2' });
    bind(mountTmpfs(32 * MIB).path, area());
    // The same file system, but another mount: neither link(2) nor rename(2) lead from one to the other.
    mkdirSync(path.join(folder, 'elsewhere'));
    bind(path.join(folder, 'elsewhere'), path.join(site.areas, 'bob/data'));
  });

  it('is staged to through a private directory inside it, which nobody may enter', async () => {
    let seen: string[] = [];
    const hooks: Partial<PlaceHooks> = {
      beforePublish: () => {
        seen = readdirSync(area('in'));
        expect(statSync(area('in', seen[0]!)).mode & 0o7777).toBe(0o700);
        return Promise.resolve();
      },
    };
    mkdirSync(area('in'));
    const request = site.request('tree', 'in/made/tree');
    await site.stager.copy(request, site.hooks(hooks));
    expect(seen).toEqual([`.staging-${request.operationId}`]);
    expect(readdirSync(area('in'))).toEqual(['made']);
    await site.copy('file', 'in/made/file');
    await site.copy('file', 'new/made/file');
    expect(readFileSync(area('new/made/file'), 'utf8')).toBe('FILE');
    expect(readdirSync(area()).sort()).toEqual(['in', 'new']);
    expect(site.leftOvers()).toEqual([]);
  });

  it('is shown without private directories, and never through them', async () => {
    mkdirSync(area('.staging-01900000-0000-7000-8000-000000000001'), { mode: 0o700 });
    const list = (at: string) =>
      site.browser.listArea({ username: 'jane', path: at, asSent: at, after: undefined, limit: 9 });
    expect((await list('')).entries.map((entry) => entry.name)).toEqual(['in', 'new']);
    await expect(list('.staging-01900000-0000-7000-8000-000000000001')).rejects.toMatchObject({
      code: 'path_outside_user_area',
    });
  });

  it('deeper down is no different', async () => {
    for (const [from, to] of [
      ['file', 'data/made/file'],
      ['tree', 'data/tree'],
      ['file', 'data/file'],
    ] as const) {
      await expect(site.copy(from, to, { username: 'bob' })).resolves.toMatchObject({ outcome: 'staged' });
    }
    expect(readdirSync(path.join(site.areas, 'bob/data')).sort()).toEqual(['file', 'made', 'tree']);
    expect(await codeOf(site.link('file', 'data/link', { username: 'bob' }))).toBe('cross_device_link');
  });

  it('is no place for a tree itself', async () => {
    bind(mountTmpfs(MIB).path, path.join(site.areas, 'bob/mounted'));
    expect(await codeOf(site.copy('tree', 'mounted', { username: 'bob' }))).toBe('destination_conflict');
    expect(site.leftOvers()).toEqual([]);
  });

  it('is cleaned after a service that died, and nothing else is', async () => {
    const dying = await openSite(site.storage, site.areas);
    const request = dying.request('tree', 'in/dead/tree');
    const beforePublish = () => dying.pool.close();
    await expect(dying.stager.copy(request, dying.hooks({ beforePublish }))).rejects.toThrow();
    expect(readdirSync(area('in'))).toContain(`.staging-${request.operationId}`);
    const leftOvers = new LeftOvers(site.pool, site.roots);
    await leftOvers.remove(request.operationId, { username: 'jane', path: readDestination('in/dead/tree') });
    expect(readdirSync(area('in'))).toEqual(['made']);
    expect(readdirSync(area()).sort()).toEqual(['.staging-01900000-0000-7000-8000-000000000001', 'in', 'new']);
  });
});

describeWhere(mountingMissing(), 'where there is no room', () => {
  /** What lies in the user areas, private directories among it. */
  const everything = (site: TestSite) => readdirSync(site.areas, { recursive: true }).sort();

  it('bytes are missed before anything is written', async () => {
    const site = await openSite(temporaryFolder(), mountTmpfs(4 * MIB).path);
    writeFiles(site.storage, {
      large: bytesOf('large', 5 * MIB),
      'tree/a': bytesOf('a', 3 * MIB),
      'tree/b': bytesOf('b', 3 * MIB),
    });
    const notes: string[] = [];
    for (const name of ['large', 'tree']) {
      const attempt = site.stager.copy(site.request(name, 'made/x'), site.hooks({ note: (text) => notes.push(text) }));
      await expect(attempt).rejects.toMatchObject({ code: 'insufficient_storage', retryable: true });
    }
    expect(notes).toEqual(['Source checked: a tree']);
    expect(everything(site)).toEqual(['.staging']);
  });

  it('bytes that run out meanwhile leave nothing', async () => {
    const site = await openSite(temporaryFolder(), mountTmpfs(8 * MIB).path);
    makeTree(path.join(site.storage, 'tree'), { files: 70, sizes: [100_000] });
    writeFiles(site.storage, { large: bytesOf('large', 5 * MIB) });
    const note = (text: string) => {
      if (text.startsWith('Source checked')) writeFileSync(path.join(site.areas, 'filler'), Buffer.alloc(4 * MIB));
    };
    expect(await codeOf(site.stager.copy(site.request('tree', 'made/tree'), site.hooks({ note })))).toBe(
      'insufficient_storage',
    );
    expect(everything(site)).toEqual(['.staging', 'filler']);
    execFileSync('rm', [path.join(site.areas, 'filler')]);
    // Each of the two fits, but not both.
    const both = await Promise.all([codeOf(site.copy('large', 'one')), codeOf(site.copy('large', 'two'))]);
    expect(both).toContain('insufficient_storage');
    const staged = both.filter((code) => code === 'staged');
    const there = () => everything(site).filter((name) => /^jane\/./.test(String(name)));
    expect(there()).toHaveLength(staged.length);
    expect(site.leftOvers()).toEqual([]);
    // What did not fit took none of the room, also where neither did: each of the two had half of it.
    if (staged.length === 0) expect(await codeOf(site.copy('large', 'one'))).toBe('staged');
    expect(there()).toHaveLength(1);
  });

  it.each([2, 3, 4, 5, 6, 7, 8])('inodes that run out after %i leave nothing', async (inodes) => {
    const site = await openSite(temporaryFolder(), mountTmpfs(16 * MIB, { inodes: 60 }).path);
    writeFiles(site.storage, { file: 'x', 'tree/a': '1', 'tree/sub/b': '2' });
    const { ffree } = statfsSync(site.areas);
    mkdirSync(path.join(site.areas, 'filler'));
    for (let index = inodes + 1; index < ffree; index += 1) writeFileSync(path.join(site.areas, `filler/${index}`), '');
    const before = everything(site);
    for (const name of ['file', 'tree']) {
      const end = await codeOf(site.copy(name, 'a/b/result', { username: name }));
      if (end === 'staged') execFileSync('rm', ['-r', path.join(site.areas, name)]);
      else expect(end).toBe('insufficient_storage');
      expect(everything(site)).toEqual(before);
    }
  });
});

describeWhere(mountingMissing('btrfs'), 'a quota of the area', () => {
  it('holds, is told as such, and nothing is left', async () => {
    const mount = mountImage('btrfs', 512 * MIB).path;
    const areas = path.join(mount, 'areas');
    mkdirSync(areas);
    execFileSync('btrfs', ['quota', 'enable', mount]);
    execFileSync('btrfs', ['subvolume', 'create', path.join(areas, 'jane')]);
    execFileSync('btrfs', ['qgroup', 'limit', '8M', path.join(areas, 'jane')]);
    const site = await openSite(temporaryFolder(), areas);
    writeFiles(site.storage, { small: bytesOf('small', MIB), large: bytesOf('large', 16 * MIB) });
    makeTree(path.join(site.storage, 'tree'), { files: 100, sizes: [200_000] });
    await expect(site.copy('small', 'small')).resolves.toMatchObject({ outcome: 'staged' });
    for (const name of ['large', 'tree']) {
      await expect(site.copy(name, 'made/beyond')).rejects.toMatchObject({
        code: 'insufficient_storage',
        message: expect.stringContaining('quota'),
      });
      expect(readdirSync(path.join(areas, 'jane'))).toEqual(['small']);
    }
    expect(site.leftOvers()).toEqual([]);
  });
});

describeWhere(mountingMissing(), 'a read-only mount', () => {
  it('as a storage can be copied from, and is told; nothing can be created on it', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { file: 'FILE', 'tree/a': '1' });
    const storage = path.join(temporaryFolder(), 'storage');
    bind(folder, storage, 'ro');
    const site = await openSite(storage, path.join(temporaryFolder(), 'areas'), { linkFallback: 'copy' });
    expect((await site.roots.inspect())[1]).toMatchObject({ available: true, readOnly: true });
    await expect(site.copy('file', 'file')).resolves.toMatchObject({ outcome: 'staged' });
    await expect(site.link('tree', 'tree')).resolves.toMatchObject({ outcome: 'staged', link: null });
    await expect(site.browser.createFile('new', 'new', Buffer.from('x'))).rejects.toMatchObject({ code: 'not_found' });
  });

  it('as the user areas is unavailable: at the start, and later', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { 'storage/file': 'FILE', 'areas/jane/.keep': '' });
    const areas = path.join(folder, 'areas');
    bind(areas, areas);
    const remount = (how: string) => execFileSync('mount', ['-o', `remount,bind,${how}`, areas]);
    remount('ro');
    const site = await openSite(path.join(folder, 'storage'), areas);
    const readOnly = { code: 'storage_unavailable', message: expect.stringContaining('read-only') };
    await expect(site.copy('file', 'file')).rejects.toMatchObject(readOnly);
    remount('rw');
    await expect(site.copy('file', 'file')).resolves.toMatchObject({ outcome: 'staged' });
    remount('ro');
    await expect(site.copy('file', 'again')).rejects.toMatchObject(readOnly);
    expect((await site.roots.inspect())[0]).toMatchObject({ available: true, readOnly: true });
    remount('rw');
    expect(site.leftOvers()).toEqual([]);
  });
});

describeWhere(mountingMissing(), 'a root that is unmounted', () => {
  it.each(['with a marker', 'without'])(
    'is unavailable, not empty (%s); so is another one in its place',
    async (how) => {
      const first = mountTmpfs(16 * MIB);
      writeFiles(first.path, { file: 'FILE', '.mounted': '' });
      const areas = temporaryFolder();
      writeFileSync(path.join(areas, '.mounted'), '');
      const site = await openSite(first.path, areas, { marker: how === 'without' ? undefined : '.mounted' });
      await expect(site.copy('file', 'one')).resolves.toMatchObject({ outcome: 'staged' });
      // Made before the first is gone: numbers of devices are given again.
      const other = mountTmpfs(16 * MIB);
      writeFiles(other.path, { file: 'OTHER', '.mounted': '' });
      first.unmount();
      const unavailable = { code: 'storage_unavailable', retryAfterSeconds: 30 };
      await expect(site.copy('file', 'two')).rejects.toMatchObject(unavailable);
      await expect(site.copy('nothing', 'two')).rejects.toMatchObject(unavailable);
      const list = { username: null, storage: undefined, path: '', asSent: '', after: undefined, limit: 9 };
      await expect(site.browser.listStorage(list)).rejects.toMatchObject(unavailable);
      expect((await site.roots.inspect())[1]).toMatchObject({
        available: false,
        problem: expect.stringContaining('not available'),
      });
      bind(other.path, first.path);
      await expect(site.copy('file', 'two')).rejects.toMatchObject(unavailable);
      expect(readdirSync(path.join(site.areas, 'jane'))).toEqual(['one']);
    },
  );

  it('as the user areas is not written to, though its directory is there', async () => {
    const storage = temporaryFolder();
    writeFiles(storage, { file: 'FILE', 'tree/a': '1' });
    const areas = mountTmpfs(16 * MIB);
    const site = await openSite(storage, areas.path);
    await site.copy('file', 'one');
    areas.unmount();
    expect(spawnSync('ls', ['-A', areas.path], { encoding: 'utf8' }).stdout).toBe('');
    for (const name of ['file', 'tree']) expect(await codeOf(site.copy(name, 'two'))).toBe('storage_unavailable');
    expect(readdirSync(areas.path)).toEqual([]);
  });
});
