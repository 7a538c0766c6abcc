import { describeJobQueue } from '../testing';
import { idOf, newJob } from '../testing/queue-scene';
import { IdLine } from './id-line';
import { LocalQueue } from './local-queue';

/** Lets the queue do what it can do now. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

describeJobQueue('LocalQueue', { open: (options) => Promise.resolve(new LocalQueue(options)), settle });

describe('IdLine', () => {
  it('gives back what came, in order, with its batch', () => {
    const line = new IdLine();
    const came = Array.from({ length: 3000 }, (_none, index) => ({
      id: idOf(index),
      batch: index < 1500 ? null : 'b',
    }));
    for (const { id, batch } of came) line.push(id, batch);
    expect(line.indexOf(idOf(2000))).toBe(2000);
    expect(line.remove(idOf(1000))).toBe(true);
    expect(line.indexOf(idOf(2000))).toBe(1999);
    const given = [];
    for (let one = line.shift(); one; one = line.shift()) given.push(one);
    expect(given).toEqual(came.filter(({ id }) => id !== idOf(1000)));
    expect(line.length).toBe(0);
  });

  it('does not take bytes of two ids for one', () => {
    const line = new IdLine();
    line.push('00000000-0000-7000-8000-0000000000aa', null);
    line.push('aa000000-0000-7000-8000-000000000000', null);
    expect(line.indexOf('aa000000-0000-7000-8000-000000000000')).toBe(1);
    expect(line.remove('0000aa00-0000-0070-0080-000000000000')).toBe(false);
  });
});

it('costs a few bytes for each waiting job, and still knows where it waits', async () => {
  const queue = new LocalQueue({ concurrency: 1, maxRunningPerUser: 0 });
  const before = process.memoryUsage().arrayBuffers;
  for (let at = 0; at < 100_000; at += 500) {
    await queue.add(Array.from({ length: 500 }, (_none, index) => newJob(at + index, { batch: 'b' })));
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2_000_000);
  expect(await queue.waitOf(newJob(99_999))).toMatchObject({ position: 100_000, waiting: 100_000 });
});

it('takes a great many jobs that wait for their time', async () => {
  const queue = new LocalQueue({ concurrency: 1, maxRunningPerUser: 0 });
  const begun: string[] = [];
  queue.start(({ id }) => Promise.resolve(void begun.push(id)));
  const later = Date.now() + 3_600_000;
  for (let number = 0; number < 50_000; number += 1) {
    await queue.add([newJob(number, { notBefore: new Date(later + number), user: `user-${number % 7}` })]);
  }
  await queue.add([newJob(50_000, { notBefore: new Date(Date.now() + 5) })]);
  while (begun.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const { waiting } = await queue.depth();
  expect([begun, waiting]).toEqual([[idOf(50_000)], 50_000]);
  expect(await queue.keepRoom('user-0', 1, 1)).toEqual({ kept: false, waiting: 7143 });
  await queue.stop(0, () => new Error('over'));
});
