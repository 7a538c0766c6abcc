import { readFileSync } from 'node:fs';
import { type LogEntry } from './log-entry';
import { createTemporaryLog, entriesOf, type TemporaryLog } from './testing/temporary-log';

const ENTRY = {
  time: '2026-02-01T12:00:00.000Z',
  level: 'INFO',
  message: 'elsewhere',
  host: 'h2',
  process: 'worker/7',
};
const of = (...codes: number[]) => String.fromCharCode(...codes);

describe('lines of another process', () => {
  let log: TemporaryLog;
  let other: TemporaryLog;

  beforeEach(() => {
    log = createTemporaryLog({ level: 'INFO', console: true, fields: { host: 'h1', process: 'api/1' } });
    other = createTemporaryLog({ fields: { host: 'h2', process: 'worker/7' } });
  });
  afterEach(async () => {
    await log.remove();
    await other.remove();
  });

  it('stand in the file as they came, in the order of arrival, and are shown live, but not on the console', async () => {
    const heard: LogEntry[] = [];
    log.feed.subscribe((entry) => heard.push(entry));
    const carried: string[] = [];
    log.feed.addCarrier((line) => carried.push(line));
    other.feed.addCarrier((line) => expect(log.foreignLines.takeIn(line)).toBe(true));
    log.logger.info('one');
    other.logger.error('two', { operation_id: 'op-1', error: new Error(`no${of(0x1b)}[2J`), token: 'x', 7: 'seven' });
    other.logger.debug('below the level');
    log.logger.info('three');
    await log.foreignLines.flush();
    await other.logger.close();
    const [one, two, three] = log.lines();
    expect(two).toBe(other.lines()[0]);
    expect(entriesOf([one!, two!, three!])).toEqual(heard);
    expect(heard.map(({ message, host, process }) => [message, host, process])).toEqual([
      ['one', 'h1', 'api/1'],
      ['two', 'h2', 'worker/7'],
      ['three', 'h1', 'api/1'],
    ]);
    expect((await log.reader.page({ limit: 10, operationId: 'op-1' })).items).toEqual([heard[1]]);
    expect(await log.reader.tail(100_000)).toBe(`${log.lines().join('\n')}\n`);
    await log.logger.close();
    expect(log.consoleLines().map((line) => /(one|two|three)/.exec(line)?.[0])).toEqual(['one', 'three']);
    expect(carried.map((line) => (JSON.parse(line) as LogEntry).message)).toEqual(['one', 'three']);
  });

  it.each<[string, string]>([
    ['no JSON', '{"time":'],
    ['a number', '7'],
    ['null', 'null'],
    ['a list', JSON.stringify([ENTRY])],
    ['an unknown level', JSON.stringify({ ...ENTRY, level: 'constructor' })],
    ['a time of another form', JSON.stringify({ ...ENTRY, time: 'yesterday' })],
    ['a message that is no text', JSON.stringify({ ...ENTRY, message: {} })],
    ['no host', JSON.stringify({ ...ENTRY, host: undefined })],
    ['a process that is no text', JSON.stringify({ ...ENTRY, process: 7 })],
    ['an endless process', JSON.stringify({ ...ENTRY, process: 'x'.repeat(256) })],
    ['an operation that is no text', JSON.stringify({ ...ENTRY, operation_id: ['x'] })],
    ['a name before the time', JSON.stringify({ ...ENTRY, 7: 'seven' })],
    ['a mebibyte', JSON.stringify({ ...ENTRY, text: 'x'.repeat(1_048_576) })],
    ['more than 64 KiB once it is escaped', JSON.stringify({ ...ENTRY, text: of(0x85).repeat(20_000) })],
    ['endless nesting', `{"time":"${ENTRY.time}","deep":${'['.repeat(30_000)}${']'.repeat(30_000)}}`],
    ['deep nesting', JSON.stringify(ENTRY).replace('}', `,"deep":${'['.repeat(17)}${']'.repeat(17)}}`)],
  ])('%s is left out', async (_what, text) => {
    expect(log.foreignLines.takeIn(text)).toBe(false);
    await log.foreignLines.flush();
    expect(log.lines()).toEqual([]);
  });

  it('whatever they hold, they stay one line and change nothing else', async () => {
    const text = `a${of(10, 13, 27, 0x9b, 0x2028, 0x202e)}{"level":"ERROR"}`;
    const more = '"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":"x"';
    const hostile = `${JSON.stringify({ ...ENTRY, message: text, [text]: text }).slice(0, -1)},${more}}`;
    // Raw, where JSON allows it.
    expect(log.foreignLines.takeIn(`${hostile.replaceAll('\\u202e', of(0x202e))}\r\n`)).toBe(true);
    await log.foreignLines.flush();
    expect(readFileSync(log.file, 'utf8')).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+\n$/u);
    expect((await log.reader.page({ limit: 2 })).items).toMatchObject([{ message: text, [text]: text }]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('taken in by a listener of the feed they are not shown, so that nothing runs in a circle', async () => {
    const heard: string[] = [];
    log.feed.subscribe(({ message }) => {
      heard.push(message);
      log.foreignLines.takeIn(JSON.stringify(ENTRY));
    });
    log.logger.info('one');
    await log.foreignLines.flush();
    expect(heard).toEqual(['one']);
    expect(entriesOf(log.lines())).toHaveLength(2);
  });
});
