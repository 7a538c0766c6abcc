import { type JobQueue } from '@app/queue';
import { describeJobQueue } from '@app/queue/testing';
import { describeWhere } from '../support/describe-where';
import { type Redis, redisMissing, startRedis } from '../support/redis';
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
});
