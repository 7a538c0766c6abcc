// A private nginx: the measure of how fast a file can be sent, and the proxy that sends files for the service.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { has } from './command.mjs';
import { ask, keepAlive } from './http.mjs';
import { freePort, startServer } from './process.mjs';

const ENVIRONMENT = { PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/** Why there can be no nginx here, or undefined. */
export function nginxMissing() {
  const isThere = has('nginx', '-v') || has('/usr/sbin/nginx', '-v');
  return isThere ? undefined : 'nginx is not installed (Debian: nginx)';
}

/**
 * Starts nginx in `<home>/nginx` with `storage` below `/static/`, and, where the service is at `backend`, as the proxy
 * of the service that sends its files from `/storages/default/`. Returns its address.
 */
export async function startNginx(bench, home, { storage, backend }) {
  const folder = path.join(home, 'nginx');
  for (const name of ['', 'logs', 'temp']) mkdirSync(path.join(folder, name), { recursive: true });
  const port = await freePort();
  writeFileSync(path.join(folder, 'nginx.conf'), configuration({ port, storage, backend }));
  const url = `http://127.0.0.1:${port}`;
  const agent = keepAlive(1);
  await startServer(bench, ['nginx', '-p', folder, '-c', 'nginx.conf', '-e', 'logs/error.log'], {
    cwd: folder,
    env: ENVIRONMENT,
    ready: () => ask(agent, `${url}/static/`).then(() => true, () => false), // prettier-ignore
  });
  return url;
}

function configuration({ port, storage, backend }) {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path temp/${name};`,
  );
  return `
    daemon off;
    master_process off;
    pid nginx.pid;
    events {}
    http {
      access_log off;
      sendfile on;
      ${temporary.join(' ')}
      server {
        listen 127.0.0.1:${port};
        location /static/ { alias ${storage}/; }
        location /storages/default/ { internal; alias ${storage}/; disable_symlinks on from=${storage}; }
        location / { proxy_pass ${backend}; proxy_set_header Host $http_host; }
      }
    }`;
}
