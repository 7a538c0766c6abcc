import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { makeFifo, notUtf8, writeFiles } from '../support/files';
import { cleanUpAfterEach } from '../support/cleanups';
import { type RunningService, startService } from '../support/service';
import { temporaryFolder } from '../support/temporary-folder';

let service: RunningService;
let cold: string;

beforeAll(async () => {
  cold = temporaryFolder();
  const hot = temporaryFolder();
  writeFiles(hot, { 'a.fits': 'data', 'obs/1': '1', 'obs/2': '22', 'obs/sub/3': '333' });
  writeFiles(cold, { 'old.fits': 'old' });
  for (const name of ['é', '漢', '🔭', ' ', '\n', '%41', 'a\\b']) writeFiles(hot, { [`names/${name}`]: name });
  writeFileSync(notUtf8(path.join(hot, 'names')), 'x');
  makeFifo(path.join(hot, 'names/fifo'));
  symlinkSync('../a.fits', path.join(hot, 'names/link'));
  service = await startService({ env: { SOURCE_STORAGE_PATH: `hot=${hot},cold=${cold}` } });
});

cleanUpAfterEach();

const names = (page: { items: { name: string }[] }) => page.items.map(({ name }) => name);

describe('GET /storage', () => {
  it('shows the storages, then their directories', async () => {
    const storages = (await service.get('/storage')).body;
    expect(storages).toMatchObject({
      items: [
        { name: 'hot', kind: 'directory', storage: 'hot' },
        { name: 'cold', kind: 'directory', storage: 'cold' },
      ],
      next_cursor: null,
    });
    expect((await service.get('/storage?path=')).body).toEqual(storages);
    expect(names((await service.get('/storage?storage=cold')).body)).toEqual(['old.fits']);
    expect((await service.get('/storage?path=obs')).body).toEqual({
      items: [
        { name: '1', kind: 'file', size: 1, mtime: expect.stringMatching(/^\d{4}-.*Z$/), name_encoding: null },
        { name: '2', kind: 'file', size: 2, mtime: expect.any(String), name_encoding: null },
        { name: 'sub', kind: 'directory', size: null, mtime: expect.any(String), name_encoding: null },
      ],
      next_cursor: null,
    });
  });

  it('shows names of any bytes, in pages of any size, each once', async () => {
    const all = (await service.get('/storage?path=names')).body;
    expect(all.items).toHaveLength(10);
    expect(all.items).toContainEqual(expect.objectContaining({ name: 'caf%FF.fits', name_encoding: 'percent' }));
    expect(all.items).toContainEqual(expect.objectContaining({ name: 'fifo', kind: 'other', size: null }));
    expect(all.items).toContainEqual(expect.objectContaining({ name: 'link', kind: 'link', size: null }));
    const seen: unknown[] = [];
    for (let cursor = ''; ;) {
      const page = (await service.get(`/storage?path=names&limit=1${cursor}`)).body;
      seen.push(...page.items);
      if (page.next_cursor === null) break;
      cursor = `&cursor=${page.next_cursor}`;
    }
    expect(seen).toEqual(all.items);
  });

  it('enters directories whose names are not UTF-8', async () => {
    const hot = (await service.get('/config')).body.source_storage_path;
    const directory = notUtf8(hot, 'dir', '');
    mkdirSync(directory);
    writeFileSync(Buffer.concat([directory, Buffer.from('/inside')]), '');
    expect(names((await service.get('/storage?path=dir%25FF&name_encoding=percent')).body)).toEqual(['inside']);
    expect(await service.get('/storage?path=dir%25FF')).toMatchObject({ status: 400 });
  });

  it.each([
    ['path=nowhere', 400, 'source_not_found'],
    ['path=..', 400, 'path_outside_storage'],
    ['path=/etc', 400, 'path_outside_storage'],
    ['path=obs/../../..', 400, 'path_outside_storage'],
    ['path=a.fits', 422, 'validation_failed'],
    ['path=a%00', 422, 'validation_failed'],
    ['path=a&path=b', 422, 'validation_failed'],
    ['storage=none', 422, 'validation_failed'],
    ['path=obs&limit=0', 422, 'validation_failed'],
    ['path=obs&limit=501', 422, 'validation_failed'],
    ['path=obs&cursor=%2F', 422, 'validation_failed'],
    ['path=obs&cursor=Li4v', 422, 'validation_failed'],
    ['path=obs&name_encoding=latin1', 422, 'validation_failed'],
  ])('answers %s with %d %s', async (query, status, code) => {
    expect(await service.get(`/storage?${query}`)).toMatchObject({ status, body: { code } });
  });
});

describe('GET /user-areas/<username>', () => {
  it('shows what was staged, and nothing of others', async () => {
    await service.stage({ local_path_on_storage: 'obs', relative_path: 'mine' });
    expect(names((await service.get('/user-areas/ana')).body)).toEqual(['mine']);
    expect(names((await service.get('/user-areas/ana?path=mine')).body)).toEqual(['1', '2', 'sub']);
    expect(names((await service.get('/user-areas/ana?path=mine&limit=1')).body)).toEqual(['1']);
    expect((await service.get('/user-areas/newcomer')).body).toEqual({ items: [], next_cursor: null });
  });

  it.each([
    ['ana?path=..', 400, 'path_outside_user_area'],
    ['ana?path=/etc', 400, 'path_outside_user_area'],
    ['ana?path=nowhere', 404, 'not_found'],
    ['.staging', 422, 'validation_failed'],
    ['..%2f..', 422, 'validation_failed'],
    ['a%20b', 422, 'validation_failed'],
  ])('answers %s with %d %s', async (what, status, code) => {
    expect(await service.get(`/user-areas/${what}`)).toMatchObject({ status, body: { code } });
  });
});

describe('POST /create-file', () => {
  const create = (filename: string, content: string) => service.post('/create-file', { filename, content });

  it('creates a file once', async () => {
    const answer = await create('obs/new.txt', 'é\n');
    expect(answer).toMatchObject({ status: 201, body: { status: 'success', message: 'File created: obs/new.txt' } });
    const hot = (await service.get('/config')).body.source_storage_path;
    expect(readFileSync(path.join(hot, 'obs/new.txt'), 'utf8')).toBe('é\n');
    expect(await create('obs/new.txt', 'other')).toMatchObject({ status: 409, body: { code: 'file_exists' } });
    expect(readFileSync(path.join(hot, 'obs/new.txt'), 'utf8')).toBe('é\n');
  });

  it('takes 1 MiB in UTF-8 and no more', async () => {
    expect(await create('full', 'é'.repeat(512 * 1024))).toMatchObject({ status: 201 });
    expect(await create('more', `${'é'.repeat(512 * 1024)}x`)).toMatchObject({
      status: 413,
      body: { code: 'payload_too_large' },
    });
    expect(await create('much', 'x'.repeat(2 * 1024 ** 2))).toMatchObject({ status: 413 });
  });

  it.each([
    ['../outside', 400, 'path_outside_storage'],
    ['/etc/outside', 400, 'path_outside_storage'],
    ['nowhere/new', 400, 'source_not_found'],
    ['obs/', 422, 'validation_failed'],
    ['', 422, 'validation_failed'],
    ['a\0b', 422, 'validation_failed'],
  ])('refuses the name %j with %d %s', async (filename, status, code) => {
    expect(await create(filename, 'x')).toMatchObject({ status, body: { code } });
    expect(readdirSync(cold)).toEqual(['old.fits']);
  });

  it('wants both as text', async () => {
    const answer = await service.post('/create-file', { filename: 1 });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ field: 'filename' }, { field: 'content' }] } });
  });

  it('does not exist where the site does not want it', async () => {
    const strict = await startService({ env: { FILE_CREATION_ENABLED: 'false' } });
    for (const body of [{ filename: 'new', content: '' }, {}]) {
      expect(await strict.post('/create-file', body)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
    expect(readdirSync(strict.storage)).toEqual([]);
    expect((await strict.get('/config')).body.file_creation_enabled).toBe(false);
  });
});
