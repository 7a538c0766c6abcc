import { CancelledError, Ledger } from '../pool/control';
import { type WorkerPool } from '../pool/worker-pool';

/**
 * Lets the pool work under a ledger that is cancelled when `signal` aborts, and waits until the work has ended. Rejects
 * with the signal's reason then.
 */
export async function abortable<T>(
  pool: WorkerPool,
  signal: AbortSignal,
  work: (ledger: Ledger) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const ledger = new Ledger();
  const abort = () => {
    ledger.cancel();
    pool.withdraw(ledger);
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await work(ledger);
  } catch (error) {
    if (error instanceof CancelledError) signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
