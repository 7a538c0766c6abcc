import { Inject, Injectable } from '@nestjs/common';
import { type Bus, BUS } from '@app/cluster';
import { type OperationEnded, OperationEvents } from './operation-events';

/** `changed`: it began, waits again, or what it waits for is another thing. */
export type OperationChange = 'changed' | 'ended';

type Watcher = (change: OperationChange, event: OperationEnded | null) => void;

/** Tells of single operations what becomes of them, wherever they run. */
@Injectable()
export class OperationWatch {
  private readonly watchers = new Map<string, Set<Watcher>>();
  private readonly whenClosed = new Set<() => void>();
  private closed = false;

  constructor(
    events: OperationEvents,
    @Inject(BUS) private readonly bus: Bus,
  ) {
    events.subscribeAll((event) => this.tell(event.record.id, 'ended', event));
    bus.subscribe('operation-changed', ({ id }) => this.tell(id, 'changed', null));
  }

  /** Operations that somebody watches. */
  get watched(): string[] {
    return [...this.watchers.keys()];
  }

  /** Calls `listener` at each change of state of one operation. Returns what ends the subscription. */
  subscribe(id: string, listener: (change: OperationChange) => void): () => void {
    return this.watch(id, listener);
  }

  /**
   * Resolves when an operation ends; with null when `timeoutMs` have passed, `signal` fires or the service stops first.
   * One that has ended already is not seen: subscribe before it can end, or look at its record.
   */
  untilEnded(id: string, timeoutMs: number, signal?: AbortSignal): Promise<OperationEnded | null> {
    return new Promise((resolve) => {
      if (this.closed || signal?.aborted) return resolve(null);
      const end = (event: OperationEnded | null) => {
        clearTimeout(timer);
        unsubscribe();
        this.whenClosed.delete(giveUp);
        signal?.removeEventListener('abort', giveUp);
        resolve(event);
      };
      const giveUp = () => end(null);
      const unsubscribe = this.watch(id, (_change, event) => event && end(event));
      const timer = Number.isFinite(timeoutMs) ? setTimeout(giveUp, timeoutMs) : undefined;
      this.whenClosed.add(giveUp);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }

  /** Tells watchers that the state of an operation is another one. */
  changed(id: string): void {
    this.tell(id, 'changed', null);
    this.bus.publish('operation-changed', { id });
  }

  /** Lets everybody go who waits for an end; from now on nobody can. */
  close(): void {
    this.closed = true;
    for (const giveUp of [...this.whenClosed]) giveUp();
  }

  private watch(id: string, watcher: Watcher): () => void {
    const watchers = this.watchers.get(id) ?? new Set();
    this.watchers.set(id, watchers.add(watcher));
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.watchers.get(id) === watchers) this.watchers.delete(id);
    };
  }

  private tell(id: string, change: OperationChange, event: OperationEnded | null): void {
    for (const watcher of [...(this.watchers.get(id) ?? [])]) watcher(change, event);
  }
}
