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
      dying.start(() => new Promise(() => begun.push('dying')));
      await dying.add([newJob(1)]);
      await until(() => begun.length === 1, 'it does not begin');
      // As a process that was killed: nothing of it says goodbye.
      used.find(({ queue }) => queue === dying)!.link.close();
      living.start(({ id }) => Promise.resolve(void begun.push(id)));
      await until(() => begun.includes(idOf(1)), 'its turn is lost');
      expect((await living.depth()).waiting).toBe(0);
      used.splice(
        used.findIndex(({ queue }) => queue === dying),
        1,
      );
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
