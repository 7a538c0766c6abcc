interface Waiter {
  timer: NodeJS.Timeout;
  go: () => void;
}

/** A number of places: who finds none waits, in the order of coming, for a limited time. */
export class Slots {
  private readonly waiting = new Set<Waiter>();
  private free: number;

  constructor(readonly size: number) {
    this.free = size;
  }

  /** Takes a place; rejects when none has become free in time. Each place taken must be given back once. */
  take(timeoutMs: number): Promise<void> {
    if (this.free > 0) {
      this.free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.waiting.delete(waiter);
        reject(new Error(`No connection to the database became free within ${timeoutMs} ms`));
      };
      const waiter: Waiter = { timer: setTimeout(giveUp, timeoutMs), go: resolve };
      this.waiting.add(waiter);
    });
  }

  /** Gives a place back, to the one who has waited longest. */
  give(): void {
    const [next] = this.waiting;
    if (!next) {
      this.free += 1;
      return;
    }
    this.waiting.delete(next);
    clearTimeout(next.timer);
    next.go();
  }
}
