// The image's HEALTHCHECK (health.mjs there): asks the container's own process whether it works. An API listens on
// PORT; a worker on WORKER_HTTP_PORT, and where that is not set it has no HTTP: then running is all that can be asked.
import { readFileSync } from 'node:fs';

const { HOST = '', PORT, WORKER_HTTP_PORT } = process.env;
const isWorker = readFileSync('/proc/1/cmdline', 'utf8').includes('apps/worker/');
const port = isWorker ? WORKER_HTTP_PORT : PORT;
const everywhere = ['', '0.0.0.0', '::'].includes(HOST);
const host = everywhere ? '127.0.0.1' : HOST.includes(':') ? `[${HOST}]` : HOST;

// A host name that ALLOWED_HOSTS does not list is refused by a process that works well.
const works = (answer) => answer.status < 500;

if (port) {
  const ok = await fetch(`http://${host}:${port}/health/live`).then(works, () => false);
  process.exit(ok ? 0 : 1);
}
