import { closeSync, existsSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import path from 'node:path';
import { LogRelay, RedisLink } from '@app/cluster';
import { createLogging, type LogEntry, type Logging, type LoggingOptions } from '@app/logging';
import { cleanUpAfterEach, onCleanup } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import { type Redis, redisMissing, startRedis } from '../support/redis';
import { temporaryFolder } from '../support/temporary-folder';
import { until } from '../support/until';

/** Lines of the log that travel between the processes of a site. */

cleanUpAfterEach();

interface Place {
  host: string;
  process?: string;
  /** Null: a worker, whose lines travel and who reads none. */
  file: string | null;
  level?: LoggingOptions['level'];
}

/** One process' log and its relay. */
interface Peer extends Logging {
  file: string;
  relay: LogRelay;
  /** What the console got. */
  console(): string;
  /** Messages that the feed showed. */
  heard: string[];
  /** The file. */
  text(): string;
  /** Its entries. */
  entries(): LogEntry[];
  messages(): string[];
  close(): Promise<void>;
}

const STREAM = '{site}:log';
const PLACES = '{site}:log-read';

describeWhere(redisMissing(), 'lines of the log between processes', () => {
  let redis: Redis;
  let folder: string;
  let names = 0;

  beforeAll(async () => {
    redis = await startRedis({ keepsData: true });
  });
  beforeEach(async () => {
    await redis.flush();
    folder = temporaryFolder('cluster-logs-');
  });

  /** As a process does it at its start. */
  function join({ host, process = 'api/1', file, level = 'INFO' }: Place): Peer {
    const consoleFile = path.join(mkdtempSync(path.join(folder, 'console-')), 'console');
    const descriptor = openSync(consoleFile, 'a');
    const kept = file === null ? null : path.join(folder, file);
    const options = { level, file: kept, maxBytes: 104_857_600, maxFiles: 5, console: true, fields: { host, process } };
    const logging = createLogging(options, descriptor);
    const { feed, logger, foreignLines } = logging;
    const link = new RedisLink({ url: redis.url, prefix: 'site', onChange: () => undefined });
    const reads = file === null ? null : foreignLines;
    const relay = new LogRelay({ link, feed, logger, host, file: kept, writes: true, reads });
    relay.start();
    const heard: string[] = [];
    feed.subscribe(({ message }) => heard.push(message));
    let closing: Promise<void> | undefined;
    const close = () =>
      (closing ??= (async () => {
        await relay.close();
        link.close();
        await logger.close();
        closeSync(descriptor);
      })());
    onCleanup(close);
    const contents = (name: string) => (existsSync(name) ? readFileSync(name, 'utf8') : '');
    const text = () => contents(kept ?? '');
    const linesOf = () => text().split('\n').slice(0, -1);
    const entries = () => linesOf().map((line) => JSON.parse(line) as LogEntry);
    const messages = () => entries().map(({ message }) => message);
    const seen = { heard, text, entries, messages, console: () => contents(consoleFile) };
    return { ...logging, relay, file: kept ?? '', ...seen, close };
  }

  const worker = (number = 7) => join({ host: 'w', process: `worker/${number}`, file: null });

  /** An API whose place is known, so that it misses nothing from now on. */
  async function reader(file = `api-${(names += 1)}`, more: Partial<Place> = {}): Promise<Peer> {
    const peer = join({ host: 'a', file, ...more });
    const field = `${more.host ?? 'a'}:${peer.file}`;
    await until(async () => (await redis.run('HGET', PLACES, field)) !== null, 'nothing is read');
    return peer;
  }

  /** By the feed, so that waiting costs little; then what the feed showed stands in the file. */
  async function told(peer: Peer, text: string): Promise<void> {
    await until(() => peer.heard.some((message) => message.includes(text)), `"${text}" does not come`, 60);
    await peer.foreignLines.flush();
  }

  const numbered = (count: number, from = 0) => Array.from({ length: count }, (_none, at) => `line ${from + at}`);

  function say(peer: Peer, messages: string[]): void {
    for (const message of messages) peer.logger.info(message);
  }

  it('come once, in order, with host and process, to every other log and its viewers, and not back', async () => {
    const [one, two, source] = [await reader(), await reader(), worker()];
    const heard: LogEntry[] = [];
    two.feed.subscribe((entry) => heard.push(entry));
    source.logger.child({ operation_id: 'op-1' }).info('begins', { token: 'hunter2' });
    source.logger.debug('below the level');
    say(source, numbered(100));
    one.logger.warning('of an API');
    source.logger.error('the end', { error: new Error('no\nand no') });
    for (const peer of [one, two]) await Promise.all([told(peer, 'the end'), told(peer, 'of an API')]);
    // A line that came back, or twice, would come before this one.
    say(one, ['last of one']);
    await told(two, 'last of one');
    say(two, ['last of two']);
    await told(one, 'last of two');

    for (const peer of [one, two]) {
      const ofSource = peer.entries().filter(({ process }) => process === 'worker/7');
      expect(ofSource.map(({ message }) => message)).toEqual(['begins', ...numbered(100), 'the end']);
      expect(ofSource.every(({ host }) => host === 'w')).toBe(true);
      expect(peer.messages()).toHaveLength(105);
      expect(peer.console()).not.toContain('begins');
      expect(peer.console()).not.toContain('line 50');
    }
    expect(heard).toEqual(two.entries());
    expect(two.entries().find(({ message }) => message === 'the end')).toMatchObject({
      error: { message: 'no\nand no' },
    });
    const page = await two.reader.page({ limit: 5, operationId: 'op-1' });
    expect(page.items).toMatchObject([{ message: 'begins', host: 'w', process: 'worker/7', token: '[redacted]' }]);
    const tail = await two.reader.tail(1_000_000);
    expect(tail).toBe(two.text());
    expect(source.console()).not.toContain('of an API');
  });

  it('come also when 20,000 are logged at once, in two places', async () => {
    const [one, two, source] = [await reader(), await reader(), worker()];
    say(source, [...numbered(19_999), 'the end']);
    await Promise.all([told(one, 'the end'), told(two, 'the end')]);
    for (const peer of [one, two]) expect(peer.messages()).toEqual([...numbered(19_999), 'the end']);
    expect(await redis.run('XLEN', STREAM)).toBeLessThan(20_500);
  }, 120_000);

  it('leave out what is below the level of whoever reads', async () => {
    const [quiet, all, source] = [await reader('quiet', { level: 'ERROR' }), await reader(), worker()];
    say(source, ['no news']);
    source.logger.error('news');
    await Promise.all([told(quiet, 'news'), told(all, 'news')]);
    expect(quiet.messages()).toEqual(['news']);
    expect(all.messages()).toEqual(['no news', 'news']);
  });

  it('wait while Redis is away, and come when it is back, with what the stream held', async () => {
    const [one, source] = [await reader(), worker()];
    say(source, ['before']);
    await told(one, 'before');
    await redis.kill9();
    say(source, numbered(1000));
    say(one, ['of itself']);
    await told(one, 'of itself');
    await redis.restart();
    await told(one, 'line 999');
    say(source, ['after']);
    await told(one, 'after');
    expect(one.messages()).toEqual(['before', 'of itself', ...numbered(1000), 'after']);
  });

  it('are dropped when too many wait, which is told everywhere', async () => {
    const [one, source] = [await reader(), worker()];
    await redis.kill9();
    say(source, numbered(21_000));
    await redis.restart();
    await told(one, 'did not reach the other processes');
    const lines = one.messages().filter((message) => message.startsWith('line '));
    expect(lines).toEqual(numbered(20_000));
    const warning = one.entries().find(({ message }) => message.includes('did not reach'));
    expect(warning).toMatchObject({ level: 'WARNING', dropped: 1000, process: 'worker/7' });
    await until(() => source.console().includes('did not reach'), 'the worker itself does not tell');
  }, 120_000);

  it('hold up nothing while Redis is frozen, and come once when it goes on', async () => {
    const [one, source] = [await reader(), worker()];
    say(source, ['before']);
    await told(one, 'before');
    redis.freeze();
    onCleanup(() => redis.thaw());
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    // Over the time after which an answer counts as lost, so that lines are written twice.
    const end = Date.now() + 11_000;
    let count = 0;
    while (Date.now() < end) {
      say(source, numbered(10, count));
      count += 10;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    delay.disable();
    expect(delay.max / 1e6).toBeLessThan(3000);
    redis.thaw();
    say(source, ['after']);
    await told(one, 'after');
    expect(one.messages()).toEqual(['before', ...numbered(count), 'after']);
  }, 120_000);

  it('end in time while Redis is frozen or away', async () => {
    const [one, two, source] = [await reader(), await reader(), worker()];
    redis.freeze();
    onCleanup(() => redis.thaw());
    say(source, ['for nobody']);
    for (const peer of [source, one]) {
      const begun = Date.now();
      await peer.close();
      expect(Date.now() - begun).toBeLessThan(3000);
    }
    redis.thaw();
    await redis.kill9();
    say(two, ['for nobody']);
    const begun = Date.now();
    await two.close();
    expect(Date.now() - begun).toBeLessThan(3000);
    await redis.restart();
  });

  it('are written before a process ends', async () => {
    const [one, source] = [await reader(), worker()];
    say(source, numbered(1000));
    await source.close();
    await told(one, 'line 999');
    expect(one.messages()).toEqual(numbered(1000));
  });

  it('go on after Redis was emptied, also where its clock went back', async () => {
    const [one, source] = [await reader(), worker()];
    say(source, ['before']);
    await told(one, 'before');
    await redis.flush();
    say(source, ['emptied']);
    await told(one, 'emptied');
    await redis.flush();
    const entry = { ...one.entries()[0], message: 'with an early id' };
    const fields = ['source', 'x', 'run', 'x', 'number', '0', 'line', JSON.stringify(entry)];
    await redis.run('XADD', STREAM, '5-1', ...fields);
    await told(one, 'with an early id');
    expect(one.messages()).toEqual(['before', 'emptied', 'with an early id']);
  });

  it('are read on after a restart: what was missed comes, and nothing twice', async () => {
    const source = worker();
    say(source, ['before all']);
    await until(async () => (await redis.run('XLEN', STREAM)) === 1, 'nothing is written');
    const first = await reader('log');
    say(source, ['seen']);
    await told(first, 'seen');
    say(first, ['goes']);
    await first.close();
    say(source, ['missed', 'missed too']);
    await until(async () => (await redis.run('XLEN', STREAM)) === 5, 'nothing is written');
    const second = await reader('log');
    say(second, ['is back']);
    say(source, ['goes on']);
    await told(second, 'goes on');
    const messages = second.messages();
    const inOrder = (text: string) => messages.filter((message) => text.split(',').includes(message));
    expect(messages).toHaveLength(6);
    expect(inOrder('seen,missed,missed too,goes on')).toEqual(['seen', 'missed', 'missed too', 'goes on']);
    expect(inOrder('goes,is back')).toEqual(['goes', 'is back']);
  });

  it('whatever else stands in the stream does no harm, and is told', async () => {
    const [one, source] = [await reader(), worker()];
    say(source, ['before']);
    await told(one, 'before');
    const good = JSON.stringify({ ...one.entries()[0], message: 'good' });
    const escapes = String.fromCharCode(0x1b, 0x5b) + '2J';
    const texts = [
      'no JSON',
      'null',
      good.replace('"INFO"', '"LOUD"'),
      good.replace('"host":"w",', ''),
      JSON.stringify({ ...(JSON.parse(good) as LogEntry), text: 'x'.repeat(1_048_576) }),
      `{"a":${'['.repeat(50_000)}`,
    ];
    const add = (number: number, text: string) =>
      redis.run('XADD', STREAM, '*', 'source', 'x', 'run', 'hostile', 'number', number, 'line', text);
    for (const [number, text] of texts.entries()) await add(number, text);
    await redis.run('XADD', STREAM, '*', 'other', 'fields');
    await redis.run('HSET', PLACES, 'gone:/log', 'nonsense', 'old:/log', '1-1');
    await add(100, good.replace('"good"', `"${escapes}","__proto__":{"polluted":true}`).replace(escapes, '\\u001b[2J'));
    await add(101, `${good.slice(0, -1)},"extra":"\\n{\\"level\\":\\"ERROR\\"}"}\n`);
    await told(one, 'good');
    await told(one, 'Not all log lines');
    expect(/(?!\n)\p{Cc}/u.test(one.text())).toBe(false);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    const messages = one.messages();
    expect(messages.filter((message) => !message.includes('Not all'))).toEqual(['before', escapes, 'good']);
    const next = await reader();
    say(source, ['after']);
    await Promise.all([told(one, 'after'), told(next, 'after')]);
    expect(await redis.run('HKEYS', PLACES)).toEqual(expect.arrayContaining([`a:${one.file}`, `a:${next.file}`]));
    expect(await redis.run('HLEN', PLACES)).toBe(2);
  });

  it('are told to be refused where Redis refuses them, and come when it takes them', async () => {
    const [one, source] = [await reader(), worker()];
    await redis.run('DEL', STREAM);
    await redis.run('SET', STREAM, 'of another type');
    say(source, ['waits']);
    await until(() => source.console().includes('Redis refuses the log lines'), 'the refusal is not told');
    await redis.run('DEL', STREAM);
    await told(one, 'waits');
    expect(source.console().match(/Redis refuses/g)).toHaveLength(1);
  });
});
