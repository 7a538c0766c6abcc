import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describeWhere } from '../../support/describe-where';
import { clusterMissing } from '../../support/cluster';
import { temporaryFolder } from '../../support/temporary-folder';

const BENCH = path.resolve(__dirname, '../../../bench/run.mjs');
const run = promisify(execFile);

/** Hardly any work: what is looked at is that all of it is measured. */
const SMALL = [
  '--quick',
  '--most-workers=2',
  '--worker-items=20',
  '--worker-large-mib=1',
  '--batch-items=50',
  '--seconds=1',
];

interface Result {
  what: string;
  value: number;
  failed?: string;
}

describeWhere(clusterMissing(), 'the bench of several processes', () => {
  it('compares sites of one and two workers with one process, measures sizes, and leaves nothing behind', async () => {
    const folder = temporaryFolder();
    const results = temporaryFolder();
    await run(process.execPath, [BENCH, 'workers', 'sizes', ...SMALL, `--folder=${folder}`, `--results=${results}`]);
    const [file] = readdirSync(results);
    const written = JSON.parse(readFileSync(path.join(results, file!), 'utf8')) as { results: Result[] };
    const named = (pattern: RegExp) => written.results.filter(({ what }) => pattern.test(what));
    expect(written.results.filter(({ failed }) => failed)).toEqual([]);
    expect(named(/^batch of 20 x 4 KiB, API and [12] workers?$/)).toHaveLength(2);
    expect(named(/^CPU each: .*, (one process|API and [12] workers?)$/)).toHaveLength(9);
    for (const { what, value } of named(/^(batch|CPU each)/)) expect([what, value > 0]).toEqual([what, true]);
    expect(readdirSync(folder)).toEqual([]);
  }, 300_000);
});
