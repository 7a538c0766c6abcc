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
import { DelayedJobs } from './delayed-jobs';
import { IdLine } from './id-line';

/** How a queue inside one process behaves. */
export interface LocalQueueOptions {
  /** Jobs at once, attended ones aside. */
  concurrency: number;
  /** Jobs of one user at once, attended ones among them; 0: no limit. */
  maxRunningPerUser: number;
}

/**
 * The queue inside one process: a line of ids for each user, and the users in turn: first those who have least running,
 * among equals the one whose last turn was longest ago. Nothing of it outlives the process: records do.
 */
export class LocalQueue implements JobQueue {
  readonly shared = false;
  private readonly lines = new Map<string, IdLine>();
  private readonly delayed = new DelayedJobs((jobs) => this.due(jobs));
  private readonly places = new Places();
  private readonly runningOf = new Map<string, number>();
  /** By user, jobs that room is kept for. */
  private readonly kept = new Map<string, number>();
  private perform: Perform | undefined;
  private busy = 0;
  private isPaused = false;
  private stopping: Promise<void> | undefined;

  constructor(private readonly options: LocalQueueOptions) {}

  start(perform: Perform): void {
    this.perform = perform;
    this.pump();
  }

  add(jobs: readonly Job[]): Promise<void> {
    if (this.stopping) return Promise.reject(shuttingDown());
    for (const job of jobs) {
      if (job.notBefore && job.notBefore.getTime() > Date.now()) this.delayed.add(job);
      else this.enter(job);
    }
    this.pump();
    return Promise.resolve();
  }

  private enter({ user, id, batch }: Job): void {
    const line = this.lines.get(user) ?? new IdLine();
    this.lines.set(user, line);
    line.push(id, batch);
  }

  reserve(job: Job): Place | null {
    if (this.stopping) throw shuttingDown();
    if (this.isPaused) return null;
    if (this.busy >= this.options.concurrency || this.isAtLimit(job.user) || this.lines.get(job.user)) return null;
    for (const user of this.lines.keys()) if (!this.isAtLimit(user)) return null;
    return this.place(job, true);
  }

  attend(job: Job): Promise<Place | null> {
    if (this.stopping) return Promise.reject(shuttingDown());
    return Promise.resolve(this.isAtLimit(job.user) ? null : this.place(job, false));
  }

  private place(job: Job, counts: boolean): Place {
    if (counts) this.busy += 1;
    addTo(this.runningOf, job.user, 1);
    return this.places.take(job.id, () => {
      if (counts) this.busy -= 1;
      addTo(this.runningOf, job.user, -1);
      this.pump();
    });
  }

  private pump(): void {
    if (this.stopping || this.isPaused || !this.perform) return;
    while (this.busy < this.options.concurrency) {
      const job = this.next();
      if (!job) return;
      const perform = this.perform;
      void this.place(job, true)
        .run((signal) => perform(job, signal))
        .catch(() => undefined);
    }
  }

  /** Of those who may begin one who has least running; among equals the one whose last turn was longest ago. */
  private next(): Job | undefined {
    let chosen: string | undefined;
    let least = Infinity;
    for (const user of this.lines.keys()) {
      const running = this.runningOf.get(user) ?? 0;
      if (running < least && !this.isAtLimit(user)) [chosen, least] = [user, running];
      if (least === 0) break;
    }
    return chosen === undefined ? undefined : this.take(chosen);
  }

  private take(user: string): Job {
    const line = this.lines.get(user)!;
    const { id, batch } = line.shift()!;
    this.lines.delete(user);
    if (line.length > 0) this.lines.set(user, line);
    return { id, user, batch, notBefore: null };
  }

  private isAtLimit(user: string): boolean {
    const { maxRunningPerUser: limit } = this.options;
    return limit > 0 && (this.runningOf.get(user) ?? 0) >= limit;
  }

  /** Their turn is at the end of their users' lines. */
  private due(jobs: readonly Job[]): void {
    for (const job of jobs) this.enter(job);
    this.pump();
  }

  withdraw({ id, user }: Job): Promise<boolean> {
    if (this.delayed.remove(id)) return Promise.resolve(true);
    const line = this.lines.get(user);
    if (!line?.remove(id)) return Promise.resolve(false);
    if (line.length === 0) this.lines.delete(user);
    return Promise.resolve(true);
  }

  withdrawBatch(batch: string, user: string): Promise<number> {
    const line = this.lines.get(user);
    const count = this.delayed.removeBatch(batch) + (line?.removeBatch(batch) ?? 0);
    if (line?.length === 0) this.lines.delete(user);
    return Promise.resolve(count);
  }

  abort(id: string, reason: Error): boolean {
    return this.places.abort(id, reason);
  }

  /**
   * The position counts what is before the job in its own line, and of each other line as many as will have had a turn by
   * then; it is a good guess, since it depends on what ends when, and on who comes.
   */
  waitOf(job: Job): Promise<Wait | null> {
    return Promise.resolve(this.wait(job));
  }

  private wait({ id, user }: Job): Wait | null {
    const until = this.delayed.until(id);
    if (until) return { kind: 'delay', until };
    const before = this.lines.get(user)?.indexOf(id) ?? -1;
    if (before < 0) return null;
    let position = before + 1;
    for (const [other, { length }] of this.lines) if (other !== user) position += Math.min(length, before + 1);
    const place = { position, waiting: this.waiting };
    if (this.isAtLimit(user)) return { kind: 'limit', limit: this.options.maxRunningPerUser, ...place };
    return { kind: 'turn', ...place };
  }

  keepRoom(user: string, jobs: number, limit: number): Promise<Room | NoRoom> {
    const waiting = (this.lines.get(user)?.length ?? 0) + this.delayed.of(user) + (this.kept.get(user) ?? 0);
    if (limit > 0 && waiting + jobs > limit) return Promise.resolve({ kept: false, waiting });
    addTo(this.kept, user, jobs);
    return Promise.resolve({ kept: true, leave: () => addTo(this.kept, user, -jobs) });
  }

  depth(): Promise<{ waiting: number; running: number }> {
    return Promise.resolve({ waiting: this.waiting, running: this.running });
  }

  /** Jobs that wait. */
  get waiting(): number {
    let count = this.delayed.size;
    for (const { length } of this.lines.values()) count += length;
    return count;
  }

  /** Jobs that run. */
  get running(): number {
    return this.places.count;
  }

  get runningHere(): string[] {
    return this.places.ids;
  }

  get accepting(): boolean {
    return this.stopping === undefined;
  }

  pause(): void {
    this.isPaused = true;
  }

  holdBack(): void {
    // There is no other process that could do it.
    this.resume();
  }

  resume(): void {
    this.isPaused = false;
    this.pump();
  }

  health(): Promise<QueueHealth> {
    return Promise.resolve({ up: true, workers: null, problem: null });
  }

  onLoss(): void {
    // What waits here is lost with the process alone; the next one begins with the records.
  }

  stop(graceMs: number, reason: () => Error): Promise<void> {
    this.stopping ??= this.end(graceMs, reason);
    return this.stopping;
  }

  private async end(graceMs: number, reason: () => Error): Promise<void> {
    this.delayed.stop();
    const timer = setTimeout(() => this.places.abortAll(reason), graceMs);
    await this.places.idle();
    clearTimeout(timer);
  }
}

function addTo(counts: Map<string, number>, user: string, change: number): void {
  const count = (counts.get(user) ?? 0) + change;
  if (count > 0) counts.set(user, count);
  else counts.delete(user);
}
