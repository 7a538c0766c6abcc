import { type Job, type JobQueue } from '@app/queue';
import { describeJobQueue, idOf, newJob, REASON } from '@app/queue/testing';
import { describeWhere } from '../support/describe-where';
import { type Redis, redisMissing, startRedis } from '../support/redis';
import { until } from '../support/until';
import { openQueue, settled, type TestQueue } from '../support/shared-queues';

describeWhere(redisMissing(), 'a queue over a real Redis', () => {
  let redis: Redis;
  const open = new Map<JobQueue, TestQueue>();
  let prefixes = 0;

  beforeAll(async () => {
    redis = await startRedis();
  });

  describeJobQueue('SharedQueue', {
    shared: true,
    async open(options) {
      prefixes += 1;
      const one = await openQueue(redis.url, `suite-${prefixes}`, options);
      open.set(one.queue, one);
      return one.queue;
    },
    settle: (queue) => settled(open.get(queue)!),
    close(queue) {
      open.get(queue)!.link.close();
      return Promise.resolve();
    },
    many: { jobs: 3000, runs: 20 },
  });

  describe('several processes', () => {
    const used: TestQueue[] = [];
    const another = async (prefix: string, options: Parameters<typeof openQueue>[2] = {}) => {
      const one = await openQueue(redis.url, prefix, options);
      used.push(one);
      return one.queue;
    };
    afterEach(async () => {
      for (const { queue, link } of used.splice(0)) {
        await queue.stop(0, () => REASON);
        link.close();
      }
    });

    it('share the places of all, and the limit of a user', async () => {
      const begun: string[] = [];
      const ends: (() => void)[] = [];
      const perform = ({ id }: Job, signal: AbortSignal) => {
        begun.push(id);
        return untilToldOr(signal, ends);
      };
      const adds = await another('places', { concurrency: 0, maxRunningPerUser: 3 });
      for (let count = 0; count < 2; count += 1) {
        (await another('places', { concurrency: 2, maxRunningPerUser: 3 })).start(perform);
      }
      await adds.add(Array.from({ length: 10 }, (_none, index) => newJob(index)));
      await adds.add([newJob(100, { user: 'john' })]);
      await until(() => begun.length === 4, 'not all places are used');
      expect(begun).toContain(idOf(100));
      expect(await adds.depth()).toEqual({ waiting: 7, running: 0 });
      expect(await adds.health()).toEqual({ up: true, workers: 2, problem: null });
      for (const end of ends.splice(0)) end();
      await until(() => begun.length === 7, 'the next do not begin');
      for (const end of ends.splice(0)) end();
    });

    it('hold back from what another can do better, and do it when there is no other', async () => {
      const begun: string[] = [];
      const starting = async (name: string) => {
        const queue = await another('back', { concurrency: 2 });
        return { queue, start: () => queue.start(({ id }) => Promise.resolve(void begun.push(`${name} ${id}`))) };
      };
      const [whole, poor, poorer] = [await starting('whole'), await starting('poor'), await starting('poor')];
      poor.queue.holdBack('a storage is away');
      poorer.queue.holdBack('two storages are away');
      for (const { start } of [whole, poor, poorer]) start();
      const workers = (count: number) =>
        until(async () => (await whole.queue.health()).workers === count, `not ${count} processes work`);
      await workers(1);
      const jobs = (from: number) => Array.from({ length: 20 }, (_none, index) => newJob(from + index));
      const doneBy = async (from: number, name: string) => {
        await whole.queue.add(jobs(from));
        await until(() => jobs(from).every(({ id }) => begun.some((one) => one.endsWith(id))), 'they do not begin');
        expect(begun.filter((one) => !one.startsWith(name))).toEqual([]);
        begun.length = 0;
      };
      await doneBy(0, 'whole');
      expect((await poor.queue.health()).problem).toBe('This process takes no work: a storage is away');
      whole.queue.pause('all storages are away');
      await workers(2);
      await doneBy(100, 'poor');
      expect((await poor.queue.health()).problem).toMatch(/takes work only since .*: a storage is away$/);
      whole.queue.resume();
      await workers(1);
      await doneBy(200, 'whole');
    });

    it('keep room within one limit, also that of a process that dies for a while only', async () => {
      const [one, other] = [await another('rooms', { concurrency: 0 }), await another('rooms', { concurrency: 0 })];
      expect(await one.keepRoom('jane', 2, 6)).toMatchObject({ kept: true });
      const asked = Array.from({ length: 20 }, (_none, index) =>
        (index % 2 === 0 ? one : other).keepRoom('jane', 1, 6),
      );
      expect((await Promise.all(asked)).filter(({ kept }) => kept)).toHaveLength(4);
      // As a process that was killed: nobody says any more that its rooms are kept.
      used.find(({ queue }) => queue === one)!.link.close();
      await until(async () => (await other.keepRoom('jane', 2, 6)).kept, 'its rooms are kept for ever');
    }, 60_000);

    it('fill the queue when it was emptied: one of them, again when that fails, and compare now and then', async () => {
      const fills: string[] = [];
      for (const name of ['a', 'b']) {
        (await another('emptied', { concurrency: 0, compareMs: 500 })).onLoss(() => {
          fills.push(name);
          return fills.length === 1 ? Promise.reject(new Error('the database is away')) : Promise.resolve();
        });
      }
      await until(() => fills.length === 2, 'it is not filled again after a failure');
      await redis.flush();
      await until(() => fills.length >= 4, 'it is not compared, or not filled when it is empty');
    });

    it('hand the turns of one that dies to another', async () => {
      const [dying, living] = [await another('dying', { leaseMs: 1000 }), await another('dying', { leaseMs: 1000 })];
      const begun: string[] = [];
      const ends: (() => void)[] = [];
      dying.start((_job, signal) => {
        begun.push('dying');
        return untilToldOr(signal, ends);
      });
      await dying.add([newJob(1)]);
      await until(() => begun.length === 1, 'it does not begin');
      // As a process that was killed: nothing of it says goodbye.
      used.find(({ queue }) => queue === dying)!.link.close();
      living.start(({ id }) => Promise.resolve(void begun.push(id)));
      await until(() => begun.includes(idOf(1)), 'its turn is lost');
      expect((await living.depth()).waiting).toBe(0);
    });

    it('find turns that were given and never handed over', async () => {
      const giver = await another('stray', { concurrency: 0 });
      const { link } = used.at(-1)!;
      await giver.add([newJob(1)]);
      // Given by one that died before it could hand it over, a while ago.
      const key = (name: string) => link.key('queue', name);
      await link.commands.zrem(key('line:jane'), idOf(1));
      await link.commands.zrem(key('users'), 'jane');
      await link.commands.hset(key('given'), `${idOf(1)}.7`, 'jane');
      await link.commands.zadd(key('given-at'), Date.now() - 60_000, `${idOf(1)}.7`);
      await link.commands.hset(key('running'), 'jane', 1);
      const begun: string[] = [];
      (await another('stray', { concurrency: 2 })).start(({ id }) => Promise.resolve(void begun.push(id)));
      await until(() => begun.length === 1, 'it is not found');
      await until(async () => (await link.commands.hlen(key('given'))) === 0, 'its turn does not end');
      expect(await link.commands.hlen(key('running'))).toBe(0);
    });

    it('go on when Redis was killed and is back, and say meanwhile that it is away', async () => {
      const own = await startRedis({ keepsData: true });
      const one = await openQueue(own.url, 'killed', { concurrency: 1 });
      used.push(one);
      const begun: string[] = [];
      const ends: (() => void)[] = [];
      one.queue.start(({ id }, signal) => {
        begun.push(id);
        return untilToldOr(signal, ends);
      });
      await one.queue.add([newJob(1), newJob(2)]);
      await until(() => begun.length === 1, 'nothing begins');
      await own.kill9();
      await expect(one.queue.add([newJob(3)])).rejects.toMatchObject({ code: 'queue_unavailable', retryable: true });
      await expect(one.queue.depth()).rejects.toMatchObject({ code: 'queue_unavailable' });
      expect(await one.queue.waitOf(newJob(2))).toBeNull();
      expect(await one.queue.health()).toMatchObject({ up: false, workers: null, problem: expect.any(String) });
      // What needs its caller needs no queue.
      (await one.queue.attend(newJob(4)))!.giveBack();
      ends.splice(0).forEach((end) => end());
      await own.restart();
      await until(() => begun.length === 2, 'it does not go on');
      expect(begun).toEqual([idOf(1), idOf(2)]);
      ends.splice(0).forEach((end) => end());
    }, 60_000);
  });
});

/** Work that ends when the test says so, by what it adds to `ends`, or when it is asked to. */
function untilToldOr(signal: AbortSignal, ends: (() => void)[]): Promise<void> {
  return new Promise<void>((resolve) => {
    ends.push(resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
