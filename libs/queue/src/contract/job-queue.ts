/** Work that waits for its turn: one operation, by its id. All else about it is in its record. */
export interface Job {
  /** Id of the operation (UUIDv7). */
  id: string;
  /** On whose behalf: turns go round by user. */
  user: string;
  /** The batch that it came with, so that all of a batch can be withdrawn at once; null: none. */
  batch: string | null;
  /** Not to be handed out earlier (a retry that waits a while); null: as soon as it is its turn. */
  notBefore: Date | null;
}

/** A place to work in: its signal ends the work. */
export interface Place {
  /**
   * Does the work in the place and gives it back, whatever comes of it; once only. The signal fires when the job is
   * asked to end, with the reason that was given there. Resolves and rejects as `work` does.
   */
  run<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Gives the place back unused. */
  giveBack(): void;
}

/** Room in a user's line. */
export interface Room {
  kept: true;
  /** The jobs are in the line, or will never be. */
  leave(): void;
}

/** There is no room in a user's line: so many jobs wait already, or have room. */
export interface NoRoom {
  kept: false;
  waiting: number;
}

/** Does one job. It never rejects: what becomes of the operation is written in its record. */
export type Perform = (job: Job, signal: AbortSignal) => Promise<void>;

/** Why a job waits. */
export type Wait =
  /** Others are before it: it is number `position` (from 1) of `waiting` jobs, as far as turns can be foretold. */
  | { kind: 'turn'; position: number; waiting: number }
  /** Its user has as many running as the site allows (`limit`). */
  | { kind: 'limit'; limit: number; position: number; waiting: number }
  /** No process performs jobs now. */
  | { kind: 'workers'; position: number; waiting: number }
  /** It is not to begin before this time. */
  | { kind: 'delay'; until: Date };

/**
 * The part that decides what runs, where and when. Records are the truth of what is to be done; a queue can always be
 * filled again from them, and handing out a job a second time does no harm, since whoever performs it looks at its
 * record first.
 *
 * Promises:
 * - no more than the site's number of places is in use at once, attended work excepted;
 * - turns go round by user: the next place that becomes free is for a user who has nothing running, if such a one waits,
 *   however many jobs another has; and the jobs of one user begin in the order of their adding;
 * - no user has more running than the site allows, where it sets a limit;
 * - memory grows by a few bytes for each waiting job.
 */
export interface JobQueue {
  /** True when jobs outlive this process, and other processes perform them as well. */
  readonly shared: boolean;

  /** Begins to hand out jobs; what was added before has waited. Once only. */
  start(perform: Perform): void;

  /**
   * Adds jobs, in this order; one that waits already stays where it is. Throws `shutting_down` once the queue has stopped,
   * `queue_unavailable` when it cannot be reached: then some of them may have been added.
   */
  add(jobs: readonly Job[]): Promise<void>;

  /**
   * A place for a job that need not wait at all; null when it must (or may not begin in this process): then add it.
   * Throws `shutting_down` once the queue stops.
   */
  reserve(job: Job): Place | null;

  /**
   * A place beside the others, in this process, for work that cannot wait, since its caller takes part in it (a download, a
   * token that is kept nowhere); it counts among its user's. Null when the user has as many running as the site allows.
   * Throws `shutting_down` once the queue stops.
   */
  attend(job: Job): Promise<Place | null>;

  /** Takes a waiting job out; false when it does not wait (it runs, has ended, or was never added). */
  withdraw(job: Job): Promise<boolean>;

  /** Takes all waiting jobs of a user's batch out; how many. */
  withdrawBatch(batch: string, user: string): Promise<number>;

  /** Asks a job that runs in this process to end, for this reason. False when it does not run here. */
  abort(id: string, reason: Error): boolean;

  /** Why a job waits; null when it does not, as far as can be known. Never rejects. */
  waitOf(job: Job): Promise<Wait | null>;

  /**
   * Keeps room in a user's line for `jobs` more until they are in it, also against requests that come at once, at whatever
   * process. None where more than `limit` would wait then (0: no limit). Throws `queue_unavailable`.
   */
  keepRoom(user: string, jobs: number, limit: number): Promise<Room | NoRoom>;

  /** Jobs that wait at the whole site, and jobs that run in this process. Throws `queue_unavailable`. */
  depth(): Promise<{ waiting: number; running: number }>;

  /** Ids of the jobs that run in this process. */
  readonly runningHere: readonly string[];

  /** False once the queue stops. */
  readonly accepting: boolean;

  /** Hands out nothing in this process, for this reason, until {@link resume}; what runs goes on. Idempotent. */
  pause(reason: string): void;

  /**
   * Hands out jobs in this process, for this reason, only while no other process performs any without such a reserve, until
   * {@link resume}. Idempotent.
   */
  holdBack(reason: string): void;
  resume(): void;

  /** Whether the queue works, and who performs its jobs. Never rejects; answers within two seconds. */
  health(): Promise<QueueHealth>;

  /**
   * Calls `fill` when the queue has lost what waited in it (its server was emptied, or is new), in one process of all; until
   * that resolves, and again when it rejects. Where jobs live in the process it never comes to that.
   */
  onLoss(fill: () => Promise<void>): void;

  /**
   * Stops for good: hands out nothing more, waits `graceMs` for what runs, then asks the rest to end for `reason` and
   * waits until it has. Jobs that wait are forgotten where they live in the process; their records stay.
   */
  stop(graceMs: number, reason: () => Error): Promise<void>;
}

/** How a queue is. */
export interface QueueHealth {
  up: boolean;
  /** Living processes that perform jobs; null where this process does so itself, or when that is not known. */
  workers: number | null;
  /** What is wrong, in a sentence for operators; null: nothing. */
  problem: string | null;
}
