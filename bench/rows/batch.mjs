import { setTimeout as delay } from 'node:timers/promises';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { flush, remove } from '../harness/command.mjs';
import { ask, keepAlive } from '../harness/http.mjs';
import { figureOf, quantile } from '../harness/measure.mjs';
import { forgetPeak, peak, resident } from '../harness/memory.mjs';
import { startService } from '../harness/service.mjs';

export const title = 'batches: how fast one is accepted and done, what it costs in memory, who waits behind it';

/** Files in each directory of the storage. */
const PER_DIRECTORY = 1000;
/** What one more user stages while the batch runs. */
const SINGLES = 20;

export async function run(bench) {
  const { batchItems } = bench.options;
  const home = bench.fileSystem('ext4', 2 * 1024 ** 3 + batchItems * 20_000, batchItems * 2 + 100_000);
  const storage = path.join(home, 'storage');
  bench.log(`  making ${batchItems} files`);
  makeFiles(storage, batchItems);
  await flush(home);
  const service = await startService(bench, home, { name: 'batch' });
  const agent = keepAlive(4);
  await service.stage('local_copy', nameOf(0), 'warm-up');
  const idle = resident(service.pid);
  forgetPeak(service.pid);
  const items = Array.from({ length: batchItems }, (_, index) => itemOf(index));
  const url = `${service.url}/stage_data/batch?method=local_copy&username=batcher`;
  const accepted = await ask(agent, url, { method: 'POST', body: { items } });
  if (accepted.status !== 202) throw new Error(`Answer ${accepted.status}: ${JSON.stringify(accepted.body)}`);
  const start = performance.now();
  const singles = await besides(service);
  await untilEnded(agent, `${service.url}/batches/${accepted.body.batch_id}`, batchItems);
  const seconds = (performance.now() - start) / 1000;
  const most = peak(service.pid);
  agent.destroy();
  await service.stop();
  await remove(service.areas, home);
  return [
    figureOf(`${batchItems} items accepted`, accepted.milliseconds, 'ms', { max: 10_000 }),
    figureOf('items done', batchItems / seconds, '/s', undefined, `${seconds.toFixed(1)} s in all`),
    figureOf("another user's file meanwhile, p95", quantile(singles, 0.95), 'ms', undefined, `${SINGLES} files`),
    figureOf('memory above idle', most - idle, 'MB', { max: 150 }, `${most.toFixed(0)} MB at most`),
  ];
}

const nameOf = (index) => `d${Math.floor(index / PER_DIRECTORY)}/f${index}`;

function itemOf(index) {
  return { local_path_on_storage: nameOf(index), relative_path: `set/${nameOf(index)}`, label: 'bench' };
}

function makeFiles(storage, count) {
  for (let index = 0; index < count; index += 1) {
    const file = path.join(storage, nameOf(index));
    if (index % PER_DIRECTORY === 0) mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `content of ${index}\n`);
  }
}

/** The milliseconds of single files of another user while the batch runs. */
async function besides(service) {
  const agent = keepAlive(1);
  const times = [];
  for (let index = 0; index < SINGLES; index += 1) {
    const { status, body, milliseconds } = await ask(
      agent,
      ...service.stageRequest('local_copy', nameOf(index), `s${index}`),
    );
    if (status !== 200) throw new Error(`Answer ${status}: ${JSON.stringify(body)}`);
    times.push(milliseconds);
  }
  agent.destroy();
  return times;
}

async function untilEnded(agent, url, items) {
  for (;;) {
    const { body } = await ask(agent, url);
    if (body.finished_at !== null) {
      if (body.counts.success !== items) throw new Error(`Not all went well: ${JSON.stringify(body.counts)}`);
      return;
    }
    await delay(500);
  }
}
