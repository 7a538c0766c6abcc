import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createTemporaryLog, entriesOf, linesOf, openFilesBelow, type TemporaryLog } from '../testing/temporary-log';

describe('the log file', () => {
  let log: TemporaryLog;

  afterEach(() => log.remove());

  function numbersOf(lines: string[]): unknown[] {
    return entriesOf(lines).map(({ n }) => n);
  }

  /** Waits for the write as readers do: `close` flushes, and the log goes on afterwards. */
  async function write(...numbers: number[]): Promise<void> {
    for (const n of numbers) log.logger.info('line', { n });
    await log.logger.close();
  }

  it('gets one JSON object a line, is made with its folder, for the service alone', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'logging-'));
    const file = path.join(folder, 'deep', 'er', 'staging_service.log');
    log = createTemporaryLog({ file });
    log.logger.warning('Zürich', { operation_id: 'op-1', bytes: 12 });
    await log.logger.close();
    const [line] = log.lines();
    expect(line).toMatch(
      /^\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","level":"WARNING","message":"Zürich","operation_id":"op-1","bytes":12\}$/,
    );
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
    rmSync(folder, { recursive: true });
  });

  it('is appended to, and keeps the mode that the operator gave it', async () => {
    log = createTemporaryLog();
    writeFileSync(log.file, '{"n":0}\n', { mode: 0o640 });
    await write(1);
    expect(numbersOf(log.lines())).toEqual([0, 1]);
    expect(statSync(log.file).mode & 0o777).toBe(0o640);
  });

  it('leaves a line alone that a crash did not finish', async () => {
    log = createTemporaryLog();
    writeFileSync(log.file, '{"n":0}\n{"time":"2025-');
    await write(1);
    const lines = log.lines();
    expect(lines[1]).toBe('{"time":"2025-');
    expect(numbersOf([lines[0]!, lines[2]!])).toEqual([0, 1]);
  });

  it('holds no entry below the level', async () => {
    log = createTemporaryLog({ level: 'WARNING' });
    const read = jest.fn();
    log.logger.debug('a', Object.defineProperty({}, 'costly', { enumerable: true, get: read }));
    log.logger.info('b');
    log.logger.warning('c');
    log.logger.error('d');
    await log.logger.close();
    expect(entriesOf(log.lines()).map(({ level }) => level)).toEqual(['WARNING', 'ERROR']);
    expect(read).not.toHaveBeenCalled();
  });

  it('writes nothing in the turn of the call, and many calls with few system calls', async () => {
    log = createTemporaryLog();
    const probe = await open('/dev/null');
    const write = jest.spyOn(Object.getPrototypeOf(probe) as FileHandle, 'write');
    await probe.close();
    for (let n = 0; n < 10_000; n += 1) log.logger.info('line', { n });
    expect(existsSync(log.file)).toBe(false);
    await log.logger.close();
    expect(write.mock.calls.length).toBeGreaterThan(0);
    expect(write.mock.calls.length).toBeLessThan(1000);
    write.mockRestore();
    expect(numbersOf(log.lines())).toEqual(Array.from({ length: 10_000 }, (_, n) => n));
  });

  it('gets more than may wait at once, as long as it is written meanwhile', async () => {
    log = createTemporaryLog();
    for (let n = 0; n < 2500; n += 1) {
      log.logger.info('line', { n, filler: 'x'.repeat(8000) });
      if (n % 500 === 0) await log.reader.tail(1);
    }
    await log.logger.close();
    expect(numbersOf(log.lines())).toEqual(Array.from({ length: 2500 }, (_, n) => n));
  });

  it('also gets what is logged after closing', async () => {
    log = createTemporaryLog();
    await write(1);
    expect(openFilesBelow(log.folder)).toEqual([]);
    log.logger.info('line', { n: 2 });
    await log.reader.tail(1);
    expect(numbersOf(log.lines())).toEqual([1, 2]);
    expect(openFilesBelow(log.folder)).toEqual([]);
  });

  describe('is rotated', () => {
    it('by size: lines stay whole, in order and complete, and the live file keeps its name', async () => {
      log = createTemporaryLog({ maxBytes: 2000, maxFiles: 1000 });
      const all = Array.from({ length: 400 }, (_, n) => n);
      for (const n of all) {
        log.logger.info('line', { n, filler: 'é'.repeat(n % 50) });
        // Some lines come one by one, some in bursts, some while a rotation is under way.
        if (n % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await log.logger.close();
      const count = readdirSync(log.folder).filter((name) => /^staging_service\.log\.\d+$/.test(name)).length;
      expect(count).toBeGreaterThan(10);
      const found: unknown[] = [];
      for (let number = count; number >= 0; number -= 1) {
        const suffix = number === 0 ? '' : `.${number}`;
        expect(statSync(log.file + suffix).size).toBeLessThanOrEqual(2000);
        found.push(...numbersOf(log.lines(suffix)));
      }
      expect(found).toEqual(all);
    });

    it('keeping as many files as are wanted, the newest as .1', async () => {
      log = createTemporaryLog({ maxBytes: 200, maxFiles: 3 });
      writeFileSync(`${log.file}.7`, 'of a time when more were kept\n');
      writeFileSync(`${log.file}.20250304`, 'of another program\n');
      writeFileSync(`${log.file}.1.gz`, 'of another program\n');
      for (let n = 0; n < 20; n += 1) await write(n);
      const names = readdirSync(log.folder).filter((name) => name !== 'console');
      expect(names.sort()).toEqual(
        ['', '.1', '.1.gz', '.2', '.20250304', '.3'].map((suffix) => `staging_service.log${suffix}`),
      );
      expect(['.3', '.2', '.1', ''].flatMap((suffix) => numbersOf(log.lines(suffix)))).toEqual([
        12, 13, 14, 15, 16, 17, 18, 19,
      ]);
    });

    it('without losing a file to a gap that a crash left in the numbers', async () => {
      log = createTemporaryLog({ maxBytes: 100, maxFiles: 3 });
      writeFileSync(`${log.file}.2`, '{"n":"b"}\n');
      writeFileSync(`${log.file}.3`, '{"n":"a"}\n');
      await write(1);
      await write(2);
      expect(['.3', '.2', '.1', ''].flatMap((suffix) => numbersOf(log.lines(suffix)))).toEqual(['a', 'b', 1, 2]);
    });

    it('not at all where that is impossible: it grows, loses nothing, and the console is told once', async () => {
      log = createTemporaryLog({ maxBytes: 100, maxFiles: 1 });
      mkdirSync(`${log.file}.1`);
      for (let n = 0; n < 10; n += 1) await write(n);
      expect(numbersOf(log.lines())).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(log.consoleLines()).toHaveLength(1);
      expect(log.consoleLines()[0]).toContain('EISDIR');
    });

    it('not where it is a link: what it leads to is the affair of who made it', async () => {
      log = createTemporaryLog({ maxBytes: 100, maxFiles: 1 });
      const target = path.join(log.folder, 'elsewhere');
      symlinkSync(target, log.file);
      await write(1, 2, 3);
      await write(4);
      expect(numbersOf(linesOf(target))).toEqual([1, 2, 3, 4]);
      expect(existsSync(`${log.file}.1`)).toBe(false);
    });

    it('with a line that is larger than a file may be standing alone', async () => {
      log = createTemporaryLog({ maxBytes: 100, maxFiles: 3 });
      log.logger.info('line', { n: 1 });
      log.logger.info('line', { n: 2, filler: 'x'.repeat(500) });
      log.logger.info('line', { n: 3 });
      await log.logger.close();
      expect(['.2', '.1', ''].map((suffix) => numbersOf(log.lines(suffix)))).toEqual([[1], [2], [3]]);
    });
  });

  describe('beside an operator', () => {
    it('is begun anew when it was renamed or removed, and what was written stays where it went', async () => {
      log = createTemporaryLog();
      log.logger.info('line', { n: 1 });
      await log.reader.tail(1);
      renameSync(log.file, `${log.file}-20250304`);
      log.logger.info('line', { n: 2 });
      await log.reader.tail(1);
      expect(numbersOf(log.lines('-20250304'))).toEqual([1]);
      expect(numbersOf(log.lines())).toEqual([2]);
      unlinkSync(log.file);
      log.logger.info('line', { n: 3 });
      await log.reader.tail(1);
      expect(numbersOf(log.lines())).toEqual([3]);
      expect(statSync(log.file).mode & 0o777).toBe(0o600);
    });

    it('goes on in the file that was put in its place', async () => {
      log = createTemporaryLog();
      log.logger.info('line', { n: 1 });
      await log.reader.tail(1);
      renameSync(log.file, `${log.file}-20250304`);
      writeFileSync(log.file, '');
      await write(2);
      expect(numbersOf(log.lines('-20250304'))).toEqual([1]);
      expect(numbersOf(log.lines())).toEqual([2]);
    });

    it('goes on after being truncated in place, without a hole', async () => {
      log = createTemporaryLog();
      log.logger.info('line', { n: 1 });
      await log.reader.tail(1);
      truncateSync(log.file, 0);
      await write(2);
      expect(numbersOf(log.lines())).toEqual([2]);
    });

    it('shares its lines with another writer that only appends', async () => {
      log = createTemporaryLog();
      log.logger.info('line', { n: 1 });
      await log.reader.tail(1);
      appendFileSync(log.file, '{"n":"theirs"}\n');
      await write(2);
      expect(numbersOf(log.lines())).toEqual([1, 'theirs', 2]);
    });
  });
});
