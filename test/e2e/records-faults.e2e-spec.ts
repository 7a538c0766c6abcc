import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createConnection } from 'mysql2/promise';
import { createRecords, type Records, StagingRecord } from '@app/records';
import { success, testFile, testRecord } from '../../libs/records/src/testing/test-records';
import { cleanUpAfterEach, onCleanup } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import { type Mariadb, mariadbMissing, runSql, startMariadb } from '../support/mariadb';
import { until } from '../support/until';

const UNAVAILABLE = { code: 'database_unavailable', retryable: true, retryAfterSeconds: 10 };
const DATABASE_UNAVAILABLE = { status: 'failure', errorCode: 'database_unavailable', retryable: true };

describeWhere(mariadbMissing(), 'records while MariaDB', () => {
  let server: Mariadb;
  let url: string;
  let records: Records;

  beforeAll(async () => {
    server = await startMariadb();
  });
  cleanUpAfterEach();

  beforeEach(async () => {
    url = await server.newDatabase();
    records = await open();
  });

  /** Records with a short patience, on the test's own database; one connection waits in their pool. */
  const open = async (timeoutMs = 1500, databaseUrl = url) => {
    const opened = await createRecords({ databaseUrl, timeoutMs });
    onCleanup(() => opened.close());
    return opened;
  };
  const add = async (by = records) => {
    const record = testRecord();
    await by.operations.insert(record);
    return record;
  };
  const freeze = () => {
    server.freeze();
    onCleanup(() => server.thaw());
  };
  const written = (by = records) => until(() => by.deferred.pending === 0, 'Settlements wait for the database');
  /** As another process sees it. */
  const statusOf = async (id: string) => {
    const [rows] = (await runSql(url, `SELECT status FROM staging_record WHERE id = '${id}'`)) as [
      { status: string }[],
    ];
    return rows[0]?.status;
  };

  describe('is killed', () => {
    it('are unavailable at once, and available again by themselves', async () => {
      const before = await add();
      await server.kill9();
      await expect(records.health.check()).rejects.toMatchObject(UNAVAILABLE);
      await expect(records.operations.insert(testRecord())).rejects.toMatchObject(UNAVAILABLE);
      await expect(records.operations.page({}, 5)).rejects.toMatchObject(UNAVAILABLE);
      // Nobody took the record, so that there is nothing to make good.
      expect(records.deferred.pending).toBe(0);

      await server.restart();

      await records.health.check();
      expect(await records.operations.settle(before.id, success(), [testFile(before.id)])).toBe(true);
      expect((await records.operations.page({}, 5)).items).toMatchObject([{ id: before.id, status: 'success' }]);
    });

    it('make good for a record whose answer was lost', async () => {
      // The lock keeps the INSERT from being answered.
      const locked = await lockTable(url);
      const record = testRecord();
      const inserting = records.operations.insert(record);
      await until(async () => (await locked.waiting()) === 1, 'The INSERT did not reach the server');
      await server.kill9();
      await expect(inserting).rejects.toMatchObject(UNAVAILABLE);
      expect(records.deferred.pending).toBe(1);

      await server.restart();
      await written();

      expect(await records.operations.find(record.id)).toMatchObject(DATABASE_UNAVAILABLE);
    });
  });

  describe('is frozen', () => {
    it('are unavailable after the time-out, and available as soon as it goes on', async () => {
      await records.health.check();
      freeze();
      await expect(records.health.check()).rejects.toMatchObject(UNAVAILABLE);
      await expect(records.operations.page({}, 5)).rejects.toMatchObject(UNAVAILABLE);

      server.thaw();

      await expect(records.health.check()).resolves.toBeUndefined();
    });

    it('lose no connection for good, however many calls hung', async () => {
      const known = await Promise.all(Array.from({ length: 15 }, () => add()));
      freeze();
      const fresh = Array.from({ length: 15 }, () => testRecord());
      const hung = await Promise.allSettled([
        ...fresh.map((record) => records.operations.insert(record)),
        ...known.map(({ id }) => records.operations.settle(id, success(), [testFile(id)])),
      ]);
      expect(hung.map((end) => (end as PromiseRejectedResult).reason as unknown)).toEqual(
        hung.map(() => expect.objectContaining(UNAVAILABLE) as unknown),
      );

      server.thaw();

      const again = await Promise.all(known.map(({ id }) => records.operations.settle(id, success())));
      expect(again).toHaveLength(15);
      await written();
      expect((await records.operations.page({ status: 'running' }, 100)).items).toEqual([]);
      expect((await records.operations.page({ status: 'success' }, 100)).items).toHaveLength(15);
      const list = await runSql(url, 'SELECT id FROM information_schema.processlist WHERE db = DATABASE()');
      expect((list[0] as unknown[]).length).toBeLessThanOrEqual(10 + 1); // our pool, and this statement
    });

    it('show the danger: a record comes into being after its writer was told that it did not', async () => {
      const careless = await open();
      await add(careless);
      careless.deferred.close();
      freeze();
      const record = testRecord();
      await expect(careless.operations.insert(record)).rejects.toMatchObject(UNAVAILABLE);

      server.thaw();

      await until(async () => (await statusOf(record.id)) === 'running', 'The late INSERT never happened');
    });

    it('never leave such a record running', async () => {
      await add();
      freeze();
      const late = testRecord();
      await expect(records.operations.insert(late)).rejects.toMatchObject(UNAVAILABLE);
      expect(records.deferred.pending).toBe(1);

      server.thaw();
      await written();

      expect(await records.operations.find(late.id)).toMatchObject({
        ...DATABASE_UNAVAILABLE,
        errorReason: expect.stringContaining('database') as string,
        finishedAt: expect.any(Date) as Date,
        createdAt: late.createdAt,
      });
    });

    it('settle an operation once, when its settlement was not answered', async () => {
      const record = await add();
      freeze();
      const end = success({ filesDone: 1 });
      await expect(records.operations.settle(record.id, end, [testFile(record.id)])).rejects.toMatchObject(UNAVAILABLE);
      records.deferred.settleLater(Object.assign(new StagingRecord(), record, end), [testFile(record.id)]);

      server.thaw();
      await written();

      expect(await records.operations.find(record.id)).toMatchObject({ status: 'success', filesDone: 1 });
      expect((await records.manifest.page(record.id, { limit: 5 })).items).toHaveLength(1);
    });

    it('do not open, and tell why', async () => {
      freeze();

      await expect(createRecords({ databaseUrl: url, timeoutMs: 500 })).rejects.toMatchObject({
        ...UNAVAILABLE,
        cause: { code: 'ETIMEDOUT' },
      });
    });

    it('close, and let the process end', async () => {
      const script = `
        const { createRecords } = require('./dist/libs/records/src/index.js');
        createRecords({ databaseUrl: process.argv[1], timeoutMs: 500 }).then(async (records) => {
          await Promise.all([records.health.check(), records.health.check()]);
          process.once('message', async () => {
            await records.health.check().catch((error) => process.send(error.code));
            await records.close();
            process.disconnect();
          });
          process.send('open');
        });`;
      const child = spawn(process.execPath, ['-e', script, url], {
        cwd: path.resolve(__dirname, '../..'),
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      });
      onCleanup(() => void child.kill('SIGKILL'));
      expect((await once(child, 'message'))[0]).toBe('open');
      freeze();
      child.send('go');
      expect((await once(child, 'message'))[0]).toBe('database_unavailable');

      expect(await once(child, 'exit')).toEqual([0, null]);
    });
  });

  describe('refuses', () => {
    const account = async (database: string) => {
      const name = new URL(database).pathname.slice(1);
      const password = "p@ss:/w%rd'#?ü";
      const user = `'sta%ge'@'127.0.0.1'`;
      await runSql(url, `CREATE OR REPLACE USER ${user} IDENTIFIED BY '${password.replace("'", "''")}'`);
      await runSql(url, `GRANT ALL ON ${name}.* TO ${user}`);
      return `mysql://sta%25ge:${encodeURIComponent(password)}@127.0.0.1:${server.port}/${name}`;
    };

    it('a password, do not open; its right one may hold any characters', async () => {
      const right = await account(url);
      const opened = await open(1500, right);
      await expect(opened.health.check()).resolves.toBeUndefined();

      const wrong = createRecords({ databaseUrl: right.replace('%25ge:', '%25ge:x'), timeoutMs: 1500 });
      await expect(wrong).rejects.toMatchObject({ ...UNAVAILABLE, cause: { code: 'ER_ACCESS_DENIED_ERROR' } });
    });

    it('to write, are unavailable, and available when it writes again', async () => {
      const opened = await open(1500, await account(url));
      onCleanup(() => runSql(url, 'SET GLOBAL read_only = 0').then(() => undefined));
      await runSql(url, 'SET GLOBAL read_only = 1');
      const record = testRecord();
      const before = await connectionOf(opened);
      await expect(opened.operations.insert(record)).rejects.toMatchObject(UNAVAILABLE);
      // The server said no: nothing has happened and nothing will.
      expect(opened.deferred.pending).toBe(0);

      await runSql(url, 'SET GLOBAL read_only = 0');

      await expect(opened.operations.insert(record)).resolves.toBeUndefined();
      // Where a cluster has moved, the old connection would lead to the old server for ever.
      expect(await connectionOf(opened)).not.toBe(before);
    });
  });

  it('locks a row for long, are unavailable, and settle when it is free', async () => {
    const record = await add();
    const locked = await lockRow(url, record.id);
    await expect(records.operations.settle(record.id, success())).rejects.toMatchObject(UNAVAILABLE);
    await locked.release();

    await until(async () => records.operations.settle(record.id, success()).then(() => true), 'It stays locked');
    expect(await records.operations.find(record.id)).toMatchObject({ status: 'success' });
  });

  it('finds a deadlock, do the work again', async () => {
    const [one, other] = [await add(), await add()];
    const meet = barrier(2);
    const cross = (first: string, second: string) => {
      let tries = 0;
      return records.database.transaction(async (manager) => {
        tries += 1;
        const touch = (id: string) => manager.query('UPDATE staging_record SET label = ? WHERE id = ?', [first, id]);
        await touch(first);
        if (tries === 1) await meet();
        await touch(second);
        return tries;
      });
    };

    const tries = await Promise.all([cross(one.id, other.id), cross(other.id, one.id)]);

    expect(tries.sort()).toEqual([1, 2]);
  });
});

/** Number of the connection that waits in the pool of these records, when all calls have ended. */
async function connectionOf(records: Records): Promise<number> {
  const query = 'SELECT CONNECTION_ID() AS id';
  const [row] = await records.database.read((manager) => manager.query<{ id: number }[]>(query));
  return row!.id;
}

/** A connection of somebody else, which may die with its server. */
async function connect(url: string) {
  const connection = await createConnection(url);
  connection.on('error', () => undefined);
  onCleanup(() => connection.destroy());
  return connection;
}

/** Keeps all others out of the table of the records; tells how many wait for it. */
async function lockTable(url: string): Promise<{ waiting: () => Promise<number> }> {
  await (await connect(url)).query('LOCK TABLES staging_record WRITE');
  const query = "SELECT id FROM information_schema.processlist WHERE state LIKE 'Waiting for table%lock'";
  return { waiting: async () => ((await runSql(url, query))[0] as unknown[]).length };
}

/** Locks one record, as an operator's forgotten transaction would. */
async function lockRow(url: string, id: string): Promise<{ release: () => Promise<void> }> {
  const connection = await connect(url);
  await connection.query('START TRANSACTION');
  await connection.query('SELECT id FROM staging_record WHERE id = ? FOR UPDATE', [id]);
  return {
    release: async () => {
      await connection.query('ROLLBACK');
    },
  };
}

/** Makes so many callers wait for each other. */
function barrier(callers: number): () => Promise<void> {
  let open: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  let arrived = 0;
  return () => {
    arrived += 1;
    if (arrived === callers) open();
    return opened;
  };
}
