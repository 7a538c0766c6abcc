// A site of several processes: API processes that queue the work, and workers that do it, on one MariaDB and one Redis.
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ask, keepAlive } from './http.mjs';
import { mariadbMissing } from './mariadb.mjs';
import { freePort, startServer } from './process.mjs';
import { redisMissing } from './redis.mjs';
import { startService, USER } from './service.mjs';

const WORKER = path.resolve(import.meta.dirname, '../../dist/apps/worker/src/main.js');
/** How often a batch is looked at. */
const LOOK_MS = 100;

/** Why there can be no such site here, or null. */
export const siteMissing = () => mariadbMissing() ?? redisMissing();

/** Starts the API process of a site: the service, with `addWorker()`, which resolves with a worker's `{ pid, stop }` when it is ready. */
export async function startSite(bench, home, { database, redis, name = 'site' }) {
  const shared = {
    DATABASE_URL: database,
    REDIS_URL: redis.url,
    DOWNLOAD_SECRET: 'the same secret of all processes of the bench',
  };
  const api = await startService(bench, home, { name, env: shared });
  const addWorker = () => startWorker(bench, api, shared);
  return Object.assign(api, { addWorker });
}

async function startWorker(bench, { storage, areas, own }, shared) {
  const port = await freePort();
  return startServer(bench, [process.execPath, WORKER], {
    cwd: own,
    env: {
      PATH: process.env.PATH,
      HOST: '127.0.0.1',
      WORKER_HTTP_PORT: `${port}`,
      SOURCE_STORAGE_PATH: storage,
      TARGET_STORAGE_PATH: areas,
      ...shared,
    },
    ready: () => ask(undefined, `http://127.0.0.1:${port}/health/ready`).then(({ status }) => status === 200, () => false), // prettier-ignore
  });
}

/** Asks for a batch of copies, each `[source, destination]`; resolves with its id when it is accepted. */
export async function askForBatch(service, pairs) {
  const agent = keepAlive(1);
  const items = pairs.map(([source, destination]) => ({ local_path_on_storage: source, relative_path: destination }));
  const url = `${service.url}/stage_data/batch?method=local_copy&username=${USER}`;
  const { status, body } = await ask(agent, url, { method: 'POST', body: { items } });
  agent.destroy();
  if (status !== 202) throw new Error(`Answer ${status}: ${JSON.stringify(body)}`);
  return body.batch_id;
}

/** Waits until all of a batch has ended; throws unless all of it went well. Resolves with when its last operation ended (ms since 1970). */
export async function untilEnded(service, batch, items) {
  for (;;) {
    const { body } = await service.get(`/batches/${batch}`);
    if (body.finished_at === null) {
      await delay(LOOK_MS);
      continue;
    }
    if (body.counts.success !== items) throw new Error(`Not all went well: ${JSON.stringify(body.counts)}`);
    return Date.parse(body.finished_at);
  }
}

/** Stages one file in the background; resolves with the operation when it has ended. */
export async function stageInBackground(service, source, destination) {
  const [url, request] = service.stageRequest('local_copy', source, destination);
  const { status, body } = await ask(undefined, url, { ...request, headers: { prefer: 'respond-async' } });
  if (status !== 202) throw new Error(`Answer ${status}: ${JSON.stringify(body)}`);
  for (;;) {
    const { body: operation } = await service.get(`/operations/${body.operation.id}`);
    if (operation.status === 'success') return operation;
    if (operation.finished_at) throw new Error(`Not staged: ${JSON.stringify(operation)}`);
    await delay(5);
  }
}
