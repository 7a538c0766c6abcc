import type Libsql from 'libsql';
import { type QueryRunner } from 'typeorm';
import { Database, type DatabaseWork } from './database';
import { DatabaseUnavailable, fromSqlite } from './database-errors';
import { type RecordsDataSource } from './records-data-source';
import { Slots } from './slots';
import { SqliteFile } from './sqlite-file';

/** Records in a file of this host. There is one connection, and its calls are synchronous: one call at a time. */
export class SqliteDatabase extends Database {
  readonly kind = 'sqlite';
  private readonly runner: QueryRunner;
  private readonly file: SqliteFile | null;

  constructor(dataSource: RecordsDataSource, timeoutMs: number, file: string | null) {
    super(dataSource, timeoutMs, new Slots(1));
    this.runner = dataSource.createQueryRunner();
    this.file = file === null ? null : new SqliteFile(file);
  }

  now(): Promise<Date> {
    return Promise.resolve(new Date());
  }

  timestamp(): Date {
    return new Date();
  }

  /**
   * In a transaction even when it is one statement: a prepared statement that meets another writer is left unfinished by
   * libsql, and later transactions could not end. Within one, no statement meets another writer.
   */
  override write<T>(work: DatabaseWork<T>): Promise<T> {
    return this.transaction(work);
  }

  /**
   * For writing at once: a transaction that began by reading could not go on to write when another process wrote
   * meanwhile. Not as a prepared statement, see {@link write}.
   */
  protected async begin(runner: QueryRunner): Promise<void> {
    const connection = (await runner.connect()) as Libsql.Database;
    connection.exec('BEGIN IMMEDIATE');
  }

  protected async attempt<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    this.checkFile();
    try {
      return await work(this.runner);
    } catch (error) {
      throw fromSqlite(error);
    }
  }

  private checkFile(): void {
    try {
      this.file?.check();
    } catch (error) {
      throw new DatabaseUnavailable(error);
    }
  }
}
