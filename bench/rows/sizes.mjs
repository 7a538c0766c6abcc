import path from 'node:path';
import { flush } from '../harness/command.mjs';
import { randomTree } from '../harness/data.mjs';
import { load } from '../harness/http.mjs';
import { startMariadb } from '../harness/mariadb.mjs';
import { figureOf } from '../harness/measure.mjs';
import { resident } from '../harness/memory.mjs';
import { startRedis } from '../harness/redis.mjs';
import { askForBatch, siteMissing, startSite, untilEnded } from '../harness/site.mjs';

export const title = 'bytes that operations take in MariaDB, and waiting ones in Redis';

const PER_DIRECTORY = 100;

export async function run(bench) {
  const missing = siteMissing();
  if (missing) throw new Error(missing);
  const { batchItems, workerItems } = bench.options;
  const home = bench.fileSystem('ext4', batchItems * 10_000 + workerItems * 40_000 + 3 * 1024 ** 3);
  const mariadb = await startMariadb(bench, home);
  const redis = await startRedis(bench, home);
  const site = await startSite(bench, home, { database: await mariadb.newDatabase('site'), redis });
  randomTree(path.join(site.storage, 'set'), workerItems, 16, PER_DIRECTORY);
  await flush(home);
  const ended = await endedOnes(site, mariadb, bench.options);
  return [...ended, ...(await waitingOnes(site, redis, batchItems))];
}

/** What a batch leaves behind, and then requests of the kind that has an entry in the audit each. */
async function endedOnes(site, mariadb, { workerItems, seconds }) {
  const worker = await site.addWorker();
  const batch = await askForBatch(site, pairs(workerItems, workerItems));
  await untilEnded(site, batch, workerItems);
  const record = await bytesOf(mariadb, 'staging_record');
  const line = await bytesOf(mariadb, 'staging_file');
  const memory = resident(worker.pid);
  const before = await bytesOf(mariadb, 'staging_audit');
  let count = 0;
  const next = () => site.stageRequest('local_copy', 'set/d0/f0', `requests/${(count += 1)}`);
  await load({ connections: 8, seconds, next });
  const entry = (await bytesOf(mariadb, 'staging_audit')) - before;
  await worker.stop();
  return [
    figureOf('a record that has ended, in MariaDB', record / workerItems, 'bytes', undefined, `of ${workerItems}`),
    figureOf('a line of a manifest', line / workerItems, 'bytes', undefined, `of ${workerItems}`),
    figureOf('an entry of the audit', entry / count, 'bytes', undefined, `of ${count}`),
    figureOf('resident memory of a worker', memory, 'MB', undefined, `after ${workerItems} items`),
  ];
}

/** What waiting operations take while there is no worker. */
async function waitingOnes(site, redis, count) {
  const told = async (name) => Number((await redis.info())[name]);
  const before = { memory: await told('used_memory'), log: await told('aof_current_size') };
  await askForBatch(site, pairs(count, 1));
  const job = ((await told('used_memory')) - before.memory) / count;
  const log = ((await told('aof_current_size')) - before.log) / count;
  return [
    figureOf('a waiting job in Redis', job, 'bytes', undefined, `of ${count}; in its log ${log.toFixed(0)} bytes`),
    figureOf('resident memory of the API process', resident(site.pid), 'MB', undefined, `while ${count} wait`),
  ];
}

/** Copies of the first `sources` files, over and over, to destinations of their own. */
const pairs = (count, sources) =>
  Array.from({ length: count }, (_, index) => {
    const nameOf = (number) => `d${Math.floor(number / PER_DIRECTORY)}/f${number}`;
    return [`set/${nameOf(index % sources)}`, `from-${sources}/${nameOf(index)}`];
  });

/** What the pages of a table and its indexes take, as full as they are; all of them are still in the server's memory. */
async function bytesOf({ query }, table) {
  const [{ bytes }] = await query(
    `SELECT COUNT(*) * @@innodb_page_size AS bytes FROM information_schema.INNODB_BUFFER_PAGE
     WHERE TABLE_NAME = '\`site\`.\`${table}\`' AND PAGE_TYPE = 'INDEX'`,
  );
  return Number(bytes);
}
