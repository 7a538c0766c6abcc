import { execFile, spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { promisify } from 'node:util';
import { runMigrations } from '@app/records';
import Libsql from 'libsql';
import { onCleanup } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import { type Mariadb, mariadbMissing, runSql, startMariadb } from '../support/mariadb';
import { temporaryFolder } from '../support/temporary-folder';

const run = promisify(execFile);
const ROOT = path.resolve(__dirname, '../..');
const PROCESSES = 6;
const MIGRATIONS = [
  'CreateRecords1764000000000',
  'BackgroundOperations1764200000000',
  'Requesters1764300000000',
  'Audit1764400000000',
  'SharedWork1764500000000',
];

/** Is told when to go; then opens the records, writes one and closes them again. */
const WRITE_ONE = `
  const { createRecords, newOperationId, StagingRecord, timeOfOperationId } = require('./dist/libs/records/src/index.js');
  process.once('message', async () => {
    const records = await createRecords({ databaseUrl: process.argv[1], timeoutMs: 20000 });
    const id = newOperationId();
    const values = { id, method: 'm', username: 'u', localPathOnStorage: 'p', status: 'running' };
    await records.operations.insert(Object.assign(new StagingRecord(), values, { createdAt: timeOfOperationId(id) }));
    await records.close();
    process.disconnect();
  });
  process.send('ready');
`;

interface Site {
  /** URL of a database without tables. */
  newUrl: () => Promise<string>;
  /** Runs a query and gives its first column. */
  column: (url: string, query: string) => Promise<unknown[]>;
}

describeStart('SQLite', null, () => {
  let databases = 0;
  return Promise.resolve({
    newUrl: () => Promise.resolve(`sqlite:${temporaryFolder()}/${(databases += 1)}.sqlite`),
    column: (url, query) => Promise.resolve().then(() => sqliteColumn(url.slice('sqlite:'.length), query)),
  });
});

describeStart('MariaDB', mariadbMissing(), async () => {
  const server: Mariadb = await startMariadb();
  return {
    newUrl: () => server.newDatabase(),
    column: async (url, query) => firstColumn((await runSql(url, query))[0]),
  };
});

function describeStart(name: string, missing: string | null, makeSite: () => Promise<Site>): void {
  describeWhere(missing, `the start with records on ${name}`, () => {
    let site: Site;
    beforeAll(async () => {
      site = await makeSite();
    });

    const typeorm = async (url: string, ...argv: string[]) => {
      const cli = ['node_modules/typeorm/cli.js', ...argv, '-d', 'dist/ormconfig.js'];
      const env = { PATH: process.env.PATH, DATABASE_URL: url };
      const { stdout } = await run(process.execPath, cli, { cwd: ROOT, env, timeout: 60_000 });
      return stdout;
    };

    it('makes the tables once, however many processes start at once', async () => {
      const url = await site.newUrl();
      const children = Array.from({ length: PROCESSES }, () => {
        const stdio: StdioOptions = ['ignore', 'inherit', 'inherit', 'ipc'];
        return spawn(process.execPath, ['-e', WRITE_ONE, url], { cwd: ROOT, stdio });
      });
      onCleanup(() => children.forEach((child) => child.kill('SIGKILL')));
      await Promise.all(children.map((child) => once(child, 'message')));
      const endings = children.map((child) => once(child, 'exit'));
      for (const child of children) child.send('go');

      expect(await Promise.all(endings)).toEqual(children.map(() => [0, null]));
      expect(await site.column(url, 'SELECT id FROM staging_record')).toHaveLength(PROCESSES);
      expect(await site.column(url, 'SELECT name FROM migrations')).toEqual(MIGRATIONS);
    }, 90_000);

    it('goes on after a start that was cut off between two tables', async () => {
      const url = await site.newUrl();
      await runMigrations({ databaseUrl: url, timeoutMs: 10_000 });
      // Of the second migration the first column and one table are there, of the first one table.
      const columns = ['expected_algorithm', 'expected_checksum', 'background', 'not_before', 'history'];
      const cutOff = [
        'DROP TABLE staging_file',
        'DROP TABLE staging_process',
        ...columns.map((column) => `ALTER TABLE staging_record DROP COLUMN ${column}`),
        'DELETE FROM migrations',
      ];
      for (const statement of cutOff) await typeorm(url, 'query', statement);

      expect(await runMigrations({ databaseUrl: url, timeoutMs: 10_000 })).toEqual(MIGRATIONS);
      expect(await site.column(url, 'SELECT id FROM staging_file')).toEqual([]);
    }, 60_000);

    it('can be prepared by the migrate command, which tells what it did', async () => {
      const url = await site.newUrl();

      expect(await runMigrations({ databaseUrl: url, timeoutMs: 10_000 })).toEqual(MIGRATIONS);
      expect(await runMigrations({ databaseUrl: url, timeoutMs: 10_000 })).toEqual([]);
    });

    it('can be prepared, looked at and undone by the command line tool of TypeORM', async () => {
      const url = await site.newUrl();

      expect(await typeorm(url, 'migration:run')).toContain('executed successfully');
      expect(await typeorm(url, 'migration:show')).toContain(`[X] 2 ${MIGRATIONS[1]}`);
      expect(await typeorm(url, 'schema:log')).toContain('Your schema is up to date');
      expect(await runMigrations({ databaseUrl: url, timeoutMs: 10_000 })).toEqual([]);
      for (let left = MIGRATIONS.length - 1; left >= 0; left -= 1) {
        await typeorm(url, 'migration:revert');
        expect(await site.column(url, 'SELECT name FROM migrations')).toEqual(MIGRATIONS.slice(0, left));
      }
      await expect(site.column(url, 'SELECT id FROM staging_record')).rejects.toThrow();
    }, 120_000);
  });
}

function firstColumn(rows: unknown): unknown[] {
  return (rows as object[]).map((row) => Object.values(row)[0] as unknown);
}

function sqliteColumn(file: string, query: string): unknown[] {
  const database = new Libsql(file);
  try {
    return firstColumn(database.prepare(query).all());
  } finally {
    database.close();
  }
}
