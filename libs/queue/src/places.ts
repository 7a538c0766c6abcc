import { type Place } from './contract/job-queue';

/** The places that are in use in one process, and how those who work in them are asked to end. */
export class Places {
  private readonly controllers = new Map<string, AbortController>();
  private held = 0;
  private whenIdle: (() => void) | undefined;

  /** Places in use. */
  get count(): number {
    return this.held;
  }

  /** Ids of the jobs that are worked on. */
  get ids(): string[] {
    return [...this.controllers.keys()];
  }

  /** Takes a place for a job; `onLeave` is called when it is given back. */
  take(id: string, onLeave: () => void): Place {
    this.held += 1;
    // From now on, so that what is asked to end before its work begins knows it then.
    const controller = new AbortController();
    this.controllers.set(id, controller);
    const leave = () => {
      if (this.controllers.get(id) === controller) this.controllers.delete(id);
      this.held -= 1;
      onLeave();
      if (this.held === 0) this.whenIdle?.();
    };
    return {
      run: async (work) => {
        try {
          return await work(controller.signal);
        } finally {
          leave();
        }
      },
      giveBack: leave,
    };
  }

  /** False when no such job is worked on here. */
  abort(id: string, reason: Error): boolean {
    const controller = this.controllers.get(id);
    controller?.abort(reason);
    return controller !== undefined;
  }

  /** Asks all to end. */
  abortAll(reason: () => Error): void {
    for (const controller of this.controllers.values()) controller.abort(reason());
  }

  /** Resolves when no place is in use. */
  async idle(): Promise<void> {
    if (this.held > 0) await new Promise<void>((resolve) => (this.whenIdle = resolve));
  }
}
