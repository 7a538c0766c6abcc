import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseUnavailable, isBusy } from './database-errors';

/** Pause before work that met another writer is done again. */
const PAUSE_MS = 15;

/**
 * Does work until it meets no other writer; what it did before was undone. Throws `database_unavailable` when that lasts
 * until `deadline` (`performance.now()`), any other error at once.
 */
export async function whileBusy<T>(work: () => T | Promise<T>, deadline: number): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (performance.now() + PAUSE_MS >= deadline) throw new DatabaseUnavailable(error);
    }
    await delay(PAUSE_MS);
  }
}
