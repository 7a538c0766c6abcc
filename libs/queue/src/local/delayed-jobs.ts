import { type Job } from '../contract/job-queue';

/** Looks at what is due are at least so far apart, in milliseconds: with many jobs each look costs. */
const LEAST_PAUSE_MS = 250;
/** Longest time that a timer can be set to. */
const LONGEST_MS = 2 ** 31 - 1;

/** Jobs whose time has not come. */
export class DelayedJobs {
  private readonly jobs = new Map<string, Job>();
  private readonly byUser = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private wakesAt = Infinity;

  /** `onDue` receives each job whose time has come, in the order of their adding. */
  constructor(private readonly onDue: (jobs: Job[]) => void) {}

  get size(): number {
    return this.jobs.size;
  }

  /** How many a user has. */
  of(user: string): number {
    return this.byUser.get(user) ?? 0;
  }

  /** When a job's time comes; undefined when it is not here. */
  until(id: string): Date | undefined {
    return this.jobs.get(id)?.notBefore ?? undefined;
  }

  add(job: Job): void {
    this.remove(job.id);
    this.jobs.set(job.id, job);
    this.byUser.set(job.user, this.of(job.user) + 1);
    this.wakeAt(job.notBefore!.getTime());
  }

  /** False when it is not here. */
  remove(id: string): boolean {
    const job = this.jobs.get(id);
    if (!job) return false;
    this.jobs.delete(id);
    const left = this.of(job.user) - 1;
    if (left > 0) this.byUser.set(job.user, left);
    else this.byUser.delete(job.user);
    return true;
  }

  /** Removes all of a batch; how many. */
  removeBatch(batch: string): number {
    const ids = [...this.jobs.values()].filter((job) => job.batch === batch).map(({ id }) => id);
    for (const id of ids) this.remove(id);
    return ids.length;
  }

  /** Nothing comes due any more. */
  stop(): void {
    clearTimeout(this.timer);
  }

  private wakeAt(time: number): void {
    if (time >= this.wakesAt) return;
    clearTimeout(this.timer);
    this.wakesAt = time;
    this.timer = setTimeout(() => this.wake(), Math.min(Math.max(0, time - Date.now()), LONGEST_MS));
    this.timer.unref();
  }

  private wake(): void {
    this.wakesAt = Infinity;
    const now = Date.now();
    const due: Job[] = [];
    let next = Infinity;
    for (const job of this.jobs.values()) {
      const time = job.notBefore!.getTime();
      if (time <= now) due.push(job);
      else next = Math.min(next, time);
    }
    for (const { id } of due) this.remove(id);
    if (next < Infinity) this.wakeAt(Math.max(next, now + LEAST_PAUSE_MS));
    if (due.length > 0) this.onDue(due);
  }
}
