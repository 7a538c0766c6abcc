import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { flush } from '../harness/command.mjs';
import { randomFile } from '../harness/data.mjs';
import { ask, keepAlive } from '../harness/http.mjs';
import { figureOf, quantile } from '../harness/measure.mjs';
import { olderServiceMissing, startOlderService } from '../harness/older-service.mjs';
import { startService } from '../harness/service.mjs';

export const title = 'GET /config while 8 large copies run';

const COPIES = 8;
/** Time between two requests of one client. */
const EVERY_MS = 10;

export async function run(bench) {
  const bytes = bench.options.busyBytes;
  const home = bench.fileSystem('ext4', bytes * (1 + 2 * COPIES) + 2 * 1024 ** 3);
  const service = await startService(bench, home, { env: { WORKER_CONCURRENCY: `${COPIES}` } });
  randomFile(path.join(service.storage, 'large'), bytes);
  await flush(home);
  const ours = await underLoad(`${service.url}/config`, (to) => service.stageRequest('local_copy', 'large', to));
  const results = [
    figureOf('p99 of the service', quantile(ours, 0.99), 'ms', { max: 50 }, `${ours.length} requests`, ours),
  ];
  if (olderServiceMissing()) return results;
  const older = await startOlderService(bench, home, service.storage);
  const theirs = await underLoad(`${older.url}/config/`, (to) => older.stageRequest('large', to));
  return [
    ...results,
    figureOf('p99 of the older service', quantile(theirs, 0.99), 'ms', undefined, `${theirs.length} requests`),
  ];
}

/** The milliseconds of requests that are made, one after another, while copies to 8 destinations run. */
async function underLoad(url, stageRequest) {
  const copying = keepAlive(COPIES);
  const asking = keepAlive(1);
  await ask(asking, url);
  let running = COPIES;
  const copies = Array.from({ length: COPIES }, async (_, index) => {
    const { status, body } = await ask(copying, ...stageRequest(`busy-${index}`));
    running -= 1;
    if (status !== 200) throw new Error(`Answer ${status}: ${JSON.stringify(body)}`);
  });
  const watching = (async () => {
    const times = [];
    while (running > 0) {
      times.push((await ask(asking, url)).milliseconds);
      await delay(EVERY_MS);
    }
    return times;
  })();
  await Promise.all(copies);
  const times = await watching;
  for (const agent of [copying, asking]) agent.destroy();
  return times;
}
