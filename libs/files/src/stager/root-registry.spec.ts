import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describeWhere } from '../../../../test/support/describe-where';
import { snapshot, writeFiles } from '../../../../test/support/files';
import { temporaryFolder } from '../../../../test/support/temporary-folder';
import { createFiles } from '../create-files';
import { createTestSite, memoryFolder, testOptions, type TestSite } from '../testing/test-site';
import { type FilesOptions } from './files-options';

const sites: TestSite[] = [];
async function open(options: Partial<FilesOptions> = {}, where?: string): Promise<TestSite> {
  const site = await createTestSite(options, where);
  sites.push(site);
  return site;
}
afterEach(async () => {
  for (const site of sites.splice(0)) await site.close();
});

const isRoot = process.getuid!() === 0;

describe('a look at the roots', () => {
  it('tells what each is, and what can be done between them', async () => {
    const site = await open();
    const [target, storage] = await site.roots.inspect();
    const space = { freeBytes: expect.any(Number), totalBytes: expect.any(Number), readOnly: false };
    expect(target).toEqual({ storage: null, path: site.areas, available: true, problem: null, pair: null, ...space });
    expect(storage).toEqual({
      storage: 'default',
      path: site.storage,
      available: true,
      problem: null,
      pair: { storage: 'default', hardLink: true, clone: expect.any(Boolean), note: null },
      ...space,
    });
    expect(target!.freeBytes).toBeGreaterThan(0);
    expect(target!.freeBytes).toBeLessThanOrEqual(target!.totalBytes!);
    await expect(site.roots.targetProbe()).resolves.toMatchObject({ hardLinks: true, chown: isRoot });
  });

  it('leaves nothing behind, neither in the user areas nor in the storage', async () => {
    const site = await open();
    writeFiles(site.storage, { 'a/file': 'x' });
    const before = snapshot(site.storage);
    for (let round = 0; round < 3; round += 1) await site.roots.inspect();
    expect(snapshot(site.storage)).toEqual(before);
    expect(readdirSync(site.areas)).toEqual(['.staging']);
    expect(site.leftOvers()).toEqual([]);
    expect(statSync(path.join(site.areas, '.staging')).mode & 0o7777).toBe(0o700);
  });

  describeWhere(
    statSync(memoryFolder()).dev === statSync(tmpdir()).dev ? 'one file system only' : null,
    'between two file systems',
    () => {
      it('tells that nothing can be linked or cloned', async () => {
        const memory = await open({}, memoryFolder());
        const site = await open({ storages: [{ name: 'memory', path: memory.storage }] });
        expect((await site.roots.inspect())[1]!.pair).toEqual({
          storage: 'memory',
          hardLink: false,
          clone: false,
          note: 'on another file system or mount than the user areas',
        });
        expect(site.roots.cloneFrom).toEqual([]);
      });
    },
  );
});

describe('a root that is away', () => {
  it('at the start is noticed, and used as soon as it is there: with all that must be known of it first', async () => {
    const site = await open();
    writeFiles(site.storage, { file: 'x' });
    const [uid, gid] = isRoot ? [61_001, 61_001] : [process.getuid!(), process.getgid!()];
    const userMapFile = path.join(site.directory, 'map');
    writeFileSync(userMapFile, `jane:${uid}:${gid}\n`);
    const target = path.join(site.directory, 'not-mounted');
    const ownership = { minUid: 1, unmapped: { kind: 'refuse' }, fileMode: 0o400, dirMode: 0o500 } as const;
    const late = await createFiles({ ...testOptions(site.storage, target), userMapFile, ownership });
    const copy = () => late.stager.copy(site.request('file', 'x'), site.hooks());
    try {
      expect((await late.roots.inspect())[0]).toMatchObject({
        available: false,
        problem: expect.stringContaining('ENOENT'),
        freeBytes: null,
      });
      await expect(copy()).rejects.toMatchObject({ code: 'storage_unavailable', retryAfterSeconds: 30 });
      mkdirSync(target);
      await copy();
      // Were it not known by now that files may be given away, jane would have been refused.
      expect(statSync(path.join(target, 'jane/x'))).toMatchObject({ uid, gid });
    } finally {
      await late.pool.close();
    }
  });

  it('or without its marker makes requests fail, not find nothing', async () => {
    const folder = temporaryFolder();
    for (const name of ['storage', 'areas']) writeFiles(path.join(folder, name), { '.mounted': '' });
    const site = await open({
      marker: '.mounted',
      storages: [{ name: 'default', path: path.join(folder, 'storage') }],
      target: path.join(folder, 'areas'),
    });
    writeFiles(site.storage, { file: 'x' });
    await site.copy('file', 'one');
    for (const root of [site.storage, site.areas]) {
      renameSync(path.join(root, '.mounted'), path.join(root, '.gone'));
      await expect(site.copy('file', 'two')).rejects.toMatchObject({
        code: 'storage_unavailable',
        message: expect.stringContaining('marker'),
      });
      const states = await site.roots.inspect();
      expect(states.map((state) => state.available)).toEqual([root !== site.areas, root !== site.storage]);
      renameSync(path.join(root, '.gone'), path.join(root, '.mounted'));
    }
    await site.copy('file', 'two');
  });

  it('is told from another one mounted at its place', async () => {
    const site = await open();
    writeFiles(site.storage, { file: 'x' });
    site.roots.storages[0]!.device = '1';
    await expect(site.copy('file', 'x')).rejects.toMatchObject({
      code: 'storage_unavailable',
      message: expect.stringContaining('another file system'),
    });
    expect((await site.roots.inspect())[1]).toMatchObject({ available: false });
  });
});

describe('roots that lie inside one another', () => {
  const inside = (name: string) => path.join(temporaryFolder(), name);

  it.each([
    ['the areas in the storage', (root: string) => [root, path.join(root, 'areas')]],
    ['the storage in the areas', (root: string) => [path.join(root, 'storage'), root]],
    ['one for both', (root: string) => [root, root]],
  ])('are refused at the start: %s', async (_what, roots) => {
    const [storage, target] = roots(inside('root')) as [string, string];
    await expect(open({ storages: [{ name: 'data', path: storage }], target })).rejects.toThrow(
      'lie inside one another',
    );
  });

  it('are refused by their real places, also at each later look', async () => {
    const root = inside('root');
    mkdirSync(path.join(root, 'areas'), { recursive: true });
    const link = `${root}-link`;
    symlinkSync(path.join(root, 'areas'), link);
    await expect(open({ storages: [{ name: 'data', path: root }], target: link })).rejects.toThrow(
      'lie inside one another',
    );
    const site = await open();
    site.roots.storages[0]!.device = undefined;
    const storage = site.storage;
    rmSync(storage, { recursive: true });
    symlinkSync(site.areas, storage);
    for (let look = 0; look < 2; look += 1)
      await expect(site.roots.inspect()).rejects.toThrow('lie inside one another');
  });

  it('are not those that only begin alike', async () => {
    const root = inside('root');
    await expect(open({ storages: [{ name: 'data', path: root }], target: `${root}-areas` })).resolves.toBeDefined();
  });
});

describe('roots that do not exist', () => {
  it('are made only where the site says so', async () => {
    const site = await open();
    const wanted = path.join(site.directory, 'made/target');
    site.roots.create();
    expect(existsSync(wanted)).toBe(false);
    Reflect.set(site.roots, 'options', { createWhenMissing: [wanted] });
    site.roots.create();
    site.roots.create();
    expect(statSync(wanted).isDirectory()).toBe(true);
  });
});

(isRoot ? it.skip : it)(
  'an ordinary service finds a target unavailable in which it cannot make its own directory (left out as root)',
  async () => {
    const site = await open();
    writeFiles(site.storage, { file: 'x' });
    rmSync(path.join(site.areas, '.staging'), { recursive: true });
    chmodSync(site.areas, 0o500);
    await expect(site.copy('file', 'x')).rejects.toMatchObject({ code: 'internal_error', retryable: false });
    chmodSync(site.areas, 0o700);
  },
);
