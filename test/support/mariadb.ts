import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createConnection } from 'mysql2/promise';
import { onCleanup } from './cleanups';
import { freePort } from './free-port';
import { temporaryFolder } from './temporary-folder';
import { until } from './until';

/** Where Debian puts what an ordinary login does not look for. */
const ENVIRONMENT = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
const PROGRAMS = ['mariadbd', 'mariadb-install-db'];
/** Ports are found by trying, so one may be taken by somebody else before the server listens. */
const PORT_TRIES = 5;

/** A MariaDB server of this spec file alone. */
export interface Mariadb {
  /** A database of the server, empty at first. */
  url: string;
  port: number;
  /** Ends the server in order. */
  stop(): Promise<void>;
  /** Ends the server as a power failure would, and waits until it is gone. */
  kill9(): Promise<void>;
  /** Starts the server again, on the same port and data, and waits until it answers. */
  restart(): Promise<void>;
  /** Stops the server's threads, all of them when this returns: the kernel takes connections and packets, none is answered. */
  freeze(): void;
  /** Lets a frozen server go on. */
  thaw(): void;
  /** Makes another empty database; returns its URL. */
  newDatabase(): Promise<string>;
}

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
  const server = new Server(folder, account);
  onCleanup(() => server.kill9());
  for (let tries = 1; ; tries += 1) {
    server.port = await freePort();
    try {
      await server.restart();
      break;
    } catch (error) {
      if (tries === PORT_TRIES) throw error;
    }
  }
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

class Server implements Mariadb {
  url = '';
  port = 0;
  private child: ChildProcess | undefined;
  private ended: Promise<void> = Promise.resolve();
  private output = '';
  private databases = 0;

  constructor(
    private readonly folder: string,
    private readonly account: string[],
  ) {}

  private get root(): string {
    return `mysql://root@127.0.0.1:${this.port}`;
  }

  async restart(): Promise<void> {
    const { folder, port } = this;
    const files = [`--datadir=${folder}/data`, `--socket=${folder}/m.sock`, `--pid-file=${folder}/m.pid`];
    const options = ['--no-defaults', ...this.account, ...files, `--port=${port}`, '--bind-address=127.0.0.1'];
    // Small and without waiting for disks: nothing here outlives the tests.
    const quick = ['--skip-log-bin', '--innodb-buffer-pool-size=32M', '--innodb-flush-log-at-trx-commit=2'];
    const command = ['--pdeathsig', 'KILL', 'mariadbd', ...options, ...quick];
    this.output = '';
    const child = spawn('setpriv', command, { env: ENVIRONMENT, stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    this.child = child;
    this.ended = new Promise((resolve) => child.once('close', () => resolve()));
    await until(() => this.answers(), 'MariaDB did not start', 30);
  }

  private async answers(): Promise<boolean> {
    if (this.child!.exitCode !== null) throw new Error(`MariaDB ended instead of starting:\n${this.output}`);
    return runSql(`${this.root}/mysql`, 'SELECT 1').then(
      () => true,
      () => false,
    );
  }

  async stop(): Promise<void> {
    this.child?.kill('SIGTERM');
    await this.ended;
  }

  async kill9(): Promise<void> {
    this.child?.kill('SIGKILL');
    await this.ended;
  }

  freeze(): void {
    this.child!.kill('SIGSTOP');
    const tasks = `/proc/${this.child!.pid}/task`;
    const stopped = (task: string) => /\) T /.test(readFileSync(`${tasks}/${task}/stat`, 'utf8'));
    // The signal is on its way to each thread yet.
    while (!readdirSync(tasks).every(stopped));
  }

  thaw(): void {
    this.child!.kill('SIGCONT');
  }

  async newDatabase(): Promise<string> {
    this.databases += 1;
    const name = `staging_${this.databases}`;
    // With the server's own default collation, which takes `a` for `A`: ours must not depend on it.
    await runSql(`${this.root}/mysql`, `CREATE DATABASE ${name}`);
    return `${this.root}/${name}`;
  }
}
