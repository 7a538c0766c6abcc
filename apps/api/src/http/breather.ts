import { setImmediate as nextTurn } from 'node:timers/promises';

/** Time that work in the service's own thread takes at one go, in milliseconds: others wait for so long at most. */
const TURN_MS = 5;

/** Lets others have their turn during long work in the service's own thread. */
export class Breather {
  private begun = performance.now();

  /** Resolves at once as long as the turn is short, else after everybody else has had theirs. */
  async pause(): Promise<void> {
    if (performance.now() - this.begun < TURN_MS) return;
    await nextTurn();
    this.begun = performance.now();
  }
}
