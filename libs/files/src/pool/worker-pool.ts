import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { storageUnavailable } from '../confined/system-errors';
import { CancelledError, Ledger, Pulse } from './control';
import { fromPlainError, type TaskMessage, type WorkerMessage } from './messages';
import { type TaskInput, type TaskKind, type TaskOutput } from './tasks';

/** How a pool behaves. */
export interface WorkerPoolOptions {
  /** Tasks at once; one more thread stands by for {@link BRIEF} ones. */
  size: number;
  /** Time without a sign of life after which a task's storage counts as unavailable. */
  timeoutMs: number;
  /** How each root is called in messages, by its number. */
  rootNames: string[];
}

/** What goes with one task. */
export interface RunOptions {
  ledger?: Ledger;
  /** Receives what the task reports on its way; it must call `ledger.read()` when it has dealt with it. */
  onReport?: (data: unknown) => void;
  /** Numbers of the roots that the task may touch: it is refused at once while one of them hangs. */
  roots?: number[];
  /** Called when the worker has really ended the task, also after the caller was told that the storage hangs. */
  onReleased?: () => void;
  /** Receives the result of a task that came after the caller was told that the storage hangs. */
  onLate?: (value: unknown) => void;
}

interface Job {
  id: number;
  kind: TaskKind;
  input: unknown;
  options: RunOptions;
  ledger: Ledger;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  told: boolean;
}

interface Thread {
  worker: Worker;
  pulse: Pulse;
  job: Job | undefined;
  beats: number;
  since: number;
  hangsIn: number | undefined;
}

/** Tasks that only look: they do not wait until long copies have ended. */
const BRIEF: ReadonlySet<TaskKind> = new Set<TaskKind>([
  'listStorage',
  'listArea',
  'createFile',
  'inspectRoot',
  'probeTarget',
  'probePair',
  'listPrivate',
  'openSource',
  'readPiece',
  'statOpen',
  'closeHandles',
]);

/** Threads that may hang in one root before further tasks for it are refused at once. */
const MAX_HANGING = 2;

/**
 * A small pool of threads that make synchronous file calls. A thread that is stuck in a call (a mount that does not
 * answer) is given up after the time-out: its caller gets `storage_unavailable`, another thread takes its place, and it
 * comes back when the call returns. Tasks run in the order of their coming, but brief ones pass by the others.
 */
export class WorkerPool {
  private readonly threads = new Set<Thread>();
  private readonly queue: Job[] = [];
  private readonly brief: Job[] = [];
  private readonly watchdog: NodeJS.Timeout;
  private nextId = 1;
  private gaveBrief = false;
  private closed = false;

  constructor(private readonly options: WorkerPoolOptions) {
    this.watchdog = setInterval(() => this.watch(), Math.min(1000, options.timeoutMs / 4));
    this.watchdog.unref();
  }

  /** Tasks that wait for a thread. */
  get waiting(): number {
    return this.queue.length + this.brief.length;
  }

  /** True when a thread hangs in a call that may never return: the process cannot end in the usual way then. */
  get hanging(): boolean {
    return [...this.threads].some((thread) => thread.hangsIn !== undefined);
  }

  /** Runs a task in the next free thread. Rejects with the task's error, or `storage_unavailable` when it hangs. */
  run<K extends TaskKind>(kind: K, input: TaskInput<K>, options: RunOptions = {}): Promise<TaskOutput<K>> {
    return new Promise<TaskOutput<K>>((resolve, reject) => {
      if (this.closed) {
        options.onReleased?.();
        return reject(new Error('The worker pool is closed'));
      }
      const hung = options.roots?.find((root) => this.hangingIn(root) >= MAX_HANGING);
      if (hung !== undefined) {
        options.onReleased?.();
        return reject(storageUnavailable(this.nameOf(hung), 'it does not answer'));
      }
      const ledger = options.ledger ?? new Ledger();
      const job: Job = {
        id: this.nextId++,
        kind,
        input,
        options,
        ledger,
        resolve: resolve as Job['resolve'],
        reject,
        told: false,
      };
      (BRIEF.has(kind) ? this.brief : this.queue).push(job);
      this.dispatch();
    });
  }

  private hangingIn(root: number): number {
    return [...this.threads].filter((thread) => thread.hangsIn === root).length;
  }

  private nameOf(root: number): string {
    return this.options.rootNames[root] ?? 'The storage';
  }

  private dispatch(): void {
    const usable = [...this.threads].filter((thread) => thread.hangsIn === undefined);
    const job = this.nextJob(usable.flatMap((thread) => thread.job ?? []));
    if (!job) return;
    this.give(usable.find((thread) => !thread.job) ?? this.start(), job);
    this.dispatch();
  }

  private nextJob(running: Job[]): Job | undefined {
    const { size } = this.options;
    if (running.length > size) return undefined;
    const long = running.filter((job) => !BRIEF.has(job.kind)).length;
    // While both kinds wait they take turns: neither may keep the other waiting for ever.
    const isLongNext = this.brief.length > 0 ? this.gaveBrief && long < size : running.length < size;
    const jobs = isLongNext && this.queue.length > 0 ? this.queue : this.brief;
    this.gaveBrief = jobs === this.brief;
    return jobs.shift();
  }

  private start(): Thread {
    const pulse = new Pulse();
    const worker = new Worker(workerFile(), {
      workerData: { pulse: pulse.memory },
      // Handles of a tree are used by several threads in turn; none may be closed because one thread ends.
      trackUnmanagedFds: false,
      name: 'files',
    });
    const thread: Thread = { worker, pulse, job: undefined, beats: 0, since: Date.now(), hangsIn: undefined };
    this.threads.add(thread);
    worker.unref();
    worker.on('message', (message: WorkerMessage) => this.hear(thread, message));
    worker.on('error', (error) => this.lose(thread, error));
    worker.on('exit', () => this.lose(thread, new Error('A worker thread ended unexpectedly')));
    return thread;
  }

  private give(thread: Thread, job: Job): void {
    thread.job = job;
    thread.beats = thread.pulse.beats;
    thread.since = Date.now();
    const message: TaskMessage = { id: job.id, kind: job.kind, input: job.input, ledger: job.ledger.memory };
    thread.worker.ref();
    thread.worker.postMessage(message);
  }

  private hear(thread: Thread, message: WorkerMessage): void {
    const { job } = thread;
    if (!job || job.id !== message.id) return;
    if (message.type === 'report') {
      if (job.options.onReport) job.options.onReport(message.data);
      else job.ledger.read();
      return;
    }
    this.free(thread);
    if (message.type === 'failed') {
      if (!job.told) job.reject(fromPlainError(message.error));
    } else if (job.told) job.options.onLate?.(message.value);
    else job.resolve(message.value);
    job.options.onReleased?.();
    this.dispatch();
  }

  private free(thread: Thread): void {
    thread.job = undefined;
    const surplus = thread.hangsIn !== undefined && this.threads.size > this.options.size + 1;
    thread.hangsIn = undefined;
    thread.worker.unref();
    if (!surplus) return;
    this.threads.delete(thread);
    void thread.worker.terminate();
  }

  private lose(thread: Thread, error: unknown): void {
    if (!this.threads.delete(thread)) return;
    const { job } = thread;
    if (job && !job.told) job.reject(error);
    job?.options.onReleased?.();
    if (!this.closed) this.dispatch();
  }

  private watch(): void {
    const now = Date.now();
    for (const thread of this.threads) {
      const { beats, patience, where } = thread.pulse;
      if (!thread.job || thread.hangsIn !== undefined || beats !== thread.beats) {
        thread.beats = beats;
        thread.since = now;
      } else if (now - thread.since >= this.options.timeoutMs * patience) this.giveUp(thread, where);
    }
  }

  private giveUp(thread: Thread, root: number): void {
    const job = thread.job!;
    thread.hangsIn = root;
    thread.worker.unref();
    // Should the call return after all, the task ends at its next step and cleans up behind itself.
    job.ledger.cancel();
    job.told = true;
    const seconds = Math.round(this.options.timeoutMs / 1000);
    job.reject(storageUnavailable(this.nameOf(root), `no answer for ${seconds} s`));
    this.refuse(root);
    this.dispatch();
  }

  /** What waits for a root that hangs would only hang as well. */
  private refuse(root: number): void {
    if (this.hangingIn(root) < MAX_HANGING) return;
    const error = storageUnavailable(this.nameOf(root), 'it does not answer');
    this.takeBack((job) => job.options.roots?.includes(root) === true, error);
  }

  /** Takes back what still waits for a thread on behalf of a cancelled operation; it rejects with `CancelledError`. */
  withdraw(ledger: Ledger): void {
    this.takeBack((job) => job.ledger === ledger, new CancelledError());
  }

  private takeBack(concerns: (job: Job) => boolean, error: Error): void {
    for (const jobs of [this.brief, this.queue]) {
      for (const job of jobs.splice(0)) {
        if (!concerns(job)) jobs.push(job);
        else {
          job.reject(error);
          job.options.onReleased?.();
        }
      }
    }
  }

  /** Ends all threads; what runs is rejected. A thread that hangs is left behind. */
  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.watchdog);
    this.takeBack(() => true, new Error('The worker pool is closed'));
    const ending = [...this.threads]
      .filter((thread) => thread.hangsIn === undefined)
      .map((thread) => thread.worker.terminate());
    await Promise.all(ending);
  }
}

/** The compiled worker, also when this file runs from its source in a test. */
function workerFile(): string {
  const file = path.join(__dirname, 'worker-main.js');
  return __filename.endsWith('.ts') ? file.replace(/\/libs\/files\/src\/pool\//, '/dist/libs/files/src/pool/') : file;
}
