import path from 'node:path';
import { flush } from '../harness/command.mjs';
import { randomFile } from '../harness/data.mjs';
import { load } from '../harness/http.mjs';
import { mariadbMissing, startMariadb } from '../harness/mariadb.mjs';
import { ratioOf } from '../harness/measure.mjs';
import { olderServiceMissing, startOlderService } from '../harness/older-service.mjs';
import { startService } from '../harness/service.mjs';

export const title = 'stagings of 4 KiB a second, 8 at a time, against the older service';

const SOURCE = 'small';
/** Destinations in one directory: the older service makes only the directory above a file. */
const PER_DIRECTORY = 500;

export async function run(bench) {
  const missing = olderServiceMissing() ?? mariadbMissing();
  if (missing) throw new Error(missing);
  const home = bench.fileSystem('ext4', 4 * 1024 ** 3);
  const sqlite = await startService(bench, home, { name: 'sqlite' });
  randomFile(path.join(sqlite.storage, SOURCE), 4096);
  const DATABASE_URL = await (await startMariadb(bench, home)).newDatabase('staging');
  const mariadb = await startService(bench, home, { name: 'mariadb-service', env: { DATABASE_URL } });
  const older = await startOlderService(bench, home, sqlite.storage);
  const ours = (service) => (to) => service.stageRequest('local_copy', SOURCE, to);
  const rates = await takeTurns(bench, home, {
    older: (to) => older.stageRequest(SOURCE, to),
    sqlite: ours(sqlite),
    mariadb: ours(mariadb),
  });
  return [
    ratioOf('with SQLite', rates.sqlite, rates.older, { min: 5 }, '/s'),
    ratioOf('with MariaDB', rates.mariadb, rates.older, { min: 3 }, '/s'),
  ];
}

/** Answers a second of each contender in each round; one short turn of each goes before. */
async function takeTurns(bench, home, contenders) {
  const names = Object.keys(contenders);
  const rates = Object.fromEntries(names.map((name) => [name, []]));
  for (const name of names) await turn(contenders[name], 'warm-up', 2);
  for (let round = 0; round < bench.options.rounds; round += 1) {
    for (let index = 0; index < names.length; index += 1) {
      const name = names[(round + index) % names.length];
      await flush(home);
      rates[name].push(await turn(contenders[name], `round-${round}`, bench.options.seconds));
      bench.log(`  round ${round + 1}: ${name}: ${rates[name].at(-1).toFixed(0)} a second`);
    }
  }
  return rates;
}

function turn(requestTo, prefix, seconds) {
  let count = 0;
  const next = () => {
    const directory = Math.floor(count / PER_DIRECTORY);
    count += 1;
    return requestTo(`${prefix}/${directory}/file-${count}`);
  };
  return load({ connections: 8, seconds, next });
}
