import { createRequire } from 'node:module';
import path from 'node:path';
import { randomFile } from '../harness/data.mjs';
import { figureOf, quantile } from '../harness/measure.mjs';
import { startService, USER } from '../harness/service.mjs';

export const title = 'pages of GET /operations with very many records';

const GOAL = { max: 20 };
/** Requests of each kind; the first few of a kind, which warm up, do not count. */
const REQUESTS = 60;
const WARM_UP = 10;

export async function run(bench) {
  const home = bench.fileSystem('ext4', 4 * 1024 ** 3);
  const service = await startService(bench, home);
  randomFile(path.join(service.storage, 'small'), 4096);
  await service.stage('local_copy', 'small', 'small');
  bench.log(`  writing ${bench.options.records} records`);
  const span = fill(path.join(service.own, 'staging.sqlite'), bench.options.records);
  const between = (part) => new Date(span.from + (span.to - span.from) * part).toISOString();
  const kinds = {
    'first page': () => '',
    'following the cursor from the first page': follow(),
    'from the middle on': (index) => `to=${between(0.4 + index / 500)}`,
    'following the cursor from the middle': follow(`to=${between(0.5)}`),
    'the oldest': (index) => `to=${between(0.0001 * (index + 1))}`,
    'status=failure, one in 1000': () => 'status=failure',
    'a user with few records': () => 'username=rare',
    'method and user, from the middle on': () => `method=local_copy&username=${USER}&to=${between(0.5)}`,
    'a text that stands in few records': () => 'q=needle',
  };
  const results = [];
  for (const [what, queryOf] of Object.entries(kinds)) results.push(await pages(service, what, queryOf));
  return results;
}

/** A query that takes the cursor of the page before. */
function follow(first = '') {
  return (_index, last) => (last?.next_cursor ? `${first}&cursor=${encodeURIComponent(last.next_cursor)}` : first);
}

async function pages(service, what, queryOf) {
  const times = [];
  let last;
  for (let index = 0; index < REQUESTS; index += 1) {
    const { status, body, milliseconds } = await service.get(`/operations?${queryOf(index, last)}`);
    if (status !== 200 || body.items.length === 0) throw new Error(`${what}: ${status} ${JSON.stringify(body)}`);
    last = body;
    if (index >= WARM_UP) times.push(milliseconds);
  }
  return figureOf(what, quantile(times, 0.95), 'ms', GOAL, `p95; median ${quantile(times, 0.5).toFixed(1)} ms`, times);
}

/**
 * Copies the one record many times into the service's own table, a second apart each, so that it does not matter what
 * columns there are. Returns the first and the last time of creation.
 */
function fill(file, records) {
  const Database = createRequire(import.meta.url)('libsql');
  const database = new Database(file);
  try {
    const columns = database.prepare('PRAGMA table_info(staging_record)').all().map((column) => column.name); // prettier-ignore
    const template = database.prepare('SELECT * FROM staging_record').get();
    const list = columns.map((name) => `"${name}"`).join(', ');
    const insert = database.prepare(
      `INSERT INTO staging_record (${list}) VALUES (${columns.map(() => '?').join(', ')})`,
    );
    const last = Date.now() - 60_000;
    const from = last - records * 1000;
    database.exec('BEGIN');
    for (let index = 0; index < records; index += 1) {
      const row = recordAt(template, from + index * 1000, index);
      insert.run(...columns.map((name) => row[name]));
      if (index % 50_000 === 49_999) database.exec('COMMIT; BEGIN');
    }
    database.exec('COMMIT');
    return { from, to: last };
  } finally {
    database.close();
  }
}

function recordAt(template, at, index) {
  const failed = index % 1000 === 0;
  const time = new Date(at).toISOString().replace('T', ' ').replace('Z', '');
  return {
    ...template,
    id: uuidAt(at, index),
    created_at: time,
    started_at: time,
    finished_at: time,
    username: index % 20_000 === 1 ? 'rare' : `user-${index % 100}`.replace('user-7', USER),
    relative_path: index % 20_000 === 2 ? `needle-${index}` : `data/file-${index}`,
    ...(failed && {
      status: 'failure',
      outcome: null,
      error_code: 'source_not_found',
      error_reason: 'Source path does not exist',
    }),
  };
}

/** A UUIDv7 (RFC 9562) of a time in milliseconds. */
function uuidAt(at, index) {
  const time = at.toString(16).padStart(12, '0');
  const tail = index.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${tail}`;
}
