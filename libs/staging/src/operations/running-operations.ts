import { AppError } from '@app/core';

/** Seconds after which a caller may find the service running again. */
const RESTART_SECONDS = 10;

/** The error for what comes, or is still under way, when the service stops. */
export function shuttingDown(): AppError {
  return new AppError('shutting_down', 'The service is stopping; nothing was staged. Ask again in a moment.', {
    retryAfterSeconds: RESTART_SECONDS,
  });
}

/** The operations that run in this process: asked to end when it stops. */
export class RunningOperations {
  private readonly running = new Map<string, AbortController>();
  private closing = false;
  private whenEmpty: (() => void) | undefined;

  /** Ids of what runs now. */
  get ids(): string[] {
    return [...this.running.keys()];
  }

  /** False once the service stops. */
  get accepting(): boolean {
    return !this.closing;
  }

  /** Runs an operation with the signal that ends it. Throws `shutting_down` when no more work is taken. */
  async run<T>(id: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.closing) throw shuttingDown();
    const controller = new AbortController();
    this.running.set(id, controller);
    try {
      return await work(controller.signal);
    } finally {
      this.running.delete(id);
      if (this.running.size === 0) this.whenEmpty?.();
    }
  }

  /** Asks an operation that runs in this process to end, for this reason. False when it does not run here. */
  cancel(id: string, reason: Error): boolean {
    const controller = this.running.get(id);
    controller?.abort(reason);
    return controller !== undefined;
  }

  /** Takes no more work, waits `graceMs` for what runs, then aborts the rest and waits until it has cleaned up. */
  async drain(graceMs: number): Promise<void> {
    this.closing = true;
    if (this.running.size === 0) return;
    const empty = new Promise<void>((resolve) => (this.whenEmpty = resolve));
    const timer = setTimeout(() => {
      for (const controller of this.running.values()) controller.abort(shuttingDown());
    }, graceMs);
    await empty;
    clearTimeout(timer);
  }
}
