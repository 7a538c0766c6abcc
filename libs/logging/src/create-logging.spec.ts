import { createLogging } from './create-logging';
import { type LogEntry, type LogFields } from './log-entry';
import { createTemporaryLog, entriesOf, type TemporaryLog } from './testing/temporary-log';

describe('a log without a file', () => {
  let log: TemporaryLog;

  beforeEach(() => {
    log = createTemporaryLog({ level: 'INFO', file: null, console: true });
  });
  afterEach(() => log.remove());

  it('goes to console and feed, and reads as empty', async () => {
    const heard: LogEntry[] = [];
    log.feed.subscribe((entry) => heard.push(entry));
    log.logger.info('one');
    const other = { ...heard[0]!, message: 'two', host: 'h', process: 'p' };
    expect(log.foreignLines.takeIn(JSON.stringify(other))).toBe(true);
    await log.foreignLines.flush();
    expect(await log.reader.page({ limit: 10, q: 'one' })).toEqual({ items: [], nextCursor: null });
    expect(await log.reader.tail(1000)).toBe('');
    await expect(log.reader.page({ limit: 10, cursor: 'x' })).rejects.toMatchObject({ code: 'validation_failed' });
    await log.logger.close();
    expect(heard.map(({ message }) => message)).toEqual(['one', 'two']);
    expect(log.consoleLines()).toEqual([expect.stringMatching(/INFO +one$/)]);
    expect(log.lines()).toEqual([]);
  });

  it('is refused without the console: it would go nowhere', () => {
    const options = { level: 'INFO', file: null, maxBytes: 1, maxFiles: 1, console: false } as const;
    expect(() => createLogging(options)).toThrow('A log without a file needs the console');
  });
});

it('fields of the process stand in each entry, whatever else is logged', async () => {
  const fields: LogFields = { host: 'h1', process: 'worker/7' };
  const log = createTemporaryLog({ fields });
  try {
    log.logger.child({ host: 'jupyterhub', operation_id: 'op-1' }).info('one', { process: 1, port: 80 });
    log.nestLogger.log('two', 'Context');
    const many = Array.from({ length: 1000 }, (_none, at) => [`field_${at}`, 'x'.repeat(200)]);
    log.logger.info('three', Object.fromEntries(many) as LogFields);
    await log.logger.close();
    const entries = entriesOf(log.lines());
    expect(entries).toMatchObject([
      { message: 'one', ...fields, operation_id: 'op-1', port: 80 },
      { message: 'two', ...fields, context: 'Context' },
      { message: 'three', ...fields, cut: '1002 fields' },
    ]);
    for (const entry of entries) expect(Object.keys(entry).slice(3, 5)).toEqual(['host', 'process']);
  } finally {
    await log.remove();
  }
});
