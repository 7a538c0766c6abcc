import { spawn } from 'node:child_process';
import { chownSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { commandAs, SERVICE_ACCOUNT } from './accounts';
import { onCleanup } from './cleanups';
import { freePort } from './free-port';
import { type Nginx } from './nginx';
import { type RunningService } from './service';
import { temporaryFolder } from './temporary-folder';
import { until } from './until';
import { send } from './http-client';

const SHIPPED = path.resolve(__dirname, '../../deploy/nginx/nginx.conf');
const ENVIRONMENT = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
/** Ports are found by trying, so one may be taken by somebody else before the server listens. */
const PORT_TRIES = 5;

/**
 * Starts an nginx in front of a service with the configuration that the project ships, in which only addresses and folders
 * are others. It runs as an ordinary account, and ends with this spec file.
 */
export async function startShippedNginx(service: RunningService): Promise<Nginx & { accessLog: () => string }> {
  const folder = temporaryFolder('staging-nginx-');
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chownSync(folder, SERVICE_ACCOUNT.uid, SERVICE_ACCOUNT.gid);
  for (let tries = 1; ; tries += 1) {
    const port = await freePort();
    writeFileSync(path.join(folder, 'nginx.conf'), configuration(port, folder, service));
    const nginx = ['nginx', '-p', folder, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off; master_process off;'];
    const command = ['setpriv', '--pdeathsig', 'KILL', ...nginx];
    const [program, ...argv] = isRoot ? commandAs(SERVICE_ACCOUNT, command) : command;
    const child = spawn(program!, argv, { env: ENVIRONMENT, stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    onCleanup(() => {
      child.kill('SIGKILL');
      return ended;
    });
    const url = `http://127.0.0.1:${port}`;
    const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
    const isThere = () =>
      send(`${url}/ping`).then(
        () => true,
        () => false,
      );
    await until(async () => hasEnded() || (await isThere()), 'nginx does not answer');
    const accessLog = () => readFileSync(path.join(folder, 'access.log'), 'utf8');
    if (!hasEnded()) return { url, errors: () => errors, accessLog };
    if (tries === PORT_TRIES) throw new Error(`nginx ended instead of starting:\n${errors}`);
  }
}

function configuration(port: number, folder: string, service: RunningService): string {
  const replacements: [string, string][] = [
    // First, since folders of tests lie there as well.
    [' /tmp/', ` ${folder}/`],
    ['listen 8080;', `listen 127.0.0.1:${port};`],
    ['http://api:8000', service.url],
    ['/data/storage', service.storage],
    ['/dev/stdout', path.join(folder, 'access.log')],
  ];
  return replacements.reduce(
    (text, [shipped, here]) => {
      if (!text.includes(shipped)) throw new Error(`The configuration has no ${shipped}`);
      return text.replaceAll(shipped, here);
    },
    readFileSync(SHIPPED, 'utf8'),
  );
}
