// A private MariaDB.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { has, run } from './command.mjs';
import { freePort, startServer } from './process.mjs';

/** Why none can be started here, or null. */
export const mariadbMissing = () => (has('mariadbd') ? null : 'needs apt-get install mariadb-server');

/** Starts a MariaDB with its data in `<home>/mariadb` and an empty database; returns the address for `DATABASE_URL`. */
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
  await startServer(
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
  await run('mariadb', ...client, '-e', 'CREATE DATABASE staging');
  return `mysql://root@127.0.0.1:${port}/staging`;
}
