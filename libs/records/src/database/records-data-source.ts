import Libsql from 'libsql';
import { DataSource, type DataSourceOptions, DefaultNamingStrategy } from 'typeorm';
import { StagingAudit } from '../entities/staging-audit.entity';
import { StagingBatch } from '../entities/staging-batch.entity';
import { StagingFile } from '../entities/staging-file.entity';
import { StagingIdempotency } from '../entities/staging-idempotency.entity';
import { StagingProcess } from '../entities/staging-process.entity';
import { StagingRecord } from '../entities/staging-record.entity';
import { StagingRelease } from '../entities/staging-release.entity';
import { MIGRATIONS } from '../migrations';
import { type MysqlAddress, readDatabaseUrl, type SqliteAddress } from './database-url';
import { setUpSqlite } from './sqlite-connection';
import { createSqliteFile } from './sqlite-file';

/** Connections to a server, so calls at once; more calls wait. */
export const MYSQL_CONNECTIONS = 10;
/** Distinct statements that are kept ready; manifests make one for each number of rows. */
const SQLITE_STATEMENTS = 50;
const IDLE_MS = 60_000;

/** `createdAt` in code is `created_at` in the tables. */
class SnakeCaseColumns extends DefaultNamingStrategy {
  override columnName(propertyName: string, customName: string | undefined): string {
    return customName ?? propertyName.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  }
}

/**
 * TypeORM's access to the records, on either database. The service reaches it by way of `Database`, which adds what
 * TypeORM lacks (time-outs, one writer at a time on SQLite); the command line tool of TypeORM uses it as it is.
 */
export class RecordsDataSource extends DataSource {
  private readonly file: string | null;

  constructor({ databaseUrl, timeoutMs }: { databaseUrl: string; timeoutMs: number }) {
    const address = readDatabaseUrl(databaseUrl);
    super({
      ...(address.kind === 'sqlite' ? sqliteOptions(address, timeoutMs) : mysqlOptions(address, timeoutMs)),
      entities: [
        StagingRecord,
        StagingFile,
        StagingBatch,
        StagingIdempotency,
        StagingRelease,
        StagingProcess,
        StagingAudit,
      ],
      migrations: MIGRATIONS,
      namingStrategy: new SnakeCaseColumns(),
      logging: false,
    } as DataSourceOptions);
    this.file = address.kind === 'sqlite' ? address.file : null;
  }

  override async initialize(): Promise<this> {
    // SQLite itself would make a file that others may read.
    if (this.file !== null) createSqliteFile(this.file);
    return super.initialize();
  }

  /** SQLite counts rows up in a column only when its type is called exactly `integer`, which has 64 bits there. */
  protected override async buildMetadatas(): Promise<void> {
    await super.buildMetadatas();
    if (this.options.type !== 'better-sqlite3') return;
    this.getMetadata(StagingFile).findColumnWithPropertyName('id')!.type = 'integer';
  }
}

function sqliteOptions({ file }: SqliteAddress, timeoutMs: number): Partial<DataSourceOptions> {
  return {
    type: 'better-sqlite3',
    driver: Libsql,
    database: file ?? ':memory:',
    statementCacheSize: SQLITE_STATEMENTS,
    prepareDatabase: (connection: Libsql.Database) => setUpSqlite(connection, timeoutMs),
  };
}

function mysqlOptions({ server }: MysqlAddress, timeoutMs: number): Partial<DataSourceOptions> {
  return {
    // For MySQL too: the two differ only in how TypeORM reads a table back, and this way it reads ours alike from both.
    type: 'mariadb',
    ...server,
    charset: 'utf8mb4_bin',
    timezone: 'Z',
    poolSize: MYSQL_CONNECTIONS,
    // Half of what a call may take: the other half is for waiting before and for the answer after.
    connectTimeout: timeoutMs / 2,
    extra: { maxIdle: 2, idleTimeout: IDLE_MS, enableKeepAlive: true },
  };
}
