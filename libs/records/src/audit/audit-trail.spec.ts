import { setTimeout as delay } from 'node:timers/promises';
import Libsql from 'libsql';
import { type Records } from '../create-records';
import { DatabaseUnavailable } from '../database/database-errors';
import { type StagingAudit } from '../entities/staging-audit.entity';
import { SqliteSite, testEntry, testRecord } from '../testing/test-records';
import { MAX_WAITING } from './audit-trail';

describe('the trail of the audit', () => {
  const site = new SqliteSite();
  const lost: StagingAudit[] = [];
  let records: Records;
  let other: Libsql.Database;

  beforeEach(async () => {
    lost.length = 0;
    const databaseUrl = site.newUrl();
    records = await site.open({ databaseUrl, timeoutMs: 1000, onLostAudit: (entry) => lost.push(entry) });
    other = new Libsql(databaseUrl.slice('sqlite:'.length));
  });
  afterEach(() => other.close());
  afterAll(() => site.close());

  const all = async () => (await records.audit.page({}, 500)).items;
  const untilWritten = async (count: number) => {
    while ((await all()).length < count) await delay(10);
  };
  const denied = (values = {}) => testEntry({ decision: 'denied', status: 403, code: 'forbidden', ...values });

  it('is written by itself, in the order in which entries came', async () => {
    for (const requestId of ['one', 'two', 'three']) records.trail.add(testEntry({ requestId }), false);
    await untilWritten(3);
    expect((await all()).map(({ requestId }) => requestId)).toEqual(['three', 'two', 'one']);
    expect(lost).toEqual([]);
  });

  it('waits for a database that does not answer, and has each entry once', async () => {
    other.exec('BEGIN IMMEDIATE');
    records.trail.add(testEntry({ requestId: 'one' }), false);
    // As long as a try takes that fails.
    await expect(records.operations.insert(testRecord())).rejects.toMatchObject({ code: 'database_unavailable' });
    records.trail.add(testEntry({ requestId: 'two' }), false);
    other.exec('ROLLBACK');
    await untilWritten(2);
    await records.trail.close();
    expect((await all()).map(({ requestId }) => requestId)).toEqual(['two', 'one']);
    expect(lost).toEqual([]);
  });

  it.each([
    ['at once', 0],
    ['a moment after it was asked whether it did', 1],
  ])('does not enter again what the database took without saying so: %s', async (_when, looks) => {
    const [add, known] = [records.audit.add.bind(records.audit), records.audit.known.bind(records.audit)];
    jest.spyOn(records.audit, 'add').mockImplementationOnce(async (entries) => {
      if (looks === 0) await add(entries);
      throw new DatabaseUnavailable(new Error('The connection broke'));
    });
    jest.spyOn(records.audit, 'known').mockImplementationOnce(async (ids) => {
      const found = await known(ids);
      if (looks === 1) await add(waiting);
      return found;
    });
    records.trail.add(testEntry({ requestId: 'one' }), false);
    const { waiting } = records.trail as unknown as { waiting: StagingAudit[] };
    await untilWritten(1);
    records.trail.add(testEntry({ requestId: 'two' }), false);
    await untilWritten(2);
    await records.trail.close();
    expect((await all()).map(({ requestId }) => requestId)).toEqual(['two', 'one']);
    expect(lost).toEqual([]);
  });

  it('tells of what the database refuses, and goes on with the rest', async () => {
    const add = records.audit.add.bind(records.audit);
    jest.spyOn(records.audit, 'add').mockImplementationOnce(() => Promise.reject(new Error('No such table')));
    records.trail.add(testEntry({ requestId: 'refused' }), false);
    while (lost.length === 0) await delay(10);
    expect(lost).toMatchObject([{ requestId: 'refused' }]);
    jest.spyOn(records.audit, 'add').mockImplementation(add);
    records.trail.add(testEntry({ requestId: 'taken' }), false);
    await untilWritten(1);
    expect(await all()).toMatchObject([{ requestId: 'taken' }]);
  });

  it('gives up the oldest when too many wait', () => {
    jest.spyOn(records.audit, 'add').mockReturnValue(new Promise(() => undefined));
    for (let count = 0; count < MAX_WAITING + 2; count += 1)
      records.trail.add(testEntry({ requestId: String(count) }), false);
    expect(lost.map(({ requestId }) => requestId)).toEqual(['0', '1']);
  });

  it('counts what is refused again and again, and tells it at its end', async () => {
    for (let times = 0; times < 100; times += 1) records.trail.add(denied({ requestId: String(times) }), true);
    records.trail.add(testEntry(), false);
    await records.trail.close();
    expect(await all()).toMatchObject([
      { requestId: '99', times: 99 },
      { requestId: 'of-jane', times: 1 },
      { requestId: '0', times: 1 },
    ]);
  });

  it('tells what it counted once a minute', async () => {
    jest.useFakeTimers({ doNotFake: ['performance', 'setImmediate', 'nextTick', 'queueMicrotask'] });
    const entered: StagingAudit[] = [];
    jest.spyOn(records.audit, 'add').mockImplementation((entries) => Promise.resolve(void entered.push(...entries)));
    try {
      for (let times = 0; times < 3; times += 1) records.trail.add(denied(), true);
      await jest.advanceTimersByTimeAsync(59_000);
      expect(entered.map(({ times }) => times)).toEqual([1]);
      await jest.advanceTimersByTimeAsync(2000);
      expect(entered.map(({ times }) => times)).toEqual([1, 2]);
      records.trail.add(denied(), true);
      await jest.advanceTimersByTimeAsync(1000);
      expect(entered.map(({ times }) => times)).toEqual([1, 2, 1]);
    } finally {
      jest.useRealTimers();
    }
  });
});
