import { EventEmitter } from 'node:events';
import { type Response } from 'express';
import { SilentBus } from '@app/cluster';
import { AppError, loadSettings } from '@app/core';
import { newOperationId, StagingRecord } from '@app/records';
import { type LiveFacts, type LiveOperations, OperationEvents, OperationWatch } from '@app/staging';
import { type OperationFinder } from './operation-finder';
import { OperationStreams } from './operation-streams';
import { OperationViews } from './operation-views';

/** A client that takes what it is sent, or, when full, nothing more. */
class Client extends EventEmitter {
  text = '';
  isFull = false;
  isOver = false;
  closed = false;
  setHeader = () => this;
  status = () => this;

  write(text: string): boolean {
    this.text += text;
    return !this.isFull;
  }

  /** Full, it does not take the end either. */
  end(text = ''): void {
    this.text += text;
    if (this.isFull) return;
    this.isOver = true;
    this.emit('close');
  }

  destroy(): void {
    this.isOver = true;
    this.emit('close');
  }

  get events(): string[] {
    return [...this.text.matchAll(/^event: (\w+)$/gm)].map((match) => match[1]!);
  }
}

const facts: LiveFacts = {
  filesTotal: null,
  filesDone: null,
  bytesTotal: null,
  bytesDone: 0,
  bytesPerSecond: null,
  etaSeconds: null,
  currentPath: null,
  waitReason: null,
};

let record: StagingRecord;
let live: LiveFacts;
let find: jest.Mock<Promise<StagingRecord>, [string]>;
let events: OperationEvents;
let watch: OperationWatch;
let streams: OperationStreams;
let client: Client;
/** When the reader's token ends. */
let expiresAt: Date | null;

beforeEach(() => {
  jest.useFakeTimers();
  const now = new Date();
  record = Object.assign(new StagingRecord(), { id: newOperationId(), status: 'running', createdAt: now, attempts: 1 });
  live = { ...facts };
  find = jest.fn((_id: string) => Promise.resolve(record));
  events = new OperationEvents();
  const views = new OperationViews({
    factsNow: () => live,
    waitReasonOf: () => Promise.resolve(null),
  } as unknown as LiveOperations);
  watch = new OperationWatch(events, new SilentBus());
  const settings = loadSettings({ MAX_EVENT_STREAMS_PER_USER: '2' });
  streams = new OperationStreams({ findAgain: find } as unknown as OperationFinder, views, watch, settings);
  client = new Client();
  expiresAt = null;
});
afterEach(() => jest.useRealTimers());

const recordAs = (values: Partial<StagingRecord>) => Object.assign(new StagingRecord(), record, values);
const begin = async () => {
  streams.begin(record, client as unknown as Response, { expiresAt, reader: 'jane' });
  await jest.advanceTimersByTimeAsync(1);
};
const end = async () => {
  record = Object.assign(new StagingRecord(), record, { status: 'success', finishedAt: new Date() });
  events.ended({ record, seconds: 1, failure: null });
  await jest.advanceTimersByTimeAsync(1);
};

describe('a stream of events', () => {
  it('tells the state at once, what is news four times a second and more, and the end', async () => {
    await begin();
    expect(client.events).toEqual(['progress']);
    for (let bytes = 1; bytes <= 5; bytes += 1) {
      live = { ...live, bytesDone: bytes };
      await jest.advanceTimersByTimeAsync(200);
    }
    expect(client.events).toHaveLength(6);
    await jest.advanceTimersByTimeAsync(2000);
    expect(client.events).toHaveLength(6);
    await end();
    expect(client.events.at(-1)).toBe('end');
    expect([client.isOver, streams.count]).toEqual([true, 0]);
  });

  it('sends a line that means nothing when nothing happens', async () => {
    await begin();
    await jest.advanceTimersByTimeAsync(16_000);
    expect(client.text).toMatch(/\n:\n\n$/);
  });

  it('leaves events out for a client that does not read, but not the end', async () => {
    client.isFull = true;
    await begin();
    live = { ...live, bytesDone: 7 };
    await jest.advanceTimersByTimeAsync(1000);
    expect(client.events).toEqual([]);
    client.isFull = false;
    client.emit('drain');
    await jest.advanceTimersByTimeAsync(200);
    expect(client.events).toEqual(['progress']);
    client.isFull = true;
    live = { ...live, bytesDone: 8 };
    await jest.advanceTimersByTimeAsync(200);
    live = { ...live, bytesDone: 9 };
    await jest.advanceTimersByTimeAsync(1000);
    await end();
    expect(client.events).toEqual(['progress', 'progress', 'end']);
  });

  it('cuts a client that takes nothing for a minute', async () => {
    client.isFull = true;
    await begin();
    await jest.advanceTimersByTimeAsync(80_000);
    expect([client.isOver, streams.count]).toEqual([true, 0]);
  });

  it('cuts a client that does not take the end', async () => {
    await begin();
    client.isFull = true;
    await end();
    expect(client.isOver).toBe(false);
    await jest.advanceTimersByTimeAsync(80_000);
    expect([client.isOver, streams.count, jest.getTimerCount()]).toEqual([true, 0, 0]);
    expect(client.text).toMatch(/event: end\n.*\n.*\n\n$/);
  });

  it('does not begin for a client that hung up before', async () => {
    client.closed = true;
    await begin();
    expect([client.text, streams.count, jest.getTimerCount()]).toEqual(['', 0, 0]);
  });

  it('keeps nothing of a client that hung up', async () => {
    const ends = jest.spyOn(watch, 'untilEnded');
    await begin();
    client.destroy();
    expect([streams.count, jest.getTimerCount()]).toEqual([0, 0]);
    // Nobody waits for the end, and nobody listens.
    await expect(ends.mock.results[0]!.value).resolves.toBeNull();
    const looks = find.mock.calls.length;
    watch.changed(record.id);
    expect(find).toHaveBeenCalledTimes(looks);
    await end();
    expect(client.events).toEqual(['progress']);
  });

  it('goes on while the database is away', async () => {
    await begin();
    find.mockRejectedValue(new AppError('database_unavailable', 'Away.'));
    live = { ...live, bytesDone: 3 };
    await jest.advanceTimersByTimeAsync(10_000);
    expect(client.text).toContain('"bytes_done":3');
    await end();
    expect(client.events.at(-1)).toBe('end');
    expect(client.text).toMatch(/"status":"success".*\n\n$/);
  });

  it('tells of an end what is recorded of it', async () => {
    await begin();
    const told = record;
    record = recordAs({ status: 'failure', finishedAt: new Date() });
    events.ended({ record: Object.assign(told, { status: 'success' }), seconds: 1, failure: null });
    await jest.advanceTimersByTimeAsync(1);
    expect(client.text).toMatch(/"status":"failure".*\n\n$/);
  });

  it('does not go back by a record that is behind, or was asked for earlier', async () => {
    live = { ...live, bytesDone: 9 };
    await begin();
    // Work ends: for a moment only the record tells how far it is.
    live = { ...live, bytesDone: 5 };
    await jest.advanceTimersByTimeAsync(1000);
    expect(client.text).not.toContain('"bytes_done":5');
    const answers: ((record: StagingRecord) => void)[] = [];
    find.mockImplementation(() => new Promise((resolve) => answers.push(resolve)));
    watch.changed(record.id);
    watch.changed(record.id);
    answers[1]!(recordAs({ attempts: 2, status: 'queued' }));
    await jest.advanceTimersByTimeAsync(1);
    answers[0]!(recordAs({ attempts: 1, status: 'running' }));
    await jest.advanceTimersByTimeAsync(1000);
    expect(client.text.match(/"status":"\w+"/g)).toEqual(['"status":"running"', '"status":"queued"']);
  });

  it('sees an end that another process wrote', async () => {
    await begin();
    record = Object.assign(new StagingRecord(), record, { status: 'failure', finishedAt: new Date() });
    await jest.advanceTimersByTimeAsync(6000);
    expect(client.events.at(-1)).toBe('end');
  });

  it('ends with the service', async () => {
    await begin();
    streams.onModuleDestroy();
    expect([client.isOver, client.events, jest.getTimerCount()]).toEqual([true, ['progress'], 0]);
  });

  it('is one of so many that a reader may have open', async () => {
    const open = (reader: string) => {
      const another = new Client();
      streams.begin(record, another as unknown as Response, { expiresAt, reader });
      return another;
    };
    const [first] = [open('jane'), open('jane')];
    expect(() => open('jane')).toThrow(expect.objectContaining({ code: 'quota_exceeded' }) as Error);
    open('john');
    first.emit('close');
    open('jane');
    expect(streams.count).toBe(3);
    streams.onModuleDestroy();
    await jest.advanceTimersByTimeAsync(1);
  });

  it('ends with what its reader signed in with', async () => {
    expiresAt = new Date(Date.now() + 60_000);
    await begin();
    await jest.advanceTimersByTimeAsync(59_000);
    expect(client.isOver).toBe(false);
    await jest.advanceTimersByTimeAsync(2000);
    expect([client.isOver, client.events, streams.count, jest.getTimerCount()]).toEqual([true, ['progress'], 0, 0]);
  });

  it('tells those who come while the service stops how it is, and lets them go', async () => {
    streams.onModuleDestroy();
    await begin();
    expect([client.isOver, client.events, streams.count]).toEqual([true, ['progress'], 0]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
