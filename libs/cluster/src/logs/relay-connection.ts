import { setTimeout as pause } from 'node:timers/promises';
import { type Redis } from 'ioredis';
import { type RedisLink } from '../redis/redis-link';

/** Milliseconds after which a question counts as unanswered; reading waits for less on its own. */
const ANSWER_MS = 10_000;
const LOOK_MS = 50;
/** Milliseconds until a connection is cut whose other side does not end it. */
const CUT_MS = 100;

/** A connection of the relay, which comes back by itself. One question at a time. */
export class RelayConnection {
  private readonly redis: Redis;
  private isClosed = false;

  constructor(link: Pick<RedisLink, 'open'>) {
    // Whatever waits for an answer when the connection breaks fails, and nothing piles up meanwhile.
    this.redis = link.open({ enableOfflineQueue: false, maxRetriesPerRequest: 0, disconnectTimeout: CUT_MS });
  }

  /** Asks as soon as Redis is there. Throws when that takes too long, or the answer does: what was asked may be done yet. */
  async ask<T>(question: (redis: Redis) => Promise<T>): Promise<T> {
    const deadline = Date.now() + ANSWER_MS;
    // Looked at rather than listened for: nothing is left behind by a question that waits in vain.
    while (this.redis.status !== 'ready') {
      if (this.isClosed) throw new Error('The relay of log lines is closed');
      if (Date.now() > deadline) throw this.late();
      await pause(LOOK_MS, undefined, { ref: false });
    }
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(this.late()), ANSWER_MS).unref();
    });
    try {
      return await Promise.race([question(this.redis), patience]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends at once; a question that waits fails. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    if (this.redis.status !== 'end') this.redis.disconnect();
  }

  /** The other side may be gone without a word: a new connection will tell. */
  private late(): Error {
    const { status } = this.redis;
    if (status === 'ready' || status === 'connect') this.redis.disconnect(true);
    return new Error('Redis did not answer in time');
  }
}

/** The answers of a transaction; throws what one of its commands failed with. */
export function answersOf(outcome: [error: Error | null, answer: unknown][] | null): unknown[] {
  if (!outcome) throw new Error('Redis did not run the transaction');
  return outcome.map(([error, answer]) => {
    if (error) throw error;
    return answer;
  });
}

/** True when Redis refused what was asked (full, no permission, another type); false when it is merely away. */
export function isRefusal(error: unknown): boolean {
  return (error as { name?: unknown } | null)?.name === 'ReplyError';
}
