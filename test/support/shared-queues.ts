import { setTimeout as delay } from 'node:timers/promises';
import { RedisLink } from '@app/cluster';
import { createLogging } from '@app/logging';
import { SharedQueue, type SharedQueueOptions } from '@app/queue';
import { onCleanup } from './cleanups';
import { temporaryFolder } from './temporary-folder';

/** A queue of one process under test, with its connections. */
export interface TestQueue {
  queue: SharedQueue;
  link: RedisLink;
  options: SharedQueueOptions;
}

let made = 0;

/** Opens a queue as a process of its own would; with the `prefix` of another they share what waits. */
export async function openQueue(
  url: string,
  prefix: string,
  options: Partial<SharedQueueOptions> = {},
): Promise<TestQueue> {
  made += 1;
  const all = { name: `process-${made}`, concurrency: 1, maxRunningPerUser: 0, leaseMs: 30_000, ...options };
  const log = { level: 'DEBUG', file: `${temporaryFolder('staging-queue-')}/log`, maxBytes: 1e7, maxFiles: 1 } as const;
  const { logger } = createLogging({ ...log, console: false });
  onCleanup(() => logger.close());
  const link = new RedisLink({ url, prefix, onChange: () => undefined });
  await link.ready(5000);
  return { queue: new SharedQueue(link, all, logger), link, options: all };
}

/** Whether a turn is due, or under way between the processes: nothing that this can see is still to happen by itself. */
async function isQuiet({ queue, link, options }: TestQueue): Promise<boolean> {
  const redis = link.commands;
  const key = (name: string) => link.key('queue', name);
  const [given, attended, places, users, running] = await Promise.all([
    redis.hlen(key('given')),
    redis.hlen(key('attended')),
    redis.hvals(key('places')),
    redis.zrange(key('users'), 0, -1),
    redis.hgetall(key('running')),
  ]);
  const { length } = queue.runningHere;
  if (given + attended !== length) return false;
  const capacity = places.reduce((sum, one) => sum + Number(one), 0);
  const limit = options.maxRunningPerUser;
  const couldBegin = users.some((user) => limit === 0 || Number(running[user] ?? 0) < limit);
  return capacity <= given || !couldBegin;
}

/** Resolves when the queue of the one process that performs jobs has done all that it can do now. */
export async function settled(one: TestQueue): Promise<void> {
  for (let quiet = 0; quiet < 2; quiet += 1) {
    while (!(await isQuiet(one))) {
      quiet = 0;
      await delay(1);
    }
  }
}
