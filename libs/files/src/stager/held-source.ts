import { type HeldHandle } from '../reading/source-tasks';
import { Ledger } from '../pool/control';
import { type TaskInput, type TaskKind, type TaskOutput } from '../pool/tasks';
import { type RunOptions, type WorkerPool } from '../pool/worker-pool';
import { type HandleCloser } from './handle-closer';

/** The result of some work, or the signal's reason as soon as it is aborted; `onAbort` tells the work to end. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal, onAbort: () => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = () => {
      onAbort();
      reject(signal.reason as Error);
    };
    // Not a moment later: what was handed over must not be discarded as well.
    const settled = () => signal.removeEventListener('abort', abort);
    signal.addEventListener('abort', abort, { once: true });
    work.then(
      (value) => (settled(), resolve(value)),
      (error: Error) => (settled(), reject(error)),
    );
    if (signal.aborted) abort();
  });
}

/** What goes with a task on a held source. */
export interface HeldRunOptions extends Pick<RunOptions, 'ledger' | 'onReport'> {
  /** Its abortion rejects at once, although a call that is under way may return later. */
  signal?: AbortSignal;
}

/**
 * An open handle and the tasks that use it. It is closed once, and never while a worker may still use it: its number
 * could be another file's by then.
 */
export class HeldSource {
  private readonly running = new Map<Promise<unknown>, Ledger>();
  private underWay = 0;
  private whenIdle: (() => void) | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    readonly held: HeldHandle,
    private readonly pool: WorkerPool,
    private readonly closer: HandleCloser,
  ) {}

  /** Runs a task that uses the handle. Rejects as {@link WorkerPool.run} does, and once the source is closed. */
  run<K extends TaskKind>(
    kind: K,
    input: TaskInput<K>,
    { signal, ledger = new Ledger(), onReport }: HeldRunOptions = {},
  ): Promise<TaskOutput<K>> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    if (this.closing) return Promise.reject(new Error('The source is closed already'));
    this.underWay += 1;
    const work = this.pool.run(kind, input, {
      ledger,
      roots: [this.held.root],
      onReport,
      onReleased: () => {
        this.underWay -= 1;
        if (this.underWay === 0) this.whenIdle?.();
      },
    });
    this.running.set(work, ledger);
    const ended = () => void this.running.delete(work);
    work.then(ended, ended);
    return signal ? untilAborted(work, signal, () => this.stop(ledger)) : work;
  }

  private stop(ledger: Ledger): void {
    ledger.cancel();
    this.pool.withdraw(ledger);
  }

  /**
   * Ends what is under way and closes the handle; may be called again. Does not wait for a storage that hangs: there
   * the handle is closed when the call under way returns.
   */
  close(): Promise<void> {
    return (this.closing ??= this.end());
  }

  private async end(): Promise<void> {
    for (const ledger of this.running.values()) this.stop(ledger);
    await Promise.allSettled(this.running.keys());
    const close = () => this.closer.close(this.held.root, this.held.handle);
    if (this.underWay > 0) this.whenIdle = () => void close();
    else await close();
  }
}
