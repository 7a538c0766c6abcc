import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until something has come true, looking every few milliseconds, and fails with `otherwise` after `seconds`. What
 * the condition throws ends the waiting at once.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  otherwise: string,
  seconds = 20,
): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`${otherwise} (waited ${seconds} s)`);
    await delay(10);
  }
}
