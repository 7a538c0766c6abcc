import {
  appendFileSync,
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { AppError } from '@app/core';
import { type LogEntry } from '../log-entry';
import { createTemporaryLog, openFilesBelow, type TemporaryLog } from '../testing/temporary-log';
import { type LogQuery } from './log-reader';

const MEBIBYTE = 1_048_576;

function lineOf(n: number, fields: Partial<LogEntry> = {}): string {
  return `${JSON.stringify({ time: '2025-03-04T05:06:07.089Z', level: 'INFO', message: 'line', n, ...fields })}\n`;
}

function range(from: number, to: number): number[] {
  const step = from <= to ? 1 : -1;
  return Array.from({ length: Math.abs(to - from) + 1 }, (_, index) => from + step * index);
}

function numbersOf(items: LogEntry[]): number[] {
  return items.map(({ n }) => n as number);
}

describe('LogReader', () => {
  let log: TemporaryLog;

  beforeEach(() => {
    log = createTemporaryLog({ maxBytes: 5000, maxFiles: 1000 });
  });
  afterEach(async () => {
    await log.logger.close();
    const open = openFilesBelow(log.folder);
    await log.remove();
    expect(open).toEqual([]);
  });

  /** All pages of a query. */
  async function readAll(query: LogQuery) {
    const items: LogEntry[] = [];
    let pages = 0;
    for (let cursor: string | undefined | null; cursor !== null; pages += 1) {
      const page = await log.reader.page(cursor === undefined ? query : { ...query, cursor });
      items.push(...page.items);
      cursor = page.nextCursor;
    }
    return { items, pages };
  }

  describe('without a filter', () => {
    it('knows nothing where there is no file', async () => {
      expect(await log.reader.page({ limit: 10 })).toEqual({ items: [], nextCursor: null });
      expect(await log.reader.tail(1000)).toBe('');
    });

    it('shows what was logged just before, newest first, and no cursor behind the oldest', async () => {
      for (const n of range(1, 3)) log.logger.info('line', { n });
      const first = await log.reader.page({ limit: 2 });
      expect(numbersOf(first.items)).toEqual([3, 2]);
      const second = await log.reader.page({ limit: 1, cursor: first.nextCursor! });
      expect(numbersOf(second.items)).toEqual([1]);
      expect(second.nextCursor).toBeNull();
    });

    it.each([1, 7, 1000])('goes through all rotated files by pages of %d', async (limit) => {
      for (const n of range(1, 300)) log.logger.info('line', { n });
      const { items } = await readAll({ limit });
      expect(log.lines('.3').length).toBeGreaterThan(0);
      expect(numbersOf(items)).toEqual(range(300, 1));
    });

    it('goes on rightly while the log grows and is rotated between pages', async () => {
      for (const n of range(1, 200)) log.logger.info('line', { n });
      const seen: number[] = [];
      for (let cursor: string | undefined | null, n = 201; cursor !== null; n += 40) {
        const page = await log.reader.page(cursor ? { limit: 9, cursor } : { limit: 9 });
        seen.push(...numbersOf(page.items));
        cursor = page.nextCursor;
        for (const later of range(n, n + 39)) log.logger.info('line', { n: later });
      }
      expect(seen).toEqual(range(200, 1));
    });

    it('misses and repeats nothing when the log is rotated during a page', async () => {
      let last = 0;
      const grow = (lines: number) => {
        for (; lines > 0; lines -= 1) log.logger.info('line', { n: (last += 1) });
      };
      grow(500);
      for (let round = 1; round <= 10; round += 1) {
        const reading = log.reader.page({ limit: 10_000 });
        for (let turn = 0; turn < 50; turn += 1) {
          grow(5);
          await new Promise((resolve) => setImmediate(resolve));
        }
        const numbers = numbersOf((await reading).items);
        expect(numbers).toEqual(range(numbers[0]!, 1));
      }
    });

    it('ends when the file of the cursor is gone, also when its inode number has come back', async () => {
      for (const n of range(1, 10)) log.logger.info('line', { n });
      const { nextCursor } = await log.reader.page({ limit: 2 });
      const cursor = nextCursor!;
      const text = readFileSync(log.file, 'utf8');
      // In place, so with the same inode number, as a new file gets it after the old one was deleted.
      writeFileSync(log.file, text.replace(/^\{"time":"\d{4}/, '{"time":"1999') + text);
      expect(await log.reader.page({ limit: 2, cursor })).toEqual({ items: [], nextCursor: null });
      writeFileSync(log.file, text.slice(0, 100));
      expect(await log.reader.page({ limit: 2, cursor })).toEqual({ items: [], nextCursor: null });
      writeFileSync(log.file, text);
      expect(numbersOf((await log.reader.page({ limit: 2, cursor })).items)).toEqual([8, 7]);
      rmSync(log.file);
      expect(await log.reader.page({ limit: 2, cursor })).toEqual({ items: [], nextCursor: null });
    });

    it('costs the same on a file of 1 GiB', async () => {
      const file = openSync(log.file, 'w');
      ftruncateSync(file, 1024 * MEBIBYTE);
      writeSync(
        file,
        `\n${range(1, 100)
          .map((n) => lineOf(n))
          .join('')}`,
        1024 * MEBIBYTE,
      );
      closeSync(file);
      const read = () => Number(/^rchar: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))![1]);
      const before = read();
      const first = await log.reader.page({ limit: 50 });
      const second = await log.reader.page({ limit: 40, cursor: first.nextCursor! });
      await log.reader.tail(1000);
      expect(read() - before).toBeLessThan(MEBIBYTE);
      expect(numbersOf([...first.items, ...second.items])).toEqual(range(100, 11));
    });

    it('has whole characters where blocks meet', async () => {
      const lines = range(1, 300).map((n) => lineOf(n, { filler: `${'x'.repeat(n % 5)}${'é€🚀'.repeat(100 + n)}` }));
      lines.splice(150, 0, lineOf(0, { long: range(1, 50_000).join('é') }));
      writeFileSync(log.file, lines.join(''));
      const { items } = await readAll({ limit: 17 });
      expect(items.reverse().map((item) => `${JSON.stringify(item)}\n`)).toEqual(lines);
    });

    it('passes over what is no entry', async () => {
      const deep = `{"time":"t","level":"INFO","message":"deep","a":${'['.repeat(50_000)}${']'.repeat(50_000)}}\n`;
      const long = lineOf(0, { filler: 'x'.repeat(MEBIBYTE) });
      const others = [
        '{"time":"2025-03',
        '',
        'Segmentation fault',
        '123',
        'null',
        '[]',
        '{"time":1,"level":"INFO","message":"m"}',
        '{"time":"t","level":"toString","message":"m"}',
        '{"time":"t","level":"INFO"}',
        '\0\0\0\u001b[2J',
      ];
      const text = [lineOf(1), deep, lineOf(2), long, lineOf(3), ...others.map((line) => `${line}\n`), lineOf(4)];
      writeFileSync(log.file, text.join(''));
      appendFileSync(log.file, Buffer.from([0xff, 0xfe, 0x0a]));
      appendFileSync(log.file, lineOf(5) + lineOf(6).trimEnd());
      expect(numbersOf((await readAll({ limit: 2 })).items)).toEqual([5, 4, 3, 2, 1]);
      const cursor = (await log.reader.page({ limit: 1 })).nextCursor!;
      appendFileSync(log.file, '\n');
      expect(numbersOf((await log.reader.page({ limit: 1 })).items)).toEqual([6]);
      expect(numbersOf((await log.reader.page({ limit: 1, cursor })).items)).toEqual([4]);
    });

    it.each(['', 'x', '%%%', 'MS4yLjM', Buffer.from('1.-2.0123456789abcdef').toString('base64url')])(
      'refuses the cursor "%s"',
      async (cursor) => {
        const error = await log.reader.page({ limit: 1, cursor }).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(AppError);
        expect(error).toMatchObject({ code: 'validation_failed', errors: [{ field: 'cursor' }] });
      },
    );

    it('bears a made-up cursor into the middle of a line', async () => {
      for (const n of range(1, 5)) log.logger.info('line', { n });
      const page = await log.reader.page({ limit: 1 });
      const [inode, offset, head] = Buffer.from(page.nextCursor!, 'base64url').toString().split('.');
      const cursor = Buffer.from(`${inode}.${Number(offset) - 10}.${head}`).toString('base64url');
      expect(numbersOf((await log.reader.page({ limit: 2, cursor })).items)).toEqual([3, 2]);
    });
  });

  describe('with a filter', () => {
    it('finds a level and graver ones', async () => {
      log.logger.debug('a');
      log.logger.info('b');
      log.logger.warning('c');
      log.logger.error('d');
      const messages = async (query: Partial<LogQuery>) =>
        (await log.reader.page({ limit: 10, ...query })).items.map(({ message }) => message);
      expect(await messages({ level: 'DEBUG' })).toEqual(['d', 'c', 'b', 'a']);
      expect(await messages({ level: 'WARNING' })).toEqual(['d', 'c']);
      expect(await messages({ level: 'ERROR' })).toEqual(['d']);
    });

    it('finds the lines of an operation, not those that only mention it', async () => {
      const operation = log.logger.child({ operation_id: '0195-a' });
      operation.info('one', { n: 1 });
      log.logger.info('about 0195-a', { other: '0195-a', n: 2 });
      operation.error('two', { n: 3 });
      log.logger.child({ operation_id: '0195-ab' }).info('three', { n: 4 });
      expect(numbersOf((await log.reader.page({ limit: 10, operationId: '0195-a' })).items)).toEqual([3, 1]);
    });

    it.each([
      ['a.c', [1]],
      ['%', [2]],
      ['"quoted" \\ back', [2]],
      ['line one\nline two', [3]],
      ['Zürich', [4]],
      ['zürich', []],
      ['4711', [5]],
      ['inner', [6]],
      ['operation_id', []],
      [String.fromCharCode(0x2028), [3]],
    ])('finds %j literally in message and values', async (q, expected) => {
      log.logger.info('a.c', { n: 1 });
      log.logger.info('abc 100%', { n: 2, text: 'a "quoted" \\ back' });
      log.logger.info(`line one\nline two${String.fromCharCode(0x2028)}`, { n: 3, operation_id: 'x' });
      log.logger.info('in Zürich', { n: 4 });
      log.logger.info('number', { n: 5, size: 47_110 });
      log.logger.info('nested', { n: 6, error: new Error('outer', { cause: new Error('the inner one') }) });
      expect(numbersOf((await log.reader.page({ limit: 10, q })).items)).toEqual(expected);
    });

    it('reads at most 64 MiB a call and offers to go on, also within a line without end', async () => {
      const filler = lineOf(0, { filler: 'x'.repeat(1000) }).repeat(1000);
      const file = openSync(log.file, 'w');
      writeSync(file, lineOf(1, { message: 'needle' }));
      for (let size = 0; size < 70 * MEBIBYTE; size += filler.length) writeSync(file, filler);
      for (let size = 0; size < 70 * MEBIBYTE; size += MEBIBYTE) writeSync(file, 'x'.repeat(MEBIBYTE));
      writeSync(file, `\n${lineOf(2, { message: 'needle' })}`);
      closeSync(file);
      const first = await log.reader.page({ limit: 10, q: 'needle' });
      expect(numbersOf(first.items)).toEqual([2]);
      expect(first.nextCursor).not.toBeNull();
      const { items, pages } = await readAll({ limit: 10, q: 'needle' });
      expect(numbersOf(items)).toEqual([2, 1]);
      expect(pages).toBe(3);
    });

    it('ends at the signal, and leaves the event loop free meanwhile', async () => {
      const filler = lineOf(0, { filler: 'x'.repeat(1000) }).repeat(1000);
      for (let size = 0; size < 30 * MEBIBYTE; size += filler.length) appendFileSync(log.file, filler);
      const abort = new AbortController();
      const reason = new Error('the client left');
      setImmediate(() => abort.abort(reason));
      await expect(log.reader.page({ limit: 10, q: 'needle' }, abort.signal)).rejects.toBe(reason);
      await expect(log.reader.page({ limit: 10 }, abort.signal)).rejects.toBe(reason);
    });
  });

  describe('the tail', () => {
    it('is the last whole lines of the live file', async () => {
      const line = lineOf(1, { message: 'é' });
      const size = Buffer.byteLength(line);
      writeFileSync(log.file, line.repeat(100));
      appendFileSync(log.file, '{"unfinished');
      const unfinished = 12;
      expect(await log.reader.tail(MEBIBYTE)).toBe(line.repeat(100));
      expect(await log.reader.tail(3 * size + unfinished)).toBe(line.repeat(3));
      expect(await log.reader.tail(3 * size + unfinished - 1)).toBe(line.repeat(2));
      expect(await log.reader.tail(3 * size + unfinished + 1)).toBe(line.repeat(3));
      expect(await log.reader.tail(100 * size + unfinished)).toBe(line.repeat(100));
      expect(await log.reader.tail(100 * size + unfinished - 1)).toBe(line.repeat(99));
      expect(await log.reader.tail(10)).toBe('');
    });

    it('controls no terminal, whoever wrote it', async () => {
      writeFileSync(log.file, `a\u001b[2J\tb${String.fromCharCode(0x9b, 0x202e)}\nc\n`);
      expect(await log.reader.tail(MEBIBYTE)).toBe('a\\u001b[2J\tb\\u009b\\u202e\nc\n');
    });
  });

  it('tells a file that cannot be read as an error of the service', async () => {
    const target = createTemporaryLog({ file: `${log.folder}/${'x'.repeat(300)}` });
    await expect(target.reader.page({ limit: 1 })).rejects.toMatchObject({ code: 'internal_error' });
    await expect(target.reader.tail(1)).rejects.toMatchObject({ code: 'internal_error' });
    await target.remove();
  });
});
