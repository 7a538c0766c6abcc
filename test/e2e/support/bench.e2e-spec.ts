import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '../../support/temporary-folder';

const BENCH = path.resolve(__dirname, '../../../bench/run.mjs');
const run = promisify(execFile);

/** One small round of each: what is looked at is that it measures, not how fast anything is. */
const SMALL = ['--quick', '--large-mib=2', '--tree-files=120', '--seconds=1', '--busy-mib=2'];
const SMALLER = ['--memory-files=100', '--sparse-gb=1', '--records=25000', '--log-mib=1'];
const ROWS = ['large', 'tree', 'link', 'config', 'memory', 'operations', 'logs'];

describe('the bench', () => {
  it('measures every row that needs no other server, and leaves nothing behind', async () => {
    const folder = temporaryFolder();
    const results = temporaryFolder();
    const argv = [BENCH, ...ROWS, ...SMALL, ...SMALLER, `--folder=${folder}`, `--results=${results}`];
    const { stdout } = await run(process.execPath, argv);
    const [file] = readdirSync(results);
    const written = JSON.parse(readFileSync(path.join(results, file!), 'utf8'));
    expect(written.results.filter((result: { failed?: string }) => result.failed)).toEqual([]);
    expect(new Set(written.results.map((result: { row: string }) => result.row))).toEqual(new Set(ROWS));
    for (const { value, what } of written.results) expect({ what, value }).toEqual({ what, value: expect.any(Number) });
    expect(stdout).toMatch(/^row +what +value +goal +met/);
    expect(readdirSync(folder)).toEqual([]);
  }, 180_000);

  it('refuses a row that it does not know', async () => {
    await expect(run(process.execPath, [BENCH, 'larg'])).rejects.toMatchObject({
      stderr: expect.stringContaining('No such row: larg'),
    });
  });
});
