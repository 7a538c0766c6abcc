// A private MariaDB.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { has, run } from './command.mjs';
import { freePort, startServer } from './process.mjs';

/** Why none can be started here, or null. */
export const mariadbMissing = () => (has('mariadbd') ? null : 'needs apt-get install mariadb-server');

/**
 * Starts a MariaDB with its data in `<home>/mariadb`. Returns its `pid`, where its `data` lies, `newDatabase(name)`, which makes
 * an empty database and resolves with its address for `DATABASE_URL`, and `query(statement)`.
 */
export async function startMariadb(bench, home) {
  const own = path.join(home, 'mariadb');
  const data = path.join(own, 'data');
  const socket = path.join(bench.folder(), 'socket'); // a socket's path may have 107 bytes
  mkdirSync(own);
  const account = ['--no-defaults', '--user=root'];
  const install = ['--auth-root-authentication-method=normal', '--skip-test-db'];
  await run('mariadb-install-db', ...account, `--datadir=${data}`, ...install);
  const port = await freePort();
  const client = ['--no-defaults', `--socket=${socket}`, '--user=root'];
  const { pid } = await startServer(
    bench,
    [
      'mariadbd',
      ...account,
      `--datadir=${data}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${socket}`,
      `--pid-file=${own}/pid`,
      '--skip-log-bin',
    ],
    { cwd: own, env: process.env, ready: () => spawnSync('mariadb-admin', [...client, 'ping']).status === 0 },
  );
  const address = `mysql://root@127.0.0.1:${port}`;
  const newDatabase = async (name) => {
    await run('mariadb', ...client, '-e', `CREATE DATABASE ${name}`);
    return `${address}/${name}`;
  };
  return { pid, data, newDatabase, query: (statement) => query(address, statement) };
}

/** The rows that a statement gives, each an object. */
async function query(address, statement) {
  const { createConnection } = createRequire(import.meta.url)('mysql2/promise');
  const connection = await createConnection(address);
  try {
    return (await connection.query(statement))[0];
  } finally {
    await connection.end();
  }
}
