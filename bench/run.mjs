// `npm run bench -- [rows] [options]`: measures the built service against its peers, side by side, and prints a table.
// See README.md beside this file.
import os from 'node:os';
import { readOptions, USAGE } from './harness/options.mjs';
import { Bench } from './harness/bench.mjs';
import { printTable, writeResults } from './harness/report.mjs';
import { ROWS } from './rows/index.mjs';

async function main() {
  const options = readOptions(process.argv.slice(2), Object.keys(ROWS));
  if (options.help) return void console.log(USAGE(ROWS));
  const bench = new Bench(options);
  const busy = os.loadavg()[0];
  if (busy > 0.5) bench.log(`Others keep this machine busy (load ${busy.toFixed(1)}): expect noise`);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => bench.end().finally(() => process.exit(130)));
  const results = [];
  try {
    for (const name of options.rows) results.push(...(await bench.measure(name, ROWS[name])));
  } finally {
    await bench.end();
    printTable(results);
    if (results.length > 0) console.log(`Written to ${writeResults(results, options)}`);
  }
  if (results.some((result) => result.failed)) process.exitCode = 1;
}

await main();
