import { createHash } from 'node:crypto';
import { type Redis } from 'ioredis';
import { type RedisLink } from '@app/cluster';
import { type Job } from '../contract/job-queue';
import * as lua from './lua';

/** Jobs of one command. */
const ADD_STEP = 1000;
/** Turns that are given at once. */
const GIVE_STEP = 100;

/** A turn: the right of a job to begin. A job that is handed out twice has two of them. */
export interface Turn {
  /** Of the form `<id of the job>.<number>`. */
  name: string;
  job: Omit<Job, 'notBefore'>;
}

/** What a process offers to do. */
export interface Offer {
  /** 0: it performs nothing now. */
  places: number;
  /** It performs jobs only while no process does that does not hold back. */
  holdsBack: boolean;
}

/** Where a job is in line. */
export type LinePlace =
  { kind: 'later' } | { kind: 'line'; position: number; waiting: number; running: number; capacity: number };

/**
 * The lines of jobs in Redis, one for each user, and who has which turn. Each call is one step that other processes see as
 * a whole or not at all. All throw `queue_unavailable` when Redis does not answer.
 */
export class Lines {
  private readonly prefix: string;
  private readonly hashes = new Map<string, string>();

  constructor(
    private readonly link: RedisLink,
    private readonly limitPerUser: number,
  ) {
    this.prefix = link.key('queue');
  }

  /** Adds jobs; one that waits already stays where it is. */
  async add(jobs: readonly Job[]): Promise<void> {
    for (let at = 0; at < jobs.length; at += ADD_STEP) {
      const now = Date.now();
      const words = jobs.slice(at, at + ADD_STEP).flatMap((job) => {
        // How long is asked for, not until when: clocks of hosts differ.
        const ms = job.notBefore ? Math.max(0, job.notBefore.getTime() - now) : 0;
        return [job.user, memberOf(job), String(ms)];
      });
      await this.run(lua.ADD, words);
    }
  }

  /**
   * Says that turns are `over` (of those that are already, nothing happens), and gives turns as there are places for; some
   * of them, when there are many.
   */
  async give(over: readonly string[]): Promise<Turn[]> {
    const words = await this.run<string[]>(lua.GIVE, [String(this.limitPerUser), String(GIVE_STEP), ...over]);
    const turns: Turn[] = [];
    for (let at = 0; at < words.length; at += 3) {
      const [name, user, member] = words.slice(at, at + 3) as [string, string, string];
      turns.push({ name, job: { user, ...readMember(member) } });
    }
    return turns;
  }

  /** Turns that were given longer ago, the oldest first: with the ids of their jobs and users. */
  async givenBefore(ms: number): Promise<{ name: string; id: string; user: string }[]> {
    const words = await this.run<string[]>(lua.OLD, [String(ms)]);
    const turns = [];
    for (let at = 0; at < words.length; at += 2) {
      turns.push({ name: words[at]!, id: words[at]!.slice(0, 36), user: words[at + 1]! });
    }
    return turns;
  }

  /**
   * Says that a process lives, for `ms`, and what of `leases` (attended turns, rooms) is its own; returns with how many places
   * it is counted: none, where it holds back and another performs jobs that does not.
   */
  beat(process: string, { places, holdsBack }: Offer, ms: number, leases: readonly string[]): Promise<number> {
    return this.run<number>(lua.BEAT, [process, String(places), holdsBack ? '1' : '0', String(ms), ...leases]);
  }

  /** Counts work beside the places, for `ms`; false when its user has as many running as the site allows. */
  async attend(user: string, turn: string, ms: number): Promise<boolean> {
    return (await this.run<number>(lua.ATTEND, [String(this.limitPerUser), user, turn, String(ms)])) === 1;
  }

  /** Attended work is over. Idempotent. */
  async leave(turn: string): Promise<void> {
    await this.run(lua.LEAVE, [turn]);
  }

  /** Takes a job out; false when it does not wait. */
  async withdraw(job: Job): Promise<boolean> {
    return (await this.run<number>(lua.WITHDRAW, [job.user, memberOf(job)])) === 1;
  }

  /** Takes all jobs of a batch out; how many. */
  async withdrawBatch(batch: string, user: string): Promise<number> {
    let taken = 0;
    for (let from = 0; from >= 0;) {
      const words = [user, `/${batch}`, String(from)];
      const [some, next] = await this.run<[number, number]>(lua.WITHDRAW_BATCH, words);
      taken += some;
      from = next;
    }
    return taken;
  }

  /** Where a job waits; null when it does not. */
  async placeOf(job: Job): Promise<LinePlace | null> {
    const numbers = await this.run<number[]>(lua.WAIT_OF, [job.user, memberOf(job)]);
    const [position, waiting, running, capacity] = numbers as [number, number, number, number];
    if (numbers.length === 0) return null;
    return position === -1 ? { kind: 'later' } : { kind: 'line', position, waiting, running, capacity };
  }

  /**
   * Keeps room for jobs of a user that come soon, for `ms`; returns null, or how many wait or have room where that would be
   * beyond the limit (0: there is none).
   */
  async keepRoom(room: string, user: string, jobs: number, limit: number, ms: number): Promise<number | null> {
    const before = await this.run<number>(lua.KEEP_ROOM, [String(limit), user, room, String(jobs), String(ms)]);
    return before < 0 ? null : before;
  }

  /** Gives room back. Idempotent. */
  async leaveRoom(room: string): Promise<void> {
    await this.run(lua.LEAVE_ROOM, [room]);
  }

  /** Jobs that wait, turns that are given, processes that perform jobs. */
  async numbers(): Promise<{ waiting: number; given: number; workers: number }> {
    const [waiting, given, workers] = await this.run<[number, number, number]>(lua.NUMBERS, []);
    return { waiting, given, workers };
  }

  private run<T>(script: string, words: string[]): Promise<T> {
    return this.link.run((redis) => this.evaluate<T>(redis, script, words));
  }

  private async evaluate<T>(redis: Redis, script: string, words: string[]): Promise<T> {
    try {
      return (await redis.evalsha(this.hashOf(script), 1, this.prefix, ...words)) as T;
    } catch (error) {
      // Redis was started anew, and knows no scripts yet.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return (await redis.eval(script, 1, this.prefix, ...words)) as T;
    }
  }

  private hashOf(script: string): string {
    const known = this.hashes.get(script) ?? createHash('sha1').update(script).digest('hex');
    this.hashes.set(script, known);
    return known;
  }
}

/** A job as its line has it: the batch is part of it, so that all of one can be found. */
function memberOf({ id, batch }: Job): string {
  return batch === null ? id : `${id}/${batch}`;
}

function readMember(member: string): { id: string; batch: string | null } {
  return { id: member.slice(0, 36), batch: member.length > 37 ? member.slice(37) : null };
}
