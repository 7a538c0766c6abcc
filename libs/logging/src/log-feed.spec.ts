import { type LogEntry } from './log-entry';
import { createTemporaryLog, entriesOf, type TemporaryLog } from './testing/temporary-log';

describe('LogFeed', () => {
  let log: TemporaryLog;

  beforeEach(() => {
    log = createTemporaryLog({ level: 'INFO' });
  });
  afterEach(() => log.remove());

  it('hands on each entry as it stands in the file, in the turn in which it is logged', async () => {
    const heard: LogEntry[] = [];
    log.feed.subscribe((entry) => heard.push(entry));
    log.logger.child({ operation_id: 'op-1' }).info('one', { error: new Error('no'), token: 'hunter2' });
    log.logger.debug('below the level');
    log.logger.warning('two');
    expect(heard).toHaveLength(2);
    await log.logger.close();
    expect(entriesOf(log.lines())).toEqual(heard);
  });

  it('calls nobody after unsubscribing, also when that happens between two listeners', () => {
    const heard: string[] = [];
    const first = log.feed.subscribe(() => {
      heard.push('first');
      second();
    });
    const second = log.feed.subscribe(() => heard.push('second'));
    log.logger.info('one');
    first();
    log.logger.info('two');
    expect(heard).toEqual(['first']);
  });

  it('lets no listener disturb the log or another listener', async () => {
    const heard: string[] = [];
    const rejected = Promise.reject(new Error('rejects'));
    log.feed.subscribe(() => {
      throw new Error('throws');
    });
    log.feed.subscribe((entry) => {
      entry.message = 'changed';
    });
    log.feed.subscribe(() => rejected as unknown as void);
    log.feed.subscribe(() => new Promise<void>(() => undefined) as unknown as void);
    log.feed.subscribe((entry) => heard.push(entry.message));
    log.logger.info('one');
    log.logger.info('two');
    expect(heard).toEqual(['one', 'two']);
    await log.logger.close();
    expect(entriesOf(log.lines()).map(({ message }) => message)).toEqual(['one', 'two']);
  });

  it('does not call listeners for what a listener logs, so that none calls itself without end', async () => {
    const heard: string[] = [];
    log.feed.subscribe((entry) => {
      heard.push(entry.message);
      log.logger.error('the socket is gone');
    });
    log.logger.info('one');
    log.logger.info('two');
    await log.logger.close();
    expect(heard).toEqual(['one', 'two']);
    const written = entriesOf(log.lines()).map(({ message }) => message);
    expect(written).toEqual(['one', 'the socket is gone', 'two', 'the socket is gone']);
  });

  it('gives carriers the lines as they stand in the file, also what a listener logs, but not what a carrier logs', async () => {
    const carried: string[] = [];
    log.feed.subscribe(() => log.logger.error('logged by a listener'));
    const remove = log.feed.addCarrier((line) => {
      carried.push(line);
      log.logger.error('logged by a carrier');
      throw new Error('of no concern');
    });
    log.logger.info('one', { token: 'hunter2' });
    log.logger.debug('below the level');
    remove();
    log.logger.info('two');
    await log.logger.close();
    const written = log.lines().filter((line) => /one|by a listener/.test(line));
    expect(carried.map((line) => line.trimEnd())).toEqual(written.slice(0, carried.length));
    expect(entriesOf(carried).map(({ message }) => message)).toEqual(['one', 'logged by a listener']);
  });
});
