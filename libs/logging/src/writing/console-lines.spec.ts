import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { buildLine } from '../entry/build-line';
import { createTemporaryLog, type TemporaryLog } from '../testing/temporary-log';
import { renderEntry } from './console-lines';

const COMPILED = path.resolve(__dirname, '../../../../dist/libs/logging/src/index.js');

describe('the console', () => {
  let log: TemporaryLog;

  beforeEach(() => {
    log = createTemporaryLog({ console: true, level: 'INFO' });
  });
  afterEach(() => log.remove());

  /** A program that logs to its own standard error; `%` stands for the log file. */
  function program(body: string): string[] {
    const make = `require(${JSON.stringify(COMPILED)}).createLogging({level:'INFO',file:${JSON.stringify(log.file)},maxBytes:1e9,maxFiles:1,console:true})`;
    return ['-e', `const {logger} = ${make}; ${body}`];
  }

  it('shows time, level, message and fields on one line, but no stack trace', async () => {
    const error = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    log.logger.warning('Staged nothing', { operation_id: 'op-1', path: 'a b', size: 3, error, password: 'hunter2' });
    log.logger.debug('below the level');
    await log.logger.close();
    const [line, ...others] = log.consoleLines();
    expect(others).toEqual([]);
    expect(line).toMatch(
      /^\S+Z WARNING Staged nothing operation_id=op-1 path="a b" size=3 error=\{"name":"Error","message":"no space","code":"ENOSPC"\} password="\[redacted\]"$/,
    );
  });

  it('lets no text make a second line or control the terminal', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(text, fc.dictionary(text, fc.oneof(text, fc.array(text))), (message, fields) => {
        const shown = renderEntry(buildLine(new Date(), 'INFO', message, [fields]).entry);
        expect(shown.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
        expect(shown.endsWith('\n')).toBe(true);
      }),
    );
  });

  it('cuts long fields', () => {
    const shown = renderEntry(buildLine(new Date(), 'INFO', 'm', [{ long: 'x'.repeat(5000) }]).entry);
    expect(shown).toContain(`long=${'x'.repeat(500)}[cut]`);
    expect(shown.length).toBeLessThan(600);
  });

  it('is silent when it is off', async () => {
    const quiet = createTemporaryLog();
    quiet.logger.error('m');
    await quiet.logger.close();
    expect(quiet.consoleLines()).toEqual([]);
    await quiet.remove();
  });

  it('is standard error, flushed when the process ends by itself', () => {
    const run = spawnSync(process.execPath, program(`logger.info('good bye')`), { encoding: 'utf8' });
    expect(run.stdout).toBe('');
    expect(run.stderr).toMatch(/ INFO {4}good bye\n$/);
    expect(readFileSync(log.file, 'utf8')).toContain('good bye');
    expect(run.status).toBe(0);
  });

  it('holds up nothing when nobody reads it, or its reader is gone', async () => {
    const body = `
      for (let n = 0; n < 20000; n += 1) logger.info('line ' + n, { filler: 'x'.repeat(100) });
      setTimeout(() => { logger.info('the last line'); process.stdout.write('alive'); }, 10);
      process.stdin.on('data', () => process.exit(0));`;
    const child = spawn(process.execPath, program(body), { stdio: 'pipe' });
    await once(child.stdout, 'data');
    child.stderr.destroy();
    child.stdin.write('end');
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(0);
  });
});
