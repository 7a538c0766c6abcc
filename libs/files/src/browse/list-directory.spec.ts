import { chmodSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { makeFifo, notUtf8, writeFiles } from '../../../../test/support/files';
import { createTestSite, memoryFolder, type TestSite } from '../testing/test-site';
import { type ListedPage } from './list-directory';

let site: TestSite;
beforeAll(async () => {
  site = await createTestSite({}, memoryFolder());
});
afterAll(() => site.close());

const source = (...names: string[]) => path.join(site.storage, ...names);
const area = (...names: string[]) => path.join(site.areas, 'jane', ...names);
const storage = (at: string, after?: string, limit = 500): Promise<ListedPage> =>
  site.browser.listStorage({ username: null, storage: undefined, path: at, asSent: at, after, limit });
const areas = (at: string, after?: string, limit = 500, username = 'jane'): Promise<ListedPage> =>
  site.browser.listArea({ username, path: at, asSent: at, after, limit });
const names = (page: ListedPage) => page.entries.map((entry) => entry.name);

describe('a page of a storage', () => {
  it("tells kind, size and time of each entry, in the order of the names' bytes", async () => {
    writeFiles(source('kinds'), { 'b file': '12345', Z: '', 'dir/inner': 'x' });
    writeFileSync(notUtf8(source('kinds')), 'raw');
    symlinkSync('nowhere', source('kinds/a link'));
    symlinkSync('dir', source('kinds/a link to a directory'));
    makeFifo(source('kinds/pipe'));
    utimesSync(source('kinds/b file'), 981_173_106.789, 981_173_106.789);
    const { entries, more } = await storage('kinds');
    expect(more).toBe(false);
    expect(entries.map(({ name, kind, size }) => [name, kind, size])).toEqual([
      ['Z', 'file', 0],
      ['a link', 'link', null],
      ['a link to a directory', 'link', null],
      ['b file', 'file', 5],
      ['caf\xff.fits', 'file', 3],
      ['dir', 'directory', null],
      ['pipe', 'other', null],
    ]);
    expect(entries[3]!.mtimeMs).toBe(981_173_106_789);
  });

  it('follows the one before it, over thousands of entries, each exactly once', async () => {
    mkdirSync(source('many'));
    const all = Array.from({ length: 3000 }, (_none, index) => `entry ${(index * 7919) % 3000}`);
    for (const name of all) writeFileSync(source('many', name), '');
    for (const limit of [1, 700, 1000, 3000, 5000]) {
      const seen: string[] = [];
      let pages = 0;
      let after: string | undefined;
      for (let more = true; more && pages < 6; pages += 1) {
        const page = await storage('many', after, limit);
        expect(page.entries.length).toBeLessThanOrEqual(limit);
        seen.push(...names(page));
        after = seen.at(-1);
        ({ more } = page);
      }
      const sorted = [...all].sort();
      expect(seen).toEqual(limit === 1 ? sorted.slice(0, 6) : sorted);
    }
  });

  it('begins behind a name that is gone by now', async () => {
    writeFiles(source('gone'), { a: '', c: '', d: '' });
    expect(names(await storage('gone', 'b', 1))).toEqual(['c']);
    expect(await storage('gone', 'd')).toEqual({ entries: [], more: false });
  });

  it('is found by a link that stays, by an absolute path, and in a named storage', async () => {
    writeFiles(source('found/dir'), { one: '' });
    symlinkSync('found/dir', source('to-dir'));
    for (const at of ['to-dir', source('found/dir'), 'found/../to-dir/.', 'found/dir/']) {
      expect(names(await storage(at))).toEqual(['one']);
    }
    const named = { username: null, storage: 'default', path: 'found', asSent: 'found', after: undefined, limit: 10 };
    expect(names(await site.browser.listStorage(named))).toEqual(['dir']);
    await expect(site.browser.listStorage({ ...named, storage: 'no such' })).rejects.toMatchObject({
      code: 'validation_failed',
      errors: [{ field: 'storage' }],
    });
  });

  it.each([
    ['..', 'path_outside_storage'],
    ['way-out', 'path_outside_storage'],
    ['way-out/passwd', 'path_outside_storage'],
    ['/etc', 'path_outside_storage'],
    ['nothing', 'source_not_found'],
    ['file', 'validation_failed'],
    ['fifo', 'validation_failed'],
  ])('is refused for %s', async (at, code) => {
    rmSync(source('way-out'), { force: true });
    rmSync(source('fifo'), { force: true });
    symlinkSync('/etc', source('way-out'));
    makeFifo(source('fifo'));
    writeFiles(site.storage, { file: 'x' });
    await expect(storage(at)).rejects.toMatchObject({ code });
  });

  (process.getuid!() === 0 ? it.skip : it)('is refused for a closed directory (left out as root)', async () => {
    mkdirSync(source('closed'));
    chmodSync(source('closed'), 0);
    await expect(storage('closed')).rejects.toMatchObject({ code: 'source_forbidden' });
    chmodSync(source('closed'), 0o700);
  });
});

describe('a page of a user area', () => {
  it('has what lies there, but no private directories of the service', async () => {
    writeFiles(area(), { 'b/inner': 'x', a: '1' });
    mkdirSync(area('.staging-01900000-0000-7000-8000-000000000000'));
    mkdirSync(area('.staging of my play'));
    symlinkSync(site.storage, area('link'));
    expect(names(await areas(''))).toEqual(['.staging of my play', 'a', 'b', 'link']);
    expect(names(await areas('b'))).toEqual(['inner']);
    expect(names(await areas('./b//'))).toEqual(['inner']);
  });

  it('is empty where the user has no area yet', async () => {
    expect(await areas('', undefined, 10, 'nobody-yet')).toEqual({ entries: [], more: false });
    await expect(areas('dir', undefined, 10, 'nobody-yet')).rejects.toMatchObject({ code: 'not_found' });
  });

  it.each([
    ['link', 'path_outside_user_area'],
    ['link/file', 'path_outside_user_area'],
    ['..', 'path_outside_user_area'],
    ['b/../..', 'path_outside_user_area'],
    ['/etc', 'path_outside_user_area'],
    ['.staging-01900000-0000-7000-8000-000000000000', 'path_outside_user_area'],
    ['nothing', 'not_found'],
    ['a', 'validation_failed'],
    ['a/b', 'validation_failed'],
  ])('is refused for %s', async (at, code) => {
    await expect(areas(at)).rejects.toMatchObject({ code });
  });

  it('is refused where the area is a link', async () => {
    symlinkSync(site.storage, path.join(site.areas, 'linked'));
    await expect(areas('', undefined, 10, 'linked')).rejects.toMatchObject({ code: 'path_outside_user_area' });
  });
});
