import { execFileSync, spawnSync } from 'node:child_process';
import { createConnection } from 'mysql2/promise';
import { onCleanup } from './cleanups';
import { PrivateServer } from './private-server';
import { temporaryFolder } from './temporary-folder';

/** Where Debian puts what an ordinary login does not look for. */
const ENVIRONMENT = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
const PROGRAMS = ['mariadbd', 'mariadb-install-db'];

/** Why there can be no MariaDB here, or null. */
export function mariadbMissing(): string | null {
  const missing = PROGRAMS.find((name) => spawnSync(name, ['--version'], { env: ENVIRONMENT }).status !== 0);
  return missing === undefined ? null : `${missing} is not installed`;
}

/** Starts a server with data of its own on a free port of 127.0.0.1; it ends with this spec file, whatever happens. */
export async function startMariadb(): Promise<Mariadb> {
  const folder = temporaryFolder('staging-mariadb-');
  const account = process.getuid?.() === 0 ? ['--user=root'] : [];
  const data = `${folder}/data`;
  const install = [`--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db'];
  execFileSync('mariadb-install-db', ['--no-defaults', ...account, ...install], { env: ENVIRONMENT, stdio: 'pipe' });
  const server = new Mariadb(folder, account);
  onCleanup(() => server.kill9());
  await server.start();
  server.url = await server.newDatabase();
  return server;
}

/** Runs statements on a database, as an operator would. */
export async function runSql(url: string, ...statements: string[]): Promise<unknown[]> {
  const connection = await createConnection({ uri: url, connectTimeout: 10_000 });
  try {
    const results: unknown[] = [];
    for (const statement of statements) results.push((await connection.query(statement))[0]);
    return results;
  } finally {
    await connection.end();
  }
}

/** A MariaDB server of this spec file alone. */
export class Mariadb extends PrivateServer {
  /** A database of the server, empty at first. */
  url = '';
  private databases = 0;

  constructor(
    private readonly folder: string,
    private readonly account: string[],
  ) {
    super('MariaDB');
  }

  private get root(): string {
    return `mysql://root@127.0.0.1:${this.port}`;
  }

  protected override environment(): NodeJS.ProcessEnv {
    return ENVIRONMENT;
  }

  protected command(): string[] {
    const { folder, port } = this;
    const files = [`--datadir=${folder}/data`, `--socket=${folder}/m.sock`, `--pid-file=${folder}/m.pid`];
    const options = ['--no-defaults', ...this.account, ...files, `--port=${port}`, '--bind-address=127.0.0.1'];
    // Small and without waiting for disks: nothing here outlives the tests.
    const quick = ['--skip-log-bin', '--innodb-buffer-pool-size=32M', '--innodb-flush-log-at-trx-commit=2'];
    return ['mariadbd', ...options, ...quick];
  }

  protected responds(): Promise<boolean> {
    return runSql(`${this.root}/mysql`, 'SELECT 1').then(
      () => true,
      () => false,
    );
  }

  /** Makes another empty database; returns its URL. */
  async newDatabase(): Promise<string> {
    this.databases += 1;
    const name = `staging_${this.databases}`;
    // With the server's own default collation, which takes `a` for `A`: ours must not depend on it.
    await runSql(`${this.root}/mysql`, `CREATE DATABASE ${name}`);
    return `${this.root}/${name}`;
  }
}
