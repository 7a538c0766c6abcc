import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { commandAs, SERVICE_ACCOUNT } from './accounts';
import { onCleanup } from './cleanups';
import { freePort } from './free-port';
import { send } from './http-client';
import { temporaryFolder } from './temporary-folder';
import { until } from './until';

/** Where Debian puts what an ordinary login does not look for. */
const ENVIRONMENT = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
/** Ports are found by trying, so one may be taken by somebody else before the server listens. */
const PORT_TRIES = 5;

/** An nginx of this spec file alone. */
export interface Nginx {
  /** Address without a slash at its end. */
  url: string;
  /** What it wrote to its error log. */
  errors(): string;
}

/** Why there can be no nginx here, or null. */
export function nginxMissing(): string | null {
  return spawnSync('nginx', ['-v'], { env: ENVIRONMENT }).status === 0 ? null : 'nginx is not installed';
}

/**
 * Starts an nginx on a free port of 127.0.0.1; `locations` stands in its one `server`, `maps` before that. It runs as an
 * ordinary account, also where the tests are run by root, and ends with this spec file, whatever happens.
 */
export async function startNginx(locations: string, maps = ''): Promise<Nginx> {
  const folder = temporaryFolder('staging-nginx-');
  for (const name of ['logs', 'temp']) mkdirSync(path.join(folder, name));
  const isRoot = process.getuid?.() === 0;
  if (isRoot) for (const name of ['', 'logs', 'temp']) give(path.join(folder, name));
  for (let tries = 1; ; tries += 1) {
    const port = await freePort();
    writeFileSync(path.join(folder, 'nginx.conf'), configuration(port, locations, maps));
    const command = [
      'setpriv',
      '--pdeathsig',
      'KILL',
      'nginx',
      '-p',
      folder,
      '-c',
      'nginx.conf',
      '-e',
      'logs/error.log',
    ];
    const [program, ...argv] = isRoot ? commandAs(SERVICE_ACCOUNT, command) : command;
    const child = spawn(program!, argv, { env: ENVIRONMENT, stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    onCleanup(() => {
      child.kill('SIGKILL');
      return ended;
    });
    const url = `http://127.0.0.1:${port}`;
    const errors = () => readFileSync(path.join(folder, 'logs/error.log'), 'utf8');
    if (await answers(child, url)) return { url, errors };
    if (tries === PORT_TRIES) throw new Error(`nginx ended instead of starting:\n${errors()}`);
  }
}

function give(file: string): void {
  chownSync(file, SERVICE_ACCOUNT.uid, SERVICE_ACCOUNT.gid);
}

/** False when the process ended instead of answering. */
async function answers(child: ChildProcess, url: string): Promise<boolean> {
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const isThere = async () =>
    send(`${url}/`).then(
      () => true,
      () => false,
    );
  await until(async () => hasEnded() || (await isThere()), 'nginx does not answer');
  return !hasEnded();
}

/** One process, in the foreground, whose files all lie in its own folder. */
function configuration(port: number, locations: string, maps: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path temp/${name};`,
  );
  return `
    daemon off;
    master_process off;
    pid nginx.pid;
    events {}
    http {
      access_log logs/access.log;
      sendfile on;
      ${temporary.join('\n      ')}
      ${maps}
      server {
        listen 127.0.0.1:${port};
        ${locations}
      }
    }`;
}
