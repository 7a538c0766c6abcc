import { setImmediate as breathe } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { AppError, traceFields } from '@app/core';
import { refuseEscape } from '@app/files';
import { AppLogger } from '@app/logging';
import { JOB_QUEUE, type JobQueue, shuttingDown } from '@app/queue';
import {
  type BatchFilter,
  BatchRepository,
  OperationRepository,
  type Page,
  ProcessIdentity,
  StagingBatch,
  type StagingRecord,
} from '@app/records';
import { OperationCancelled } from '../contract/operation-cancelled';
import { type StagingMethod, type StagingOperation } from '../contract/staging-method';
import { Dispatcher } from '../operations/dispatcher';
import { LeftOverSweeper } from '../operations/left-over-sweeper';
import { OthersWork } from '../operations/others-work';
import { RequestReader } from '../operations/request-reader';
import { isRetryable, retryValues } from '../operations/retry-policy';
import { cancellationOf, failureOf } from '../operations/settlement';
import { newRecord } from '../operations/stage-request';
import { acceptedState, type BatchItem, type BatchRequest, type BatchState, requestOf } from './batch-request';
import { BatchStates } from './batch-states';
import { Destinations } from './destinations';

/** What was written of a batch. */
interface Written {
  /** Ids of what waits, which is all that the queue needs. */
  queued: string[];
  /** How many could only be refused. */
  refused: number;
}

/** Many operations that are asked for, ended and tried again together. */
@Injectable()
export class BatchService {
  constructor(
    private readonly reader: RequestReader,
    private readonly records: OperationRepository,
    private readonly batches: BatchRepository,
    private readonly states: BatchStates,
    private readonly dispatcher: Dispatcher,
    private readonly sweeper: LeftOverSweeper,
    private readonly asked: OthersWork,
    @Inject(JOB_QUEUE) private readonly queue: Pick<JobQueue, 'accepting'>,
    private readonly identity: ProcessIdentity,
    private readonly logger: AppLogger,
  ) {}

  /** Throws `validation_failed` for an item that is no proper request; where its paths lead does not matter yet. */
  checkItem(request: Omit<BatchRequest, 'batchId' | 'count'>, item: BatchItem): void {
    this.reader.read(requestOf(request, item));
  }

  /**
   * Accepts a batch as a whole: once this resolves, each of its items is recorded, those that can be begun are in line, the
   * others are failures. When it rejects, nothing of it is there. `items` come in parts, in order, each of them checked.
   * Throws `invalid_method`, `forbidden`, `quota_exceeded`, `shutting_down`, `database_unavailable`.
   */
  async accept(request: BatchRequest, items: AsyncIterable<BatchItem[]>): Promise<BatchState> {
    const { batchId: id, username, requestedBy, count } = request;
    const method = await this.reader.admit(request.method, username);
    if (!this.queue.accepting) throw shuttingDown();
    const room = await this.dispatcher.admit(username, count);
    const owner = this.identity.name;
    const batch = { id, method: method.name, username, requestedBy, items: count, createdAt: new Date(), owner };
    let written: Written;
    try {
      await this.batches.insert(Object.assign(new StagingBatch(), batch));
      written = await this.write(request, method, items);
      await this.batches.accept(id, new Date());
      await this.dispatcher.enqueueBatch(id, username, written.queued);
    } catch (error) {
      await this.discard(id);
      throw error;
    } finally {
      room.leave();
    }
    const trace = traceFields(request.traceParent ?? null);
    this.logger.info('Batch accepted', { batch_id: id, method: method.name, username, items: count, ...trace });
    // Not counted in the database: that could fail, and the sender would take the batch for refused.
    return acceptedState(batch, { queued: written.queued.length, failure: written.refused });
  }

  private async write(
    request: BatchRequest,
    method: StagingMethod,
    items: AsyncIterable<BatchItem[]>,
  ): Promise<Written> {
    const destinations = new Destinations();
    const queued: string[] = [];
    let index = 0;
    for await (const part of items) {
      const records = part.map((item) => this.recordOf(request, method, item, destinations, index++));
      await this.records.insertAll(records);
      for (const { id, status } of records) if (status === 'queued') queued.push(id);
      // On SQLite nothing was waited for: others need their turn.
      await breathe();
    }
    return { queued, refused: index - queued.length };
  }

  /** The record of an item: queued, or a failure when that can be seen from its names. */
  private recordOf(
    request: BatchRequest,
    method: StagingMethod,
    item: BatchItem,
    destinations: Destinations,
    index: number,
  ): StagingRecord {
    const single = requestOf(request, item);
    const operation = this.reader.read(single);
    const record = newRecord(operation, single, method, this.identity.name);
    Object.assign(record, { batchId: request.batchId, background: true });
    const refusal = escapeOf(operation.destination) ?? destinations.enter(operation, index);
    return refusal ? Object.assign(record, failureOf(refusal)) : record;
  }

  /** Its sender is told that it failed, and will send it again. */
  private async discard(id: string): Promise<void> {
    try {
      await this.batches.discard(id);
    } catch (error) {
      this.logger.error('A batch that was not accepted could not be removed; it is when the service starts again', {
        batch_id: id,
        error,
      });
    }
  }

  /** How a batch stands, at most a second ago; null when there is none. */
  find(id: string): Promise<BatchState | null> {
    return this.states.of(id);
  }

  /** A part of the list of batches, newest first, each as it was a second ago at most. Throws `validation_failed`. */
  async page(filter: BatchFilter, limit: number, cursor?: string): Promise<Page<BatchState>> {
    const { items, nextCursor } = await this.batches.page(filter, limit, cursor);
    const states: BatchState[] = [];
    for (const batch of items) {
      // One after the other: a batch may have very many operations to be counted.
      const state = await this.states.of(batch.id, () => Promise.resolve(batch));
      if (state) states.push(state);
      await breathe();
    }
    return { items: states, nextCursor };
  }

  /** Ends all that has not ended. Throws `not_found`, `already_ended`. */
  async cancel(id: string): Promise<BatchState> {
    const { username } = await this.existing(id);
    const reason = new OperationCancelled('Its batch was cancelled on request.');
    // Records first: what is in line only, when the database fails now, would never be begun again.
    let ending = await this.batches.cancelQueued(id, cancellationOf(reason));
    for await (const records of this.records.eachOf(id, 'running')) {
      const elsewhere = records.filter((record) => !this.dispatcher.abort(record.id, reason)).map(({ id: one }) => one);
      ending += records.length - elsewhere.length;
      if (await this.asked.cancel(elsewhere, reason)) ending += elsewhere.length;
    }
    // Once more: what ran may wait for its next attempt by now.
    ending += await this.batches.cancelQueued(id, cancellationOf(reason));
    await this.dispatcher.withdrawBatch(id, username);
    this.sweeper.removeOfBatch(id);
    if (ending === 0) throw new AppError('already_ended', 'The batch has ended already; there is nothing to cancel.');
    this.logger.info('Batch cancelled', { batch_id: id, username, operations: ending });
    return this.existing(id);
  }

  /**
   * Tries again what failed or was cancelled, and nothing else. Throws `not_found`, `not_retryable`, `quota_exceeded`,
   * `shutting_down`.
   */
  async retry(id: string): Promise<BatchState> {
    const { username, counts } = await this.existing(id);
    if (!this.queue.accepting) throw shuttingDown();
    const room = await this.dispatcher.admit(username, counts.failure + counts.cancelled);
    let again = 0;
    try {
      for (const status of ['failure', 'cancelled'] as const) {
        for await (const records of this.records.eachOf(id, status)) again += await this.revive(id, username, records);
      }
    } finally {
      room.leave();
    }
    if (again === 0) throw new AppError('not_retryable', 'Nothing of this batch failed that could be tried again.');
    this.logger.info('Batch tried again', { batch_id: id, username, operations: again });
    return this.existing(id);
  }

  private async revive(id: string, username: string, records: StagingRecord[]): Promise<number> {
    const changes = records.filter(isRetryable).map((record) => ({
      id: record.id,
      from: [record.status],
      values: retryValues(record, this.identity.name),
    }));
    const changed = await this.records.transitionAll(changes);
    await this.dispatcher.enqueueBatch(id, username, changed);
    return changed.length;
  }

  /** Removes the batches that a dead process did not come to accept: their senders got no answer. */
  async discardUnaccepted(owner: string): Promise<void> {
    for (const { id } of await this.batches.unacceptedOf(owner)) {
      await this.batches.discard(id);
      this.logger.warning('Removed a batch that was not accepted when its process died', { batch_id: id });
    }
  }

  private async existing(id: string): Promise<BatchState> {
    const state = await this.states.anew(id);
    if (!state) throw noSuchBatch();
    return state;
  }
}

/** The error for a batch that is not there. */
export function noSuchBatch(): AppError {
  return new AppError('not_found', 'There is no such batch.');
}

function escapeOf(destination: StagingOperation['destination']): AppError | null {
  try {
    if (destination) refuseEscape(destination);
    return null;
  } catch (error) {
    return error as AppError;
  }
}
