import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Libsql from 'libsql';
import { AppError } from '@app/core';
import { createRecords, type Records } from '../create-records';
import { SqliteSite, success, testFile, testRecord } from '../testing/test-records';
import { migrate } from './migrate';
import { runMigrations } from './open-database';
import { RecordsDataSource } from './records-data-source';

const UNAVAILABLE = { code: 'database_unavailable', retryable: true, retryAfterSeconds: 10 };

describe('records in an SQLite file', () => {
  const site = new SqliteSite();
  afterAll(() => site.close());

  const open = async (values: { timeoutMs?: number } = {}) => {
    const databaseUrl = site.newUrl();
    return { records: await site.open({ databaseUrl, ...values }), file: databaseUrl.slice('sqlite:'.length) };
  };
  const pragma = async (records: Records, name: string) =>
    Object.values(
      (await records.database.read((manager) => manager.query<object[]>(`PRAGMA ${name}`)))[0]!,
    )[0] as unknown;

  it('lie in a folder that is made, in files for this account alone', async () => {
    const folder = path.join(site.folder, 'a', 'b');
    const mask = process.umask(0);
    try {
      const records = await site.open({ databaseUrl: `sqlite:${folder}/x.sqlite` });
      await records.operations.insert(testRecord());
      for (const end of ['', '-wal', '-shm']) expect(statSync(`${folder}/x.sqlite${end}`).mode & 0o777).toBe(0o600);
    } finally {
      process.umask(mask);
    }
  });

  it('are written ahead, so that readers and the writer do not stop each other', async () => {
    const { records, file } = await open();
    const record = testRecord();
    await records.operations.insert(record);
    const writer = new Libsql(file);
    writer.exec('BEGIN IMMEDIATE');

    expect(await records.operations.find(record.id)).toEqual(expect.objectContaining({ id: record.id }));
    writer.close();
    expect(await pragma(records, 'journal_mode')).toBe('wal');
    expect(await pragma(records, 'synchronous')).toBe(1);
  });

  it('do not open while another process keeps them from being written ahead', async () => {
    const databaseUrl = site.newUrl();
    const reader = new Libsql(databaseUrl.slice('sqlite:'.length));
    reader.exec('CREATE TABLE x (y); BEGIN; SELECT * FROM x');

    const opening = createRecords({ databaseUrl, timeoutMs: 200 });
    await expect(opening).rejects.toMatchObject(UNAVAILABLE);
    reader.exec('COMMIT');

    const records = await site.open({ databaseUrl });
    expect(await pragma(records, 'journal_mode')).toBe('wal');
    reader.close();
  });

  it('get their tables from one of those that open them at the same time', async () => {
    const options = { databaseUrl: site.newUrl(), timeoutMs: 5000 };
    const sources = [1, 2, 3].map(() => new RecordsDataSource(options));
    for (const source of sources) await source.initialize();

    const done = await Promise.all(sources.map(migrate));

    expect(done.flat()).toEqual([
      'CreateRecords1764000000000',
      'BackgroundOperations1764200000000',
      'Requesters1764300000000',
      'Audit1764400000000',
      'SharedWork1764500000000',
    ]);
    for (const source of sources) await source.destroy();
  });

  it('wait for another process that shuts everybody out, also while they open', async () => {
    const databaseUrl = site.newUrl();
    const other = new Libsql(databaseUrl.slice('sqlite:'.length));
    other.exec('CREATE TABLE x (y); BEGIN EXCLUSIVE');
    const opening = site.open({ databaseUrl, timeoutMs: 5000 });
    setTimeout(() => other.exec('COMMIT'), 50);

    const records = await opening;
    await expect(records.operations.insert(testRecord())).resolves.toBeUndefined();
    other.close();
  });

  it('wait for another writer without stopping the process, and go on when it is done', async () => {
    const { records, file } = await open({ timeoutMs: 5000 });
    const writer = new Libsql(file);
    writer.exec('BEGIN IMMEDIATE');
    const record = testRecord();
    const waiting = records.operations.insert(record);
    setTimeout(() => writer.exec('COMMIT'), 50); // could not run if the call blocked

    await expect(waiting).resolves.toBeUndefined();
    expect(await records.operations.settle(record.id, success(), [testFile(record.id)])).toBe(true);
    writer.close();
  });

  it('are unavailable when another writer does not end in time; nothing has happened then', async () => {
    const { records, file } = await open({ timeoutMs: 1000 });
    const running = testRecord();
    await records.operations.insert(running);
    const writer = new Libsql(file);
    writer.exec('BEGIN IMMEDIATE');
    const refused = testRecord();

    await expect(records.operations.insert(refused)).rejects.toMatchObject(UNAVAILABLE);
    const settling = records.operations.settle(running.id, success(), [testFile(running.id)]);
    await expect(settling).rejects.toMatchObject({ ...UNAVAILABLE, cause: { code: 'SQLITE_BUSY' } });
    writer.close();

    expect(records.deferred.pending).toBe(0);
    expect(await records.operations.find(refused.id)).toBeNull();
    expect(await records.operations.find(running.id)).toMatchObject({ status: 'running' });
    expect(await records.operations.settle(running.id, success(), [testFile(running.id)])).toBe(true);
  });

  it('are unavailable while the file is full, and whole when there is space again', async () => {
    const { records } = await open();
    const record = testRecord();
    await records.operations.insert(record);
    await records.database.read((manager) => manager.query('PRAGMA max_page_count = 1')); // the least: what there is
    const rows = Array.from({ length: 300 }, () => testFile(record.id, { path: 'p'.repeat(4000) }));

    await expect(records.operations.settle(record.id, success(), rows)).rejects.toMatchObject({
      ...UNAVAILABLE,
      cause: { code: 'SQLITE_FULL' },
    });
    expect(await records.operations.find(record.id)).toMatchObject({ status: 'running' });

    await records.database.read((manager) => manager.query('PRAGMA max_page_count = 100000'));
    expect(await records.operations.settle(record.id, success(), rows)).toBe(true);
    expect((await records.manifest.page(record.id, { limit: 500 })).items).toHaveLength(300);
  });

  it.each([
    ['removed', (file: string) => rmSync(file)],
    ['replaced', (file: string) => (rmSync(file), writeFileSync(file, ''))],
  ])('are unavailable when the file was %s, rather than written to nowhere', async (_how, change) => {
    const { records, file } = await open();
    await records.operations.insert(testRecord());
    change(file);

    await expect(records.operations.insert(testRecord())).rejects.toMatchObject(UNAVAILABLE);
    await expect(records.health.check()).rejects.toMatchObject({
      ...UNAVAILABLE,
      cause: { message: expect.stringContaining('removed or replaced') as string },
    });
  });

  it('are available again when the file was only away', async () => {
    const { records, file } = await open();
    renameSync(file, `${file}.away`);
    await expect(records.health.check()).rejects.toMatchObject(UNAVAILABLE);
    renameSync(`${file}.away`, file);

    await expect(records.health.check()).resolves.toBeUndefined();
  });

  it.each([
    ['is no database', (file: string) => writeFileSync(file, 'x'.repeat(5000))],
    ['is a directory', (file: string) => mkdirSync(file)],
    [
      'lies below a file',
      (file: string) => (mkdirSync(path.dirname(file), { recursive: true }), writeFileSync(file, '')),
    ],
  ])('cannot be opened when the path %s; what is there stays', async (what, prepare) => {
    const file = path.join(site.folder, what.replaceAll(' ', '-'));
    prepare(file);
    const before = statSync(file).isFile() ? readFileSync(file) : null;
    const databaseUrl = `sqlite:${what === 'lies below a file' ? `${file}/x.sqlite` : file}`;

    await expect(createRecords({ databaseUrl, timeoutMs: 200 })).rejects.toMatchObject({
      code: 'database_unavailable',
      cause: { message: expect.any(String) as string },
    });
    if (before) expect(readFileSync(file)).toEqual(before);
  });

  it('leave a programmer’s error as it is', async () => {
    const { records } = await open();
    const wrong = records.database.read((manager) => manager.query('SELECT * FROM elsewhere'));

    await expect(wrong).rejects.toThrow(/no such table/);
    await expect(wrong).rejects.not.toBeInstanceOf(AppError);
  });

  it('keep what other processes have written when they are opened again', async () => {
    const { records, file } = await open();
    const record = testRecord();
    await records.operations.insert(record);
    await records.close();
    const again = await site.open({ databaseUrl: `sqlite:${file}` });

    expect(await again.operations.find(record.id)).toMatchObject({ id: record.id });
    expect(await runMigrations({ databaseUrl: `sqlite:${file}`, timeoutMs: 1000 })).toEqual([]);
  });

  it('may be in memory, for tests', async () => {
    const records = await site.open({ databaseUrl: 'sqlite::memory:' });
    const record = testRecord();
    await records.operations.insert(record);

    expect(await records.operations.find(record.id)).toMatchObject({ id: record.id });
    expect(existsSync(':memory:')).toBe(false);
  });

  it('take no more work once they are closed, and finish what runs', async () => {
    const { records } = await open();
    const record = testRecord();
    const running = records.operations.insert(record);
    await records.close();

    await expect(running).resolves.toBeUndefined();
    await expect(records.operations.find(record.id)).rejects.toMatchObject({ code: 'shutting_down' });
    await expect(records.close()).resolves.toBeUndefined();
  });
});
