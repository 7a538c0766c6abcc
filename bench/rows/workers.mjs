import path from 'node:path';
import { flush, remove } from '../harness/command.mjs';
import { randomFile, randomTree } from '../harness/data.mjs';
import { load } from '../harness/http.mjs';
import { startMariadb } from '../harness/mariadb.mjs';
import { figureOf, median, quantile, ratioOf, time } from '../harness/measure.mjs';
import { startRedis } from '../harness/redis.mjs';
import { startService, USER } from '../harness/service.mjs';
import { askForBatch, siteMissing, stageInBackground, startSite, untilEnded } from '../harness/site.mjs';
import { countUsage } from '../harness/usage.mjs';

export const title =
  'one process against an API process with 1, 2 and 4 workers: batches, requests, the wait for a turn';

const LARGE_FILES = 16;
/** Items for each worker of the batch that goes before each turn: a fresh one takes twice the processor time for them. */
const WARM_UP = 1000;
/** Items of the batch that runs while callers wait for single files. */
const BESIDE = 2000;
/** Operations of which each begins when nothing else is to be done. */
const SINGLES = 30;
const PER_DIRECTORY = 100;
const SOURCE = 'small/d0/f0';
const ALONE = 'one process';

export async function run(bench) {
  const missing = siteMissing();
  if (missing) throw new Error(missing);
  const { mostWorkers, workerItems, workerLargeBytes } = bench.options;
  const home = bench.fileSystem('ext4', 2 * LARGE_FILES * workerLargeBytes + workerItems * 60_000 + 3 * 1024 ** 3);
  const mariadb = await startMariadb(bench, home);
  const redis = await startRedis(bench, home);
  const DATABASE_URL = await mariadb.newDatabase('alone');
  const alone = await startService(bench, home, { name: 'alone', env: { DATABASE_URL } });
  const site = await startSite(bench, home, { database: await mariadb.newDatabase('site'), redis });
  makeSources(alone.storage, workerItems, workerLargeBytes);
  await flush(home);
  const servers = { mariadb, redis };
  const contenders = { [ALONE]: () => turn(bench, home, alone, servers, 0) };
  for (let count = 1; count <= mostWorkers; count *= 2)
    contenders[nameOf(count)] = () => turn(bench, home, site, servers, count);
  return resultsOf(await takeTurns(bench, contenders), bench.options);
}

function makeSources(storage, items, largeBytes) {
  randomTree(path.join(storage, 'small'), items, 4096, PER_DIRECTORY);
  for (let index = 0; index < LARGE_FILES; index += 1) randomFile(path.join(storage, `large-${index}`), largeBytes);
}

/** What each contender measured in each round. */
async function takeTurns(bench, contenders) {
  const names = Object.keys(contenders);
  const rounds = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < bench.options.rounds; round += 1) {
    for (let index = 0; index < names.length; index += 1) {
      const name = names[(round + index) % names.length];
      bench.log(`  round ${round + 1}: ${name}`);
      rounds[name].push(await contenders[name]());
    }
  }
  return rounds;
}

const nameOf = (workers) => `API and ${workers} worker${workers === 1 ? '' : 's'}`;

/** All that is measured of one contender; its workers live as long. What it staged is removed, so that sources are staged anew. */
async function turn(bench, home, service, servers, workers) {
  const { workerItems, seconds } = bench.options;
  const started = [];
  for (let index = 0; index < workers; index += 1) started.push(await service.addWorker());
  const stations = {
    api: [service.pid],
    workers: started.map(({ pid }) => pid),
    mariadb: [servers.mariadb.pid],
    redis: [servers.redis.pid],
  };
  const context = { home, service, servers, stations };
  const largePairs = Array.from({ length: LARGE_FILES }, (_, index) => [`large-${index}`, `large-${index}`]);
  await batch(context, smallPairs(Math.min(WARM_UP * Math.max(1, workers), workerItems), 'warm-up'));
  const small = await batch(context, smallPairs(workerItems, 'small'));
  const large = await batch(context, largePairs);
  const requests = await foreground(context, seconds);
  const wait = await untilBegun(service);
  const beside = await besideBatch(context, smallPairs(Math.min(BESIDE, workerItems), 'beside'));
  for (const worker of started) await worker.stop();
  await remove(path.join(service.areas, USER), home);
  const told = [small, large, requests].map(({ rate }) => rate.toPrecision(3)).join(', ');
  bench.log(`    small files, large files, requests a second: ${told}`);
  return { small, large, requests, wait, beside };
}

const smallPairs = (count, to) =>
  Array.from({ length: count }, (_, index) => {
    const name = `d${Math.floor(index / PER_DIRECTORY)}/f${index}`;
    return [`small/${name}`, `${to}/${name}`];
  });

/** What `work` takes: it resolves with its `items` and their `rate` a second. */
async function measured({ home, servers, stations }, work) {
  await flush(home);
  const before = await counters(servers);
  const usage = countUsage(stations, home);
  const { items, rate } = await work();
  const used = usage();
  const after = await counters(servers);
  const counted = Object.entries(after).map(([name, value]) => [name, (value - before[name]) / items]);
  return { ...used, items, rate, counted: Object.fromEntries(counted) };
}

/** One batch: its rate is taken from when it is accepted until it has ended, what it takes from when it is asked for. */
function batch(context, pairs) {
  return measured(context, async () => {
    const id = await askForBatch(context.service, pairs);
    const accepted = Date.now();
    const ended = await untilEnded(context.service, id, pairs.length);
    return { items: pairs.length, rate: (pairs.length * 1000) / (ended - accepted) };
  });
}

/** Stagings that callers wait for, 8 at a time. */
function foreground(context, seconds) {
  return measured(context, async () => {
    const destinationOf = numbered('requests');
    const next = () => context.service.stageRequest('local_copy', SOURCE, destinationOf());
    const rate = await load({ connections: 8, seconds, next });
    return { items: rate * seconds, rate };
  });
}

/** Milliseconds from the record of an operation until it begins, when nothing else is to be done. */
async function untilBegun(service) {
  const destinationOf = numbered('singles');
  const waits = [];
  for (let index = 0; index < SINGLES; index += 1) {
    const operation = await stageInBackground(service, SOURCE, destinationOf());
    waits.push(Date.parse(operation.started_at) - Date.parse(operation.created_at));
  }
  return median(waits);
}

/** Milliseconds that callers wait for one file while a batch runs: what all but one in twenty do not exceed. */
async function besideBatch({ service, home }, pairs) {
  await flush(home);
  const destinationOf = numbered('beside-it');
  const id = await askForBatch(service, pairs);
  const times = [];
  for (let index = 0; index < SINGLES; index += 1)
    times.push(await time(() => service.stage('local_copy', SOURCE, destinationOf())));
  await untilEnded(service, id, pairs.length);
  return quantile(times, 0.95);
}

/** Destinations below `folder`, not too many in one directory. */
function numbered(folder) {
  let count = 0;
  return () => `${folder}/${Math.floor((count += 1) / 500)}/${count}`;
}

/** What the servers have been asked so far. */
async function counters({ mariadb, redis }) {
  const [{ Value: statements }] = await mariadb.query("SHOW GLOBAL STATUS LIKE 'Questions'");
  const info = await redis.info();
  const calls = (name) => Number(/^calls=(\d+)/.exec(info[`cmdstat_${name}`] ?? '')?.[1] ?? 0);
  return {
    statements: Number(statements),
    scripts: calls('evalsha') + calls('eval'),
    redisKb: (Number(info.total_net_input_bytes) + Number(info.total_net_output_bytes)) / 1000,
  };
}

function resultsOf(rounds, { workerItems, workerLargeBytes }) {
  const mib = workerLargeBytes / 1024 ** 2;
  const loads = [
    { load: 'small', what: `batch of ${workerItems} x 4 KiB`, unit: '/s', rate: ({ small }) => small.rate },
    {
      load: 'large',
      what: `batch of ${LARGE_FILES} x ${mib} MiB`,
      unit: 'MiB/s',
      rate: ({ large }) => large.rate * mib,
    },
    { load: 'requests', what: '4 KiB waited for', unit: '/s', rate: ({ requests }) => requests.rate },
  ];
  const names = Object.keys(rounds);
  const ratios = loads.flatMap(({ what, unit, rate }) => {
    const alone = rounds[ALONE].map(rate);
    const sites = names.filter((name) => name !== ALONE);
    return sites.map((name) => ratioOf(`${what}, ${name}`, rounds[name].map(rate), alone, undefined, unit));
  });
  const demands = loads.flatMap(({ load, what }) => {
    const turnsOf = (name) => rounds[name].map((round) => round[load]);
    return names.map((name) => demandOf(`CPU each: ${what}, ${name}`, turnsOf(name)));
  });
  const times = (what, key) =>
    names.map((name) => {
      const values = rounds[name].map((round) => round[key]);
      return figureOf(`${what}, ${name}`, median(values), 'ms', undefined, '', values);
    });
  return [
    ...ratios,
    ...demands,
    ...times('until an operation begins', 'wait'),
    ...times('4 KiB waited for beside a batch, p95', 'beside'),
  ];
}

/** Processor time of an item at each station, how busy cores and disk were, and what the servers were asked for an item. */
function demandOf(what, turns) {
  const each = (value) => median(turns.map((used) => (value(used) / used.items) * 1000));
  const share = (value) => `${(100 * median(turns.map((used) => value(used) / used.wall))).toFixed(0)} %`;
  const own = ({ cpu }) => Object.values(cpu).reduce((sum, seconds) => sum + seconds, 0);
  const stations = Object.keys(turns[0].cpu).map((name) => {
    const [all, first] = ['cpu', 'first'].map((kind) => each((used) => used[kind][name]).toPrecision(3));
    return name === 'mariadb' ? `${name} ${all}` : `${name} ${all} (first thread ${first})`;
  });
  const busy = `of a core ${share(own)}, with others ${share(({ machine }) => machine)}; disk ${share(({ disk }) => disk)}`;
  const asked = (name) => median(turns.map(({ counted }) => counted[name])).toFixed(1);
  const servers = `${asked('statements')} statements, ${asked('scripts')} scripts, ${asked('redisKb')} kB of Redis`;
  return figureOf(what, each(own), 'ms', undefined, `${stations.join(', ')} ms; ${busy}; ${servers}`, turns);
}
