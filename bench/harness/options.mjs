// The command line of the bench.
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

const MIB = 1024 ** 2;

/** Every option: its default, and what it is. Sizes of files are in MiB. */
const OPTIONS = {
  rounds: [3, 'rounds of each comparison; medians are taken over them'],
  'large-mib': [2048, 'size of the large file of the rows large, clone and download'],
  'tree-files': [10_000, 'files of the tree of the rows tree and link'],
  seconds: [5, 'seconds of load for one turn of the rows requests and workers'],
  'busy-mib': [1024, 'size of each of the 8 copies of the row config'],
  'memory-files': [200_000, 'files of the tree of the row memory'],
  'batch-items': [100_000, 'items of the batch of the row batch, and of the one that waits in the row sizes'],
  'worker-items': [4000, 'small files of a batch of the rows workers and sizes'],
  'most-workers': [4, 'workers that the row workers ends with; it begins with 1, and doubles them'],
  'worker-large-mib': [256, 'size of each of the 16 large files of the row workers'],
  'sparse-gb': [100, 'size in GB of the sparse file of the row memory'],
  records: [1_000_000, 'records of the row operations'],
  'log-mib': [1024, 'size of the log of the row logs'],
};

/** Text for `--help`. */
export const USAGE = (rows) => `npm run bench -- [row ...] [options]

Rows (default: all):
${Object.entries(rows)
  .map(([name, row]) => `  ${name.padEnd(18)}${row.title}`)
  .join('\n')}

Options:
${Object.entries(OPTIONS)
  .map(([name, [value, text]]) => `  --${`${name} N`.padEnd(16)}${text} (${value})`)
  .join('\n')}
  --quick           one round
  --folder PATH     where images and folders are made (${os.tmpdir()})
  --results PATH    where the whole result is written (bench/results)`;

/** Reads the command line; throws on what it does not know. */
export function readOptions(argv, known) {
  const numbers = Object.fromEntries(Object.keys(OPTIONS).map((name) => [name, { type: 'string' }]));
  const flags = { quick: { type: 'boolean' }, help: { type: 'boolean' } };
  const paths = { folder: { type: 'string' }, results: { type: 'string' } };
  const options = { ...numbers, ...flags, ...paths };
  const { values, positionals } = parseArgs({ args: argv, allowPositionals: true, options });
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`No such row: ${unknown.join(', ')}. Rows: ${known.join(', ')}`);
  const number = (name) => {
    const value = Number(values[name] ?? OPTIONS[name][0]);
    if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number above 0`);
    return value;
  };
  return {
    help: values.help ?? false,
    rows: positionals.length > 0 ? positionals : known,
    folder: values.folder ?? os.tmpdir(),
    results: values.results ?? path.resolve(import.meta.dirname, '../results'),
    rounds: values.quick ? 1 : number('rounds'),
    largeBytes: number('large-mib') * MIB,
    treeFiles: number('tree-files'),
    seconds: number('seconds'),
    busyBytes: number('busy-mib') * MIB,
    memoryFiles: number('memory-files'),
    batchItems: number('batch-items'),
    mostWorkers: number('most-workers'),
    workerItems: number('worker-items'),
    workerLargeBytes: number('worker-large-mib') * MIB,
    sparseBytes: number('sparse-gb') * 1e9,
    records: number('records'),
    logBytes: number('log-mib') * MIB,
  };
}
