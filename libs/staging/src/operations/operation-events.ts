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

/** Tells listeners of operations that end: each that does in this process, and of others those that somebody here asks for. */
@Injectable()
export class OperationEvents {
  private readonly own = new Set<Listener>();
  private readonly all = new Set<Listener>();
  private readonly whenLost = new Set<() => void>();

  /** Of what ends in this process. Returns what ends the subscription. */
  subscribe(listener: Listener): () => void {
    this.own.add(listener);
    return () => this.own.delete(listener);
  }

  /** Also of what ends in others, as far as that is heard of. Returns what ends the subscription. */
  subscribeAll(listener: Listener): () => void {
    this.all.add(listener);
    return () => this.all.delete(listener);
  }

  /** Of attempts of this process that another one had taken over meanwhile. Returns what ends the subscription. */
  subscribeLost(listener: () => void): () => void {
    this.whenLost.add(listener);
    return () => this.whenLost.delete(listener);
  }

  ended(event: OperationEnded): void {
    for (const listener of [...this.own, ...this.all]) listener(event);
  }

  endedElsewhere(event: OperationEnded): void {
    for (const listener of this.all) listener(event);
  }

  lost(): void {
    for (const listener of this.whenLost) listener();
  }
}
