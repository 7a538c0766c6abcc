import { setTimeout as delay } from 'node:timers/promises';
import Libsql from 'libsql';
import { type Records } from '../create-records';
import { StagingRecord } from '../entities/staging-record.entity';
import { SqliteSite, success, testFile, testRecord } from '../testing/test-records';
import { MAX_PENDING } from './deferred-settlements';

describe('deferred settlements', () => {
  const site = new SqliteSite();
  const lost: { record: StagingRecord; reason: unknown }[] = [];
  let records: Records;
  let other: Libsql.Database;

  beforeEach(async () => {
    lost.length = 0;
    const databaseUrl = site.newUrl();
    const onLostSettlement = (record: StagingRecord, reason: unknown) => lost.push({ record, reason });
    records = await site.open({ databaseUrl, timeoutMs: 1000, onLostSettlement });
    other = new Libsql(databaseUrl.slice('sqlite:'.length));
  });
  afterEach(() => other.close());
  afterAll(() => site.close());

  const ended = () => Object.assign(new StagingRecord(), testRecord(), success());
  const untilWritten = async () => {
    while (records.deferred.pending > 0) await delay(10);
  };

  it('are tried again by themselves until the database takes them', async () => {
    const record = testRecord();
    await records.operations.insert(record);
    other.exec('BEGIN IMMEDIATE');
    const end = success();
    await expect(records.operations.settle(record.id, end)).rejects.toMatchObject({ code: 'database_unavailable' });
    records.deferred.settleLater(Object.assign(record, end), [testFile(record.id)]);
    await records.deferred.flush(50);
    expect(records.deferred.pending).toBe(1);

    other.exec('ROLLBACK');
    await untilWritten();

    expect(await records.operations.find(record.id)).toMatchObject({ status: 'success' });
    expect((await records.manifest.page(record.id, { limit: 5 })).items).toHaveLength(1);
    expect(lost).toEqual([]);
  });

  it('keep what a record was when it was handed over, and the latest of two for one operation', async () => {
    const record = ended();
    records.deferred.settleLater({ ...record, label: 'older' });
    records.deferred.settleLater(record);
    record.label = 'changed meanwhile';
    expect(records.deferred.pending).toBe(1);

    await records.deferred.flush();

    expect(await records.operations.find(record.id)).toMatchObject({ label: null });
  });

  it('give up the oldest when too many wait, and tell', () => {
    other.exec('BEGIN IMMEDIATE');
    const first = ended();
    records.deferred.settleLater(first);
    for (let at = 0; at < MAX_PENDING; at += 1) records.deferred.settleLater(ended());

    expect(records.deferred.pending).toBe(MAX_PENDING);
    expect(lost).toEqual([{ record: first, reason: expect.any(Error) as Error }]);
    other.exec('ROLLBACK');
    records.deferred.close();
  });

  it('give up what no database will ever take, tell, and go on', async () => {
    const bad = { ...ended(), localPathOnStorage: null as unknown as string };
    const good = ended();
    records.deferred.settleLater(bad);
    records.deferred.settleLater(good);

    await records.deferred.flush();

    expect(lost).toMatchObject([{ record: { id: bad.id } }]);
    expect(await records.operations.find(good.id)).not.toBeNull();
  });

  it('tell what is left when the service stops', async () => {
    other.exec('BEGIN IMMEDIATE');
    const record = ended();
    records.deferred.settleLater(record);
    await records.deferred.flush(50);
    await records.close();

    const late = ended();
    records.deferred.settleLater(late);

    expect(lost).toMatchObject([{ record: { id: record.id } }, { record: { id: late.id } }]);
    expect(records.deferred.pending).toBe(0);
    other.exec('ROLLBACK');
  });
});
