import { Injectable } from '@nestjs/common';
import { RootMonitor, type RootsSeen } from './root-monitor';

type Listener = (problem: string | null) => void;

/**
 * Whether this process can use its storages now, as they were seen a few seconds ago. Whoever takes work does not choose
 * for which storage it is, and a process without a mount would fail what another could do. Closed until they were seen first.
 */
@Injectable()
export class RootsGate {
  private readonly listeners = new Set<Listener>();
  private last: string | null;

  constructor(private readonly monitor: RootMonitor) {
    this.last = this.problem;
    monitor.onLook(() => this.compare());
  }

  /** True when there is something that this process can do: it has the user areas and at least one storage. */
  get isOfUse(): boolean {
    const { storages, target } = this.monitor.seen;
    return target.available && storages.some(({ available }) => available);
  }

  /** Why storages or user areas cannot be used, in a sentence for each that is away; null when all can. */
  get problem(): string | null {
    return problemOf(this.monitor.seen);
  }

  /** Calls `listener` with the problem whenever that becomes another, or none. Returns what ends the subscription. */
  onChange(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private compare(): void {
    const { problem } = this;
    if (problem === this.last) return;
    this.last = problem;
    for (const listener of this.listeners) listener(problem);
  }
}

function problemOf({ storages, target }: RootsSeen): string | null {
  const away = [target, ...storages].filter(({ available }) => !available);
  return away.length === 0 ? null : away.map(({ problem }) => problem ?? 'A root is not available.').join(' ');
}
