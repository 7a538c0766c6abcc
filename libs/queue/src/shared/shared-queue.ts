import { type RedisLink } from '@app/cluster';
import { type AppLogger } from '@app/logging';
import { type Job, type JobQueue, type Perform, type Place, type QueueHealth, type Wait } from '../contract/job-queue';
import { Places } from '../places';
import { shuttingDown } from '../shutting-down';
import { Lines, type Turn } from './lines';
import { Refill } from './refill';
import { type SharedQueueOptions } from './shared-queue.options';
import { TurnCarrier } from './turn-carrier';
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
  /** Turns that are over, which the lines were not told yet. */
  private over: string[] = [];
  /** Turns of attended work. */
  private readonly attended = new Set<string>();
  private readonly timer: NodeJS.Timeout;
  private readonly soon = new Set<NodeJS.Timeout>();
  private perform: Perform | undefined;
  private pausedFor: string | null = null;
  private stopping: Promise<void> | undefined;
  private isClosed = false;
  private isWanted = false;
  private giving: Promise<void> | undefined;
  private beating: Promise<void> = Promise.resolve();
  private beats = 0;
  private attends = 0;

  constructor(
    link: RedisLink,
    private readonly options: SharedQueueOptions,
    private readonly logger: AppLogger,
  ) {
    this.lines = new Lines(link, options.maxRunningPerUser);
    const onFailure = (error: unknown) =>
      this.logger.warning('The queue could not be filled; it is tried again', { error });
    this.refill = new Refill(link, options.name, onFailure, options.compareMs);
    this.carrier = new TurnCarrier(link, {
      concurrency: options.concurrency,
      leaseMs: options.leaseMs,
      onEnd: (turn) => this.give(turn),
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
    if (this.pausedFor !== null) void this.after(this.carrier.pause());
    this.beat();
  }

  async add(jobs: readonly Job[]): Promise<void> {
    if (this.isClosed) throw shuttingDown();
    await this.lines.add(jobs);
    const now = Date.now();
    for (const { notBefore } of jobs)
      if (notBefore && notBefore.getTime() > now) this.giveAt(notBefore.getTime() - now);
    this.give();
  }

  reserve(): null {
    if (this.stopping) throw shuttingDown();
    return null;
  }

  async attend(job: Job): Promise<Place | null> {
    if (this.stopping) throw shuttingDown();
    this.attends += 1;
    const turn = `${job.id}.${this.options.name}.${this.attends}`;
    if (!(await this.mayAttend(job.user, turn))) return null;
    this.attended.add(turn);
    return this.places.take(job.id, () => {
      this.attended.delete(turn);
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

  waitingOf(user: string): Promise<number> {
    return this.lines.waitingOf(user);
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
    if (this.stopping) return;
    const isPaused = this.pausedFor !== null;
    this.pausedFor = reason;
    if (isPaused) return;
    void this.after(this.carrier.pause());
    this.beat();
  }

  resume(): void {
    if (this.pausedFor === null || this.stopping) return;
    this.pausedFor = null;
    this.carrier.resume();
    this.beat();
  }

  async health(): Promise<QueueHealth> {
    try {
      const { workers } = await inTime(this.lines.numbers());
      return { up: true, workers, problem: this.pausedFor && `This process takes no work: ${this.pausedFor}` };
    } catch {
      return { up: false, workers: null, problem: 'Redis does not answer.' };
    }
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
    for (const one of this.soon) clearTimeout(one);
    await this.carrier.endTaking();
    await inTime(Promise.all([this.refill.idle(), this.beating, this.giving])).catch(() => undefined);
    this.isClosed = true;
    await this.carrier.close();
  }

  /** Never rejects. */
  private async take({ name, job }: Turn): Promise<void> {
    const { perform } = this;
    // It came while that was being told to BullMQ: somebody else's, then.
    if (this.stopping || this.pausedFor !== null || !perform) return this.putBack(job);
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

  private giveAt(ms: number): void {
    const timer = setTimeout(
      () => {
        this.soon.delete(timer);
        this.give();
      },
      Math.min(ms + 1, 2 ** 31 - 1),
    );
    // With very many that wait for their time the beat is enough.
    if (this.soon.size > 100) return clearTimeout(timer);
    timer.unref();
    this.soon.add(timer);
  }

  /** Gives what turns there are places for; what is asked for, or over, meanwhile, in a further round. */
  private give(...over: string[]): void {
    this.over.push(...over);
    this.isWanted = true;
    this.giving ??= this.giveAll().finally(() => {
      this.giving = undefined;
      // Asked for in the turn in which that came to its end.
      if (this.isWanted && !this.isClosed) this.give();
    });
  }

  private async giveAll(): Promise<void> {
    while (this.isWanted && !this.isClosed) {
      this.isWanted = false;
      const over = this.over;
      this.over = [];
      try {
        const turns = await this.lines.give(over);
        if (turns.length === 0) continue;
        await this.carrier.carry(turns);
        this.isWanted = true;
      } catch (error) {
        // The next beat tries again; turns that were given and not carried are found as strays.
        this.over.push(...over);
        this.logger.debug('Turns could not be given', { error });
        return;
      }
    }
  }

  /** Something that may leave room for a turn. Never rejects. */
  private async after(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.logger.debug('Redis did not take what was told', { error });
    }
    this.give();
  }

  private beat(): void {
    this.beating = this.beating.then(() => this.beatOnce()).catch(() => undefined);
  }

  private async beatOnce(): Promise<void> {
    if (this.isClosed) return;
    const isTaking = this.perform !== undefined && this.pausedFor === null && !this.stopping;
    const places = isTaking ? this.options.concurrency : 0;
    await this.lines.beat(this.options.name, places, ALIVE_MS, [...this.attended]);
    if (this.stopping) return;
    await this.refill.look();
    this.beats += 1;
    if (this.beats % 5 === 0) await this.findStrays();
    this.give();
  }

  /** Turns that were given and never came to anybody, or whose end was not told, since a process died or Redis was away. */
  private async findStrays(): Promise<void> {
    for (const { name, id, user } of await this.lines.givenBefore(STRAY_MS)) {
      if (await this.carrier.isCarried(name)) continue;
      // If it has ended, whoever gets the turn finds that in its record.
      await this.lines.add([{ id, user, batch: null, notBefore: null }]);
      this.give(name);
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
