import { type RedisLink } from '@app/cluster';
import { type AppLogger } from '@app/logging';
import {
  type Job,
  type JobQueue,
  type NoRoom,
  type Perform,
  type Place,
  type QueueHealth,
  type Room,
  type Wait,
} from '../contract/job-queue';
import { Places } from '../places';
import { shuttingDown } from '../shutting-down';
import { Lines, type Turn } from './lines';
import { Refill } from './refill';
import { type SharedQueueOptions } from './shared-queue.options';
import { TurnCarrier } from './turn-carrier';
import { TurnGiver } from './turn-giver';
import { waitOf } from './wait-of';

/** How often a process says that it lives, and turns are given that nothing else led to. */
const BEAT_MS = 1000;
/** For how long each of its beats counts. */
const ALIVE_MS = 5000;
/** Age from which on a turn is looked for that its giver may not have handed over, or its taker not have ended. */
const STRAY_MS = 10_000;
/** An answer for people waits this long for Redis. */
const PATIENCE_MS = 1500;

/**
 * The queue over Redis, for any number of processes on any number of hosts. Who is next is decided by the lines (one for
 * each user, see {@link Lines}), and only when there is a free place, so as late as can be; BullMQ carries the turns that
 * were given to the processes that take them. What waits outlives all processes, and is filled in anew from the records
 * when Redis has lost it.
 */
export class SharedQueue implements JobQueue {
  readonly shared = true;
  private readonly lines: Lines;
  private readonly carrier: TurnCarrier;
  private readonly refill: Refill;
  private readonly places = new Places();
  /** Attended turns and rooms of this process. */
  private readonly leases = new Set<string>();
  private readonly giver: TurnGiver;
  private readonly timer: NodeJS.Timeout;
  private perform: Perform | undefined;
  /** Why this process performs nothing, or holds back while another performs jobs; null: it does not. */
  private held: { reason: string; unlessAlone: boolean } | null = null;
  private isTaking = true;
  private stopping: Promise<void> | undefined;
  private isClosed = false;
  private beating: Promise<void> = Promise.resolve();
  private beats = 0;
  private leaseCount = 0;

  constructor(
    link: RedisLink,
    private readonly options: SharedQueueOptions,
    private readonly logger: AppLogger,
  ) {
    this.lines = new Lines(link, options.maxRunningPerUser);
    const onFailure = (error: unknown) =>
      this.logger.warning('The queue could not be filled; it is tried again', { error });
    this.refill = new Refill(link, options.name, onFailure, options.compareMs);
    this.giver = new TurnGiver(this.lines, () => this.carrier, logger);
    this.carrier = new TurnCarrier(link, {
      concurrency: options.concurrency,
      leaseMs: options.leaseMs,
      onEnd: (turn) => this.giver.give(turn),
      onError: (error) => this.logger.debug('The queue had trouble', { error }),
    });
    // Also when there is a beat at once: a server that was away is noticed by this.
    this.timer = setInterval(() => this.beat(), BEAT_MS);
    this.timer.unref();
  }

  start(perform: Perform): void {
    this.perform = perform;
    this.carrier.start((turn) => this.take(turn));
    // It may have been told to wait before there was anything to pause.
    if (!this.isTaking) void this.after(this.carrier.pause());
    this.beat();
  }

  async add(jobs: readonly Job[]): Promise<void> {
    if (this.isClosed) throw shuttingDown();
    await this.lines.add(jobs);
    this.giver.giveAt(jobs.map(({ notBefore }) => notBefore));
    this.giver.give();
  }

  reserve(): null {
    if (this.stopping) throw shuttingDown();
    return null;
  }

  async attend(job: Job): Promise<Place | null> {
    if (this.stopping) throw shuttingDown();
    const turn = this.newLease(job.id);
    if (!(await this.mayAttend(job.user, turn))) return null;
    this.leases.add(turn);
    return this.places.take(job.id, () => {
      this.leases.delete(turn);
      void this.after(this.lines.leave(turn));
    });
  }

  /** While Redis is away the limit cannot be held; what needs no queue goes on all the same. */
  private async mayAttend(user: string, turn: string): Promise<boolean> {
    try {
      return await this.lines.attend(user, turn, ALIVE_MS);
    } catch {
      return true;
    }
  }

  private newLease(of: string): string {
    this.leaseCount += 1;
    return `${of}.${this.options.name}.${this.leaseCount}`;
  }

  withdraw(job: Job): Promise<boolean> {
    return this.lines.withdraw(job);
  }

  withdrawBatch(batch: string, user: string): Promise<number> {
    return this.lines.withdrawBatch(batch, user);
  }

  abort(id: string, reason: Error): boolean {
    return this.places.abort(id, reason);
  }

  async waitOf(job: Job): Promise<Wait | null> {
    try {
      const place = await inTime(this.lines.placeOf(job));
      return place && waitOf(place, job, this.options.maxRunningPerUser);
    } catch {
      return null;
    }
  }

  async keepRoom(user: string, jobs: number, limit: number): Promise<Room | NoRoom> {
    const room = this.newLease('room');
    const waiting = await this.lines.keepRoom(room, user, jobs, limit, ALIVE_MS);
    if (waiting !== null) return { kept: false, waiting };
    if (limit === 0) return { kept: true, leave: () => undefined };
    this.leases.add(room);
    const leave = () => {
      this.leases.delete(room);
      // Where that is not heard it ends by itself, since nobody says any more that it is kept.
      void this.lines.leaveRoom(room).catch(() => undefined);
    };
    return { kept: true, leave };
  }

  async depth(): Promise<{ waiting: number; running: number }> {
    const { waiting } = await this.lines.numbers();
    return { waiting, running: this.places.count };
  }

  get runningHere(): string[] {
    return this.places.ids;
  }

  get accepting(): boolean {
    return this.stopping === undefined;
  }

  pause(reason: string): void {
    this.hold({ reason, unlessAlone: false });
  }

  holdBack(reason: string): void {
    this.hold({ reason, unlessAlone: true });
  }

  resume(): void {
    if (this.held !== null) this.hold(null);
  }

  /** Where it depends on the others, nothing is taken until the next beat has told how they are. */
  private hold(held: SharedQueue['held']): void {
    if (this.stopping) return;
    const isAsBefore = held?.unlessAlone === true && this.held?.unlessAlone === true;
    this.held = held;
    if (isAsBefore) return;
    this.setTaking(held === null);
    this.beat();
  }

  private setTaking(isTaking: boolean): void {
    if (isTaking === this.isTaking) return;
    this.isTaking = isTaking;
    if (isTaking) this.carrier.resume();
    else void this.after(this.carrier.pause());
  }

  async health(): Promise<QueueHealth> {
    try {
      const { workers } = await inTime(this.lines.numbers());
      return { up: true, workers, problem: this.problem };
    } catch {
      return { up: false, workers: null, problem: 'Redis does not answer.' };
    }
  }

  private get problem(): string | null {
    if (this.held === null) return null;
    const what = this.isTaking
      ? 'This process takes work only since no other one can do better'
      : 'This process takes no work';
    return `${what}: ${this.held.reason}`;
  }

  onLoss(fill: () => Promise<void>): void {
    this.refill.by(fill);
  }

  stop(graceMs: number, reason: () => Error): Promise<void> {
    this.stopping ??= this.end(graceMs, reason);
    return this.stopping;
  }

  private async end(graceMs: number, reason: () => Error): Promise<void> {
    // Others get the turns from now on.
    this.beat();
    const timer = setTimeout(() => this.places.abortAll(reason), graceMs);
    await inTime(this.carrier.pause()).catch(() => undefined);
    await this.places.idle();
    clearTimeout(timer);
    clearInterval(this.timer);
    await this.carrier.endTaking();
    await inTime(Promise.all([this.refill.idle(), this.beating, this.giver.idle()])).catch(() => undefined);
    this.isClosed = true;
    this.giver.close();
    await this.carrier.close();
  }

  /** Never rejects. */
  private async take({ name, job }: Turn): Promise<void> {
    const { perform } = this;
    // It came while that was being told to BullMQ: somebody else's, then.
    if (this.stopping || !this.isTaking || !perform) return this.putBack(job);
    const full: Job = { ...job, notBefore: null };
    await this.places
      .take(job.id, () => undefined)
      .run((signal) => perform(full, signal))
      .catch((error: unknown) => this.logger.error('A job ended with an error of its own', { turn: name, error }));
  }

  private async putBack(job: Turn['job']): Promise<void> {
    // Should that fail, its record is still there, and what is missing in the queue is noticed.
    await this.after(this.lines.add([{ ...job, notBefore: null }]));
  }

  /** Something that may leave room for a turn. Never rejects. */
  private async after(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.logger.debug('Redis did not take what was told', { error });
    }
    this.giver.give();
  }

  private beat(): void {
    this.beating = this.beating.then(() => this.beatOnce()).catch(() => undefined);
  }

  private async beatOnce(): Promise<void> {
    if (this.isClosed) return;
    const { held } = this;
    const isOffering = this.perform !== undefined && !this.stopping && held?.unlessAlone !== false;
    const offer = { places: isOffering ? this.options.concurrency : 0, holdsBack: held !== null };
    const places = await this.lines.beat(this.options.name, offer, ALIVE_MS, [...this.leases]);
    // That may have changed meanwhile: then a further beat is on its way.
    if (held?.unlessAlone && held === this.held) this.setTaking(places > 0);
    if (this.stopping) return;
    await this.refill.look();
    this.beats += 1;
    if (this.beats % 5 === 0) await this.findStrays();
    this.giver.give();
  }

  /** Turns that were given and never came to anybody, or whose end was not told, since a process died or Redis was away. */
  private async findStrays(): Promise<void> {
    for (const { name, id, user } of await this.lines.givenBefore(STRAY_MS)) {
      if (await this.carrier.isCarried(name)) continue;
      // If it has ended, whoever gets the turn finds that in its record.
      await this.lines.add([{ id, user, batch: null, notBefore: null }]);
      this.giver.give(name);
    }
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('Redis did not answer in time')), PATIENCE_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
