import { type LogEntry, LogFeed, type LogPage, type LogReader } from '@app/logging';
import { LogClient, MAX_WAITING, MAX_WAITING_BYTES } from './log-client';
import { bytesOf, MAX_MEANWHILE, MAX_MEANWHILE_BYTES } from './meanwhile';

const entry = (number: number, level = 'INFO') =>
  ({ time: '2026-02-01T12:00:00.000Z', level, message: `line ${number}` }) as LogEntry;
const entries = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_none, at) => entry(from + at));

const longEntry = (number: number) => ({ ...entry(number), text: 'ä'.repeat(30_000) }) as LogEntry;

/** A client, and a log whose reads end when the spec says so. */
class Scene {
  readonly feed = new LogFeed();
  readonly sent: unknown[] = [];
  waiting = 0;
  isTaking = true;
  readonly reads: { end: (before: LogEntry[]) => void; fail: (error: Error) => void; signal: AbortSignal }[] = [];
  readonly client: LogClient;

  constructor() {
    const page = (_query: unknown, signal: AbortSignal) =>
      new Promise<LogPage>((resolve, reject) => {
        // Newest first, as the reader has it.
        const end = (before: LogEntry[]) => resolve({ items: before.toReversed(), nextCursor: null });
        signal.addEventListener('abort', () => reject(signal.reason as Error));
        this.reads.push({ end, fail: reject, signal });
      });
    const reader = { page } as unknown as LogReader;
    this.client = new LogClient(this.feed, reader, this);
  }

  send(_event: string, told: unknown): void {
    this.sent.push(told);
    if (!this.isTaking) this.waiting += 1;
  }

  take(): void {
    this.waiting = 0;
    this.client.caughtUp();
  }

  happen(...lines: LogEntry[]): void {
    for (const line of lines) this.feed.publish(JSON.stringify(line));
  }

  /** Subscribes, as far as the read; what is delivered joins what is sent. */
  async subscribe(
    wanted: { backlog?: number; level?: 'WARNING'; q?: string } = {},
  ): Promise<{ outcome: Promise<boolean> }> {
    const outcome = this.client.subscribe({ backlog: 10, ...wanted }, (before) => void this.sent.push(...before));
    outcome.catch(() => undefined);
    await settle();
    return { outcome };
  }
}

const settle = () => new Promise(setImmediate);

it.each([
  ['before all that happened meanwhile', entries(1, 3), entries(4, 6)],
  ['among what happened meanwhile', entries(1, 5), entries(4, 8)],
  ['after it', entries(1, 6), entries(4, 6)],
  ['and began among it, since few were wanted', entries(6, 7), entries(4, 9)],
  ['with nothing', [], entries(4, 6)],
])('reading ends %s: each line comes once, in order', async (_where, before, meanwhile) => {
  const scene = new Scene();
  const { outcome } = await scene.subscribe();
  scene.happen(...meanwhile);
  scene.reads[0]!.end(before);
  expect(await outcome).toBe(true);
  scene.happen(entry(100));
  const first = before[0] ?? meanwhile[0]!;
  const numbers = scene.sent.map((line) => Number((line as LogEntry).message.slice(5)));
  const last = Math.max(...[...before, ...meanwhile].map(({ message }) => Number(message.slice(5))));
  const from = Number(first.message.slice(5));
  expect(numbers).toEqual([...Array.from({ length: last - from + 1 }, (_none, at) => from + at), 100]);
});

it('without lines of before nothing is read, and the same turn begins it', async () => {
  const scene = new Scene();
  const { outcome } = await scene.subscribe({ backlog: 0 });
  expect(await outcome).toBe(true);
  scene.happen(entry(1));
  expect([scene.reads.length, scene.sent]).toEqual([0, [entry(1)]]);
});

it('only what is wanted comes', async () => {
  const scene = new Scene();
  await scene.subscribe({ level: 'WARNING', q: 'line 2' });
  scene.happen(entry(2), entry(3, 'ERROR'), entry(21, 'WARNING'));
  scene.reads[0]!.end([]);
  await settle();
  scene.happen(entry(4, 'ERROR'), entry(22), entry(23, 'ERROR'));
  expect(scene.sent).toEqual([entry(21, 'WARNING'), entry(23, 'ERROR')]);
});

it('for one who takes nothing a bounded number of lines waits, and the others are counted', async () => {
  const scene = new Scene();
  await scene.subscribe({ backlog: 0 });
  scene.isTaking = false;
  scene.happen(...entries(1, MAX_WAITING + 500));
  expect(scene.waiting).toBe(MAX_WAITING);
  scene.isTaking = true;
  scene.take();
  scene.take();
  scene.happen(entry(1000));
  expect(scene.sent).toEqual([...entries(1, MAX_WAITING), { count: 500 }, entry(1000)]);
});

it('so are the bytes of what waits, each time anew', async () => {
  const scene = new Scene();
  await scene.subscribe({ backlog: 0 });
  const fitting = Math.ceil(MAX_WAITING_BYTES / bytesOf(longEntry(0)));
  expect(fitting).toBeLessThan(MAX_WAITING / 2);
  for (let round = 1; round <= 2; round += 1) {
    scene.isTaking = false;
    scene.happen(...Array.from({ length: fitting + 7 }, () => longEntry(round)));
    expect(scene.sent.splice(0)).toEqual(Array.from({ length: fitting }, () => longEntry(round)));
    scene.isTaking = true;
    scene.take();
    expect(scene.sent.splice(0)).toEqual([{ count: 7 }]);
  }
});

it('what happens while a long log is read is bounded too, and what is missing is told', async () => {
  const scene = new Scene();
  const { outcome } = await scene.subscribe();
  const total = 2 * MAX_MEANWHILE + 10;
  scene.happen(...entries(1, total));
  scene.reads[0]!.end([]);
  await outcome;
  const kept = scene.sent.length;
  expect(kept).toBeLessThanOrEqual(MAX_MEANWHILE);
  scene.happen(entry(total + 1));
  expect(scene.sent.slice(kept)).toEqual([{ count: total - kept }, entry(total + 1)]);
});

it('so are the bytes of what happens meanwhile', async () => {
  const scene = new Scene();
  const { outcome } = await scene.subscribe();
  const total = 300;
  expect(total * bytesOf(longEntry(1))).toBeGreaterThan(2 * MAX_MEANWHILE_BYTES);
  scene.happen(...Array.from({ length: total }, (_none, at) => longEntry(at)));
  scene.reads[0]!.end([]);
  await outcome;
  const kept = scene.sent.length;
  expect(kept).toBeGreaterThan(0);
  expect(kept * bytesOf(longEntry(1))).toBeLessThanOrEqual(MAX_MEANWHILE_BYTES);
  expect(scene.sent.at(-1)).toEqual(longEntry(total - 1));
  scene.happen(entry(total));
  expect(scene.sent.slice(kept)).toEqual([{ count: total - kept }, entry(total)]);
});

it('nothing is missing where reading found what was let go', async () => {
  const scene = new Scene();
  const { outcome } = await scene.subscribe();
  const total = MAX_MEANWHILE + 10;
  scene.happen(...entries(1, total));
  scene.reads[0]!.end(entries(1, total - 5));
  await outcome;
  scene.happen(entry(total + 1));
  expect(scene.sent).toEqual(entries(1, total + 1));
});

it('another subscription takes the place of one that is read: one at a time', async () => {
  const scene = new Scene();
  const { outcome: first } = await scene.subscribe();
  const { outcome: second } = await scene.subscribe();
  const { outcome: third } = await scene.subscribe({ q: 'line 2' });
  expect(await Promise.all([first, second])).toEqual([false, false]);
  expect(scene.reads.map(({ signal }) => signal.aborted)).toEqual([...scene.reads.slice(1).map(() => true), false]);
  scene.reads.at(-1)!.end([entry(2)]);
  expect(await third).toBe(true);
  scene.happen(entry(3), entry(20));
  expect(scene.sent).toEqual([entry(2), entry(20)]);
});

it('who asks again gets an answer when they have taken the one before', async () => {
  const scene = new Scene();
  await scene.subscribe({ backlog: 0 });
  scene.isTaking = false;
  scene.happen(...entries(1, MAX_WAITING + 1));
  const { outcome } = await scene.subscribe();
  expect(scene.reads).toHaveLength(0);
  scene.take();
  await settle();
  scene.reads[0]!.end([entry(5)]);
  expect(await outcome).toBe(true);
  // What was left out of other lines is no matter of these.
  expect(scene.sent.slice(MAX_WAITING)).toEqual([entry(5)]);
});

it('who goes while it is read, or waited for, leaves nothing behind', async () => {
  const reading = new Scene();
  const waiting = new Scene();
  waiting.waiting = 1;
  for (const scene of [reading, waiting]) {
    const { outcome } = await scene.subscribe();
    scene.client.close();
    expect(await outcome).toBe(false);
    scene.happen(entry(1));
    expect(scene.sent).toEqual([]);
  }
});

it('a log that cannot be read is told, and the next subscription works', async () => {
  const scene = new Scene();
  const { outcome: failing } = await scene.subscribe();
  scene.reads[0]!.fail(new Error('EIO'));
  await expect(failing).rejects.toThrow('EIO');
  scene.happen(entry(1));
  await scene.subscribe({ backlog: 0 });
  scene.happen(entry(2));
  expect(scene.sent).toEqual([entry(2)]);
});
