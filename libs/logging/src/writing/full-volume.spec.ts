import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createTemporaryLog, entriesOf, type TemporaryLog, until } from '../testing/temporary-log';
import { LogFile } from './log-file';

const canMount = isMountingPossible();
const itMounts = canMount ? it : it.skip;
const title = (what: string) => (canMount ? what : `${what} (skipped: needs the right to mount a tmpfs)`);

function isMountingPossible(): boolean {
  const folder = mkdtempSync(path.join(tmpdir(), 'mount-'));
  try {
    mount(folder, 'size=64k');
    unmount(folder);
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(folder);
  }
}

function mount(folder: string, options: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'pipe' });
}

function unmount(folder: string): void {
  execFileSync('umount', ['-l', folder], { stdio: 'pipe' });
}

/** The entries of the file; fragments that a full disk left are no entries. */
function readEntries(file: string) {
  const lines = readFileSync(file, 'utf8').split('\n');
  return entriesOf(lines.filter((line) => line.startsWith('{') && line.endsWith('}')));
}

describe('a log that cannot be written', () => {
  let volume: string;
  let log: TemporaryLog;

  beforeEach(() => {
    volume = mkdtempSync(path.join(tmpdir(), 'volume-'));
  });
  afterEach(async () => {
    await log.remove();
    rmSync(volume, { recursive: true, force: true });
  });

  async function onVolume(options: string, test: (file: string) => Promise<void>): Promise<void> {
    mount(volume, options);
    try {
      const file = path.join(volume, 'staging_service.log');
      log = createTemporaryLog({ file, maxFiles: 2 });
      await test(file);
      await log.logger.close();
    } finally {
      unmount(volume);
    }
  }

  function expectOneNotice(code: string): void {
    expect(log.consoleLines()).toHaveLength(1);
    expect(log.consoleLines()[0]).toMatch(/ ERROR {3}The log file cannot be written or rotated; /);
    expect(log.consoleLines()[0]).toContain(code);
  }

  itMounts(
    title('for want of space: it keeps what fits into a bounded queue, counts the rest, and goes on by itself'),
    async () => {
      await onVolume('size=64k', async (file) => {
        const total = 2500;
        // About 20 MB, more than may wait.
        for (let n = 0; n < total; n += 1) log.logger.info('line', { n, filler: 'x'.repeat(8000) });
        await log.logger.close();
        await log.logger.close();
        expectOneNotice('ENOSPC');
        execFileSync('mount', ['-o', 'remount,size=64m', volume]);
        await until(() => readFileSync(file, 'utf8').includes('"dropped":'));
        log.logger.info('line', { n: total });
        await log.logger.close();
        const entries = readEntries(file);
        const numbers = entries.map(({ n }) => n).filter((n) => n !== undefined);
        const kept = numbers.length - 1;
        expect(numbers).toEqual([...Array.from({ length: kept }, (_, n) => n), total]);
        expect(kept).toBeGreaterThan(1000);
        expect(entries.at(-2)).toMatchObject({ level: 'WARNING', dropped: total - kept });
      });
    },
  );

  itMounts(title('for want of space: a line that was written in part is written once more'), async () => {
    await onVolume('size=64k', async (file) => {
      writeFileSync(path.join(volume, 'ballast'), Buffer.alloc(50_000));
      for (let n = 0; n < 200; n += 1) {
        log.logger.info('line', { n, filler: 'x'.repeat(200) });
        await log.logger.close();
      }
      expectOneNotice('ENOSPC');
      rmSync(path.join(volume, 'ballast'));
      await log.logger.close();
      expect(readEntries(file).map(({ n }) => n)).toEqual(Array.from({ length: 200 }, (_, n) => n));
    });
  });

  itMounts(title('because its folder is read-only: it goes on by itself'), async () => {
    await onVolume('size=64k,ro', async (file) => {
      log.logger.info('line', { n: 1 });
      await log.logger.close();
      log.logger.info('line', { n: 2 });
      expectOneNotice('EROFS');
      execFileSync('mount', ['-o', 'remount,rw', volume]);
      const { items } = await log.reader.page({ limit: 10 });
      expect(items.map(({ n }) => n)).toEqual([2, 1]);
      expect(readEntries(file)).toHaveLength(2);
    });
  });

  it('because its folder was removed: the folder is made again', async () => {
    const file = path.join(volume, 'logs', 'staging_service.log');
    log = createTemporaryLog({ file });
    log.logger.info('line', { n: 1 });
    await log.reader.tail(1);
    rmSync(path.dirname(file), { recursive: true });
    log.logger.info('line', { n: 2 });
    await log.logger.close();
    expect(readEntries(file).map(({ n }) => n)).toEqual([2]);
    expect(log.consoleLines()).toEqual([]);
  });

  it('because a pipe stands there that nobody reads', async () => {
    const file = path.join(volume, 'staging_service.log');
    execFileSync('mkfifo', [file]);
    log = createTemporaryLog({ file });
    log.logger.info('line', { n: 1 });
    await log.logger.close();
    expectOneNotice('ENXIO');
    expect(await log.reader.page({ limit: 1 })).toEqual({ items: [], nextCursor: null });
    rmSync(file);
    await log.logger.close();
    expect(readEntries(file)).toHaveLength(1);
  });

  it('because its volume hangs: closing gives up after 5 s', async () => {
    const append = jest.spyOn(LogFile.prototype, 'append').mockReturnValue(new Promise(() => undefined));
    log = createTemporaryLog();
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    try {
      log.logger.info('line', { n: 1 });
      let closed = false;
      const closing = log.logger.close().then(() => (closed = true));
      await jest.advanceTimersByTimeAsync(4999);
      expect(closed).toBe(false);
      await jest.advanceTimersByTimeAsync(1);
      await closing;
      expect(append).toHaveBeenCalledTimes(1);
    } finally {
      jest.useRealTimers();
      append.mockRestore();
      rmSync(log.folder, { recursive: true });
      log = createTemporaryLog();
    }
  });

  it('because something else stands in its place: it goes on by itself once that is gone', async () => {
    const folder = path.join(volume, 'logs');
    const file = path.join(folder, 'staging_service.log');
    writeFileSync(folder, 'a file');
    log = createTemporaryLog({ file });
    log.logger.info('line', { n: 1 });
    await log.logger.close();
    log.logger.info('line', { n: 2 });
    await log.logger.close();
    expectOneNotice('ENOTDIR');
    expect(await log.reader.page({ limit: 10 })).toEqual({ items: [], nextCursor: null });
    rmSync(folder);
    mkdirSync(folder);
    // Nobody asks for a flush here: the retry alone brings the lines.
    await until(() => {
      try {
        return readEntries(file).length === 2;
      } catch {
        return false;
      }
    });
    expect(readEntries(file).map(({ n }) => n)).toEqual([1, 2]);
  });
});
