import { type DestinationPath } from '../names/path-text';
import { rawFromText } from '../names/raw-name';
import { type WorkerPool } from '../pool/worker-pool';
import { type RootRegistry } from './root-registry';

/** Finds and removes what dead operations left in their private directories. */
export class LeftOvers {
  constructor(
    private readonly pool: WorkerPool,
    private readonly roots: RootRegistry,
  ) {}

  /** Ids of the operations that have a private directory or a receipt below the target root, dead or alive. */
  list(): Promise<string[]> {
    return this.pool.run('listPrivate', this.roots.target, { roots: [0] });
  }

  /**
   * Removes the receipts and the private directories of one operation that is dead: below the target root and, when its destination is
   * known, inside the user's area. `names`: what they may be called. Removes nothing else; idempotent.
   */
  remove(
    operationId: string,
    destination: { username: string; path: DestinationPath } | null,
    names: string[] = [operationId],
  ): Promise<void> {
    const where = destination && { username: rawFromText(destination.username), segments: destination.path.segments };
    const task = { target: this.roots.target, names, destination: where, hasEnded: true };
    return this.pool.run('sweepPrivate', task, { roots: [0] });
  }

  /**
   * Removes the receipts that placements left, once the ends of their operations are recorded. `names`: what the private
   * directories of their attempts were called. Idempotent.
   */
  dropReceipts(names: string[]): Promise<void> {
    return this.pool.run('dropReceipts', { target: this.roots.target, names }, { roots: [0] });
  }
}
