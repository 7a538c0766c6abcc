import { type Job as BullJob, Queue, Worker } from 'bullmq';
import { type RedisLink } from '@app/cluster';
import { type Turn } from './lines';

const QUEUE = 'turns';
/** How often a turn may lose its process: operations have a bound of their own for that. */
const MANY = 1_000_000;
/** Time that a worker gets to say goodbye to Redis. */
const CLOSE_MS = 2000;

/** What a turn does in the process that it comes to. */
export type TakeTurn = (turn: Turn) => Promise<void>;

/** What concerns whoever carries turns. */
export interface TurnCarrierOptions {
  /** Turns that this process takes at once; 0: none. */
  concurrency: number;
  leaseMs: number;
  /** A turn that this process took is over, and nobody else's by now. */
  onEnd: (turn: string) => void;
  /** Something went wrong with Redis. */
  onError: (error: Error) => void;
}

/**
 * Carries turns from whoever gave them to a process that takes them, by BullMQ: in order, each to one process; a process
 * that shows no life for `leaseMs` has lost its turns, and they come to another.
 */
export class TurnCarrier {
  private readonly queue: Queue<Turn['job']>;
  private worker: Worker<Turn['job']> | undefined;

  constructor(
    private readonly link: RedisLink,
    private readonly options: TurnCarrierOptions,
  ) {
    // It fails at once while Redis is away: turns that were given and not carried are found again.
    this.queue = new Queue(QUEUE, { ...this.common(), connection: link.commands, skipWaitingForReady: true });
    this.queue.on('error', options.onError);
  }

  private common() {
    return { prefix: this.link.key('bull'), skipVersionCheck: true };
  }

  /** Begins to take turns. Once only. */
  start(take: TakeTurn): void {
    const { concurrency, leaseMs, onEnd, onError } = this.options;
    if (concurrency === 0) return;
    const work = (job: BullJob<Turn['job']>) => take({ name: job.id!, job: job.data });
    this.worker = new Worker<Turn['job']>(QUEUE, work, {
      ...this.common(),
      connection: this.link.open(),
      concurrency,
      lockDuration: leaseMs,
      stalledInterval: leaseMs / 2,
      maxStalledCount: MANY,
      autorun: false,
    });
    this.worker.on('completed', (job) => onEnd(job.id!));
    this.worker.on('failed', (job) => job && onEnd(job.id!));
    this.worker.on('error', onError);
    this.run();
  }

  private run(): void {
    this.worker?.run().catch(this.options.onError);
  }

  /** Hands turns over. */
  async carry(turns: readonly Turn[]): Promise<void> {
    const options = { removeOnComplete: true, removeOnFail: true };
    await this.queue.addBulk(
      turns.map(({ name, job }) => ({ name: 'turn', data: job, opts: { ...options, jobId: name } })),
    );
  }

  /** Whether a turn is on its way or taken. Throws when Redis does not answer. */
  async isCarried(turn: string): Promise<boolean> {
    return (await this.queue.getJob(turn)) !== undefined;
  }

  /** Takes no further turns; resolves when that is so. What was taken goes on. */
  async pause(): Promise<void> {
    await this.worker?.pause(true);
  }

  /** Takes turns again. */
  resume(): void {
    if (!this.worker?.isPaused()) return;
    void this.worker.resume();
  }

  /**
   * Takes no turns any more, whether Redis answers or not; nothing that was taken may be under way any more. When it resolves
   * all their ends were told.
   */
  async endTaking(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_MS)));
    await Promise.race([this.worker?.close().catch(() => undefined), late]);
    clearTimeout(timer);
  }

  /** Carries no turns any more. The connection for commands is the link's own, and stays open. */
  async close(): Promise<void> {
    const late = new Promise<void>((resolve) => setImmediate(resolve));
    await Promise.race([this.queue.close().catch(() => undefined), late]);
  }
}
