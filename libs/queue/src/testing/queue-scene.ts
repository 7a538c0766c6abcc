import { type Job, type JobQueue } from '../contract/job-queue';

/** An operation's id of the right form: the same for the same number. */
export function idOf(number: number): string {
  return `01900000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

/** A job that may begin at once; details may be overridden. */
export function newJob(number: number, overrides: Partial<Job> = {}): Job {
  return { id: idOf(number), user: 'jane', batch: null, notBefore: null, ...overrides };
}

interface Work {
  job: Job;
  signal: AbortSignal;
  end: () => void;
}

/** A queue whose jobs end when the test says so, and what it saw of them. */
export class QueueScene {
  /** Numbers of the jobs in the order of their beginning. */
  readonly begun: number[] = [];
  readonly under = new Map<number, Work>();
  readonly reasons: unknown[] = [];
  /** The most that was worked on at once, in all and for one user. */
  most = 0;
  mostOfOne = 0;

  /** `settle` resolves when the queue has done what it can do now. */
  constructor(
    readonly queue: JobQueue,
    readonly settle: () => Promise<void>,
  ) {}

  start(): void {
    this.queue.start((job, signal) => this.perform(job, signal));
  }

  end(number: number): Promise<void> {
    const work = this.under.get(number);
    if (!work) throw new Error(`${number} is not worked on`);
    work.end();
    return this.settle();
  }

  /** How many jobs run, how many wait. */
  async counts(): Promise<[running: number, waiting: number]> {
    const { running, waiting } = await this.queue.depth();
    return [running, waiting];
  }

  /** Work in a place that was had from the queue; ends as jobs do. */
  readonly attended = (number: number, user: string) => (signal: AbortSignal) =>
    this.perform(newJob(number, { user }), signal);

  private async perform(job: Job, signal: AbortSignal): Promise<void> {
    const number = Number.parseInt(job.id.slice(-12), 16);
    this.begun.push(number);
    await new Promise<void>((resolve) => {
      const end = () => resolve();
      this.under.set(number, { job, signal, end });
      this.count(job.user);
      if (signal.aborted) this.stopOn(signal, end);
      signal.addEventListener('abort', () => this.stopOn(signal, end), { once: true });
    });
    this.under.delete(number);
  }

  private stopOn(signal: AbortSignal, end: () => void): void {
    this.reasons.push(signal.reason);
    end();
  }

  private count(user: string): void {
    this.most = Math.max(this.most, this.under.size);
    const own = [...this.under.values()].filter((work) => work.job.user === user).length;
    this.mostOfOne = Math.max(this.mostOfOne, own);
  }
}

/** Opens a queue with so many places. */
export type Opener = (concurrency?: number, maxRunningPerUser?: number) => Promise<QueueScene>;

/** What work is told that is asked to end. */
export const REASON = new Error('asked to end');
