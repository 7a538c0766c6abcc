import { createHash } from 'node:crypto';
import { type QueryRunner } from 'typeorm';
import { DatabaseUnavailable } from './database-errors';
import { type RecordsDataSource } from './records-data-source';
import { whileBusy } from './while-busy';

/** How long a process waits for another one that migrates the same database. */
const WAIT_MS = 300_000;
const WAIT_STEP_SECONDS = 2;

/**
 * Brings the tables up to date; returns the names of the migrations that were run. Several processes may do so at once:
 * one migrates, the others wait and find nothing to do.
 */
export async function migrate(dataSource: RecordsDataSource): Promise<string[]> {
  const runner = dataSource.createQueryRunner();
  try {
    return await (dataSource.options.type === 'mariadb' ? underLock : inTransaction)(runner, async () => {
      const done = await dataSource.runMigrations({ transaction: 'none' });
      return done.map((migration) => migration.name);
    });
  } finally {
    await runner.release();
  }
}

/** On SQLite all statements share one connection, so also this transaction: no other process writes meanwhile. */
async function inTransaction<T>(runner: QueryRunner, work: () => Promise<T>): Promise<T> {
  await whileBusy(() => runner.query('BEGIN IMMEDIATE'), performance.now() + WAIT_MS);
  try {
    const result = await work();
    await runner.query('COMMIT');
    return result;
  } catch (error) {
    await runner.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** MySQL commits each change of a table by itself, so that others are kept out by a lock; it ends with its connection. */
async function underLock<T>(runner: QueryRunner, work: () => Promise<T>): Promise<T> {
  // A lock is the whole server's, and its name has at most 64 characters.
  const database = String(runner.dataSource.driver.database);
  const name = `staging_migrations:${createHash('sha1').update(database).digest('hex')}`;
  const deadline = performance.now() + WAIT_MS;
  while (!(await lock(runner, name))) {
    if (performance.now() > deadline) {
      throw new DatabaseUnavailable(new Error('Another process has been migrating the database for five minutes'));
    }
  }
  try {
    return await work();
  } finally {
    // When this fails, the connection is gone, and the lock with it.
    await runner.query('SELECT RELEASE_LOCK(?)', [name]).catch(() => undefined);
  }
}

async function lock(runner: QueryRunner, name: string): Promise<boolean> {
  const statement = 'SELECT GET_LOCK(?, ?) AS taken';
  const [row] = (await runner.query(statement, [name, WAIT_STEP_SECONDS])) as { taken: number | string | null }[];
  return Number(row!.taken) === 1;
}
