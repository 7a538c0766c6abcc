import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createRecords } from '@app/records';
import { success, testFile, testRecord } from '../../libs/records/src/testing/test-records';
import { cleanUpAfterEach, onCleanup } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import { mountingMissing, mountTmpfs } from '../support/mounts';
import { temporaryFolder } from '../support/temporary-folder';

const UNAVAILABLE = { code: 'database_unavailable', retryable: true, retryAfterSeconds: 10 };
const MIB = 1024 ** 2;

cleanUpAfterEach();

const open = async (file: string, timeoutMs = 500) => {
  const records = await createRecords({ databaseUrl: `sqlite:${file}`, timeoutMs });
  onCleanup(() => records.close());
  return records;
};

describe('records in an SQLite file that another process writes to', () => {
  /** A process that begins to write and does not end; resolves when it has begun. */
  const startWriter = async (file: string) => {
    const script = `
      const database = new (require('libsql'))(process.argv[1]);
      database.exec("BEGIN IMMEDIATE; UPDATE staging_record SET label = 'half'");
      console.log('writing');
      setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ['-e', script, file], {
      cwd: path.resolve(__dirname, '../..'),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onCleanup(() => void child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    return child;
  };

  it('are unavailable after a while, can be read, and are whole when the other one is killed', async () => {
    const file = path.join(temporaryFolder(), 'x.sqlite');
    const records = await open(file);
    const record = testRecord();
    await records.operations.insert(record);
    const writer = await startWriter(file);

    await expect(records.operations.insert(testRecord())).rejects.toMatchObject(UNAVAILABLE);
    await expect(records.operations.confirmRunning(record.id)).rejects.toMatchObject(UNAVAILABLE);
    expect(await records.operations.find(record.id)).toMatchObject({ status: 'running', label: null });

    writer.kill('SIGKILL');
    await once(writer, 'close');

    expect(await records.operations.settle(record.id, success(), [testFile(record.id)])).toBe(true);
    expect(await records.operations.find(record.id)).toMatchObject({ status: 'success', label: null });
  });
});

describeWhere(mountingMissing(), 'records in an SQLite file on a disk that is full', () => {
  it('are unavailable, can be read, and are taken again when there is space', async () => {
    const { path: disk } = mountTmpfs(4 * MIB);
    const records = await open(path.join(disk, 'x.sqlite'));
    const record = testRecord();
    await records.operations.insert(record);
    expect(() => writeFileSync(path.join(disk, 'filler'), Buffer.alloc(8 * MIB))).toThrow(/ENOSPC/);
    const rows = Array.from({ length: 100 }, () => testFile(record.id, { path: 'p'.repeat(4000) }));

    const settling = records.operations.settle(record.id, success(), rows);
    await expect(settling).rejects.toMatchObject({ ...UNAVAILABLE, cause: { code: 'SQLITE_FULL' } });
    await expect(records.manifest.add(rows)).rejects.toMatchObject(UNAVAILABLE);
    expect(await records.operations.find(record.id)).toMatchObject({ status: 'running' });

    rmSync(path.join(disk, 'filler'));

    expect(await records.operations.settle(record.id, success(), rows)).toBe(true);
    expect((await records.manifest.page(record.id, { limit: 500 })).items).toHaveLength(100);
  });
});
