import { type RecordsOptions } from '../records-options';
import { type Database } from './database';
import { DatabaseUnavailable } from './database-errors';
import { readDatabaseUrl } from './database-url';
import { migrate } from './migrate';
import { MysqlDatabase } from './mysql-database';
import { RecordsDataSource } from './records-data-source';
import { SqliteDatabase } from './sqlite-database';

type Options = Pick<RecordsOptions, 'databaseUrl' | 'timeoutMs'>;

/** Connects to the database and brings its tables up to date. Throws `database_unavailable` when it cannot be reached. */
export async function openDatabase(options: Options): Promise<Database> {
  const dataSource = await connect(options);
  try {
    await migrate(dataSource);
    const address = readDatabaseUrl(options.databaseUrl);
    return address.kind === 'mysql'
      ? new MysqlDatabase(dataSource, options.timeoutMs)
      : new SqliteDatabase(dataSource, options.timeoutMs, address.file);
  } catch (error) {
    await dataSource.destroy();
    throw error;
  }
}

/** Brings the tables up to date, as every start does; returns the names of the migrations that were run. */
export async function runMigrations(options: Options): Promise<string[]> {
  const dataSource = await connect(options);
  try {
    return await migrate(dataSource);
  } finally {
    await dataSource.destroy();
  }
}

async function connect(options: Options): Promise<RecordsDataSource> {
  const dataSource = new RecordsDataSource(options);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const message = `The database did not answer within ${options.timeoutMs} ms`;
    timer = setTimeout(() => reject(new Error(message)), options.timeoutMs);
  });
  try {
    await Promise.race([dataSource.initialize(), late]);
    return dataSource;
  } catch (error) {
    throw new DatabaseUnavailable(error);
  } finally {
    clearTimeout(timer);
  }
}
