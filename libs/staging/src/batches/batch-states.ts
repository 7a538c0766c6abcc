import { Injectable } from '@nestjs/common';
import { BatchRepository, type StagingBatch } from '@app/records';
import { type BatchState } from './batch-request';

/** For this long what was counted is told again, in milliseconds: a large batch may be watched by many. */
const FRESH_MS = 1000;
/** Batches that are remembered; beyond that, all are forgotten. */
const MAX_KNOWN = 1000;

interface Known {
  at: number;
  state: Promise<BatchState | null>;
}

/** How batches stand, counted at most once a second each. */
@Injectable()
export class BatchStates {
  private readonly known = new Map<string, Known>();

  constructor(private readonly batches: BatchRepository) {}

  /**
   * How a batch stands, at most a second ago; null when there is none, or it is not accepted yet. `find` gives the batch itself,
   * for who has it already.
   */
  of(id: string, find = () => this.batches.find(id)): Promise<BatchState | null> {
    const known = this.known.get(id);
    if (known && performance.now() - known.at < FRESH_MS) return known.state;
    return this.anew(id, find);
  }

  /** How it stands now. */
  anew(id: string, find = () => this.batches.find(id)): Promise<BatchState | null> {
    if (this.known.size >= MAX_KNOWN) this.known.clear();
    const known = { at: performance.now(), state: this.count(find) };
    this.known.set(id, known);
    // What is not there yet may be in a moment.
    known.state.then(
      (state) => state ?? this.forget(id, known),
      () => this.forget(id, known),
    );
    return known.state;
  }

  private forget(id: string, known: Known): void {
    if (this.known.get(id) === known) this.known.delete(id);
  }

  private async count(find: () => Promise<StagingBatch | null>): Promise<BatchState | null> {
    const batch = await find();
    if (!batch?.acceptedAt) return null;
    const { id, method, username, requestedBy, createdAt } = batch;
    return { id, method, username, requestedBy, createdAt, ...(await this.batches.countsOf(id)) };
  }
}
