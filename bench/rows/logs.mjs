import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { flush } from '../harness/command.mjs';
import { randomFile } from '../harness/data.mjs';
import { figureOf, quantile } from '../harness/measure.mjs';
import { startService } from '../harness/service.mjs';

export const title = 'GET /logs on a large log';

const GOAL = { max: 50 };
const REQUESTS = 30;

export async function run(bench) {
  const { logBytes } = bench.options;
  const home = bench.fileSystem('ext4', 1024 ** 3 + logBytes);
  const start = () => startService(bench, home, { env: { LOG_MAX_BYTES: `${logBytes * 2}` } });
  const first = await start();
  randomFile(path.join(first.storage, 'small'), 4096);
  for (let index = 0; index < 50; index += 1) await first.stage('local_copy', 'small', `file-${index}`);
  await first.stop();
  lengthen(path.join(first.own, 'staging_service.log'), logBytes);
  await flush(home);
  const service = await start();
  await service.stage('local_copy', 'small', 'one-more');
  return [
    await pages(service, 'newest page', () => '/logs?limit=100'),
    await pages(service, 'following the cursor', (last) =>
      last?.next_cursor ? `/logs?limit=100&cursor=${encodeURIComponent(last.next_cursor)}` : '/logs?limit=100',
    ),
    await pages(service, 'level=INFO', () => '/logs?limit=100&level=INFO'),
    await pages(service, 'tail as text', () => '/logs', { accept: 'text/plain' }),
  ];
}

/** Repeats what stands in the log until it has so many bytes. */
function lengthen(file, bytes) {
  const lines = readFileSync(file);
  const block = Buffer.concat(Array(Math.ceil(4e6 / lines.length)).fill(lines));
  const handle = openSync(file, 'a');
  for (let size = lines.length; size < bytes; size += block.length) writeSync(handle, block);
  closeSync(handle);
}

async function pages(service, what, pathOf, headers) {
  const times = [];
  let last;
  for (let index = 0; index < REQUESTS; index += 1) {
    const { status, body, milliseconds } = await service.get(pathOf(last), headers);
    if (status !== 200 || body.length === 0 || body.items?.length === 0) throw new Error(`${what}: answer ${status}`);
    last = body;
    times.push(milliseconds);
  }
  return figureOf(what, quantile(times, 0.95), 'ms', GOAL, `p95; median ${quantile(times, 0.5).toFixed(1)} ms`, times);
}
