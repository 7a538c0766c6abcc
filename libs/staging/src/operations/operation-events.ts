import { Injectable } from '@nestjs/common';
import { type StagingRecord } from '@app/records';

/** An operation that has ended, for metrics and the like. */
export interface OperationEnded {
  record: StagingRecord;
  /** From the request to the end. */
  seconds: number;
}

type Listener = (event: OperationEnded) => void;

/** Tells listeners of each operation that ends in this process. */
@Injectable()
export class OperationEvents {
  private readonly listeners = new Set<Listener>();

  /** Returns what ends the subscription. */
  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  ended(event: OperationEnded): void {
    for (const listener of this.listeners) listener(event);
  }
}
