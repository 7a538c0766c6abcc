import { Injectable } from '@nestjs/common';
import { type AppError } from '@app/core';
import { type StagingRecord } from '@app/records';

/** An operation that has ended, for metrics and for those who wait. */
export interface OperationEnded {
  record: StagingRecord;
  /** From the request to the end. */
  seconds: number;
  /** What whoever waits is told of an operation that failed or was cancelled; null for a success. */
  failure: AppError | null;
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
