import { Injectable } from '@nestjs/common';
import { AppError } from '@app/core';
import { OperationRepository, ProcessIdentity, type StagingRecord } from '@app/records';
import { MethodRegistry } from '../contract/method-registry';
import { cancelledOnRequest, type OperationCancelled } from '../contract/operation-cancelled';
import { type CallerHooks } from '../contract/staging-method';
import { ReleaseService } from '../releases/release.service';
import { Dispatcher } from './dispatcher';
import { OperationRunner } from './operation-runner';
import { OperationWatch } from './operation-watch';
import { OthersWork } from './others-work';
import { NO_HOOKS } from './preparation';
import { isRetryable, retryValues } from './retry-policy';
import { cancellationOf } from './settlement';

/** Time in which most work that is asked to end has, so that the answer can say so, in milliseconds. */
const ENDING_MS = 1000;
/** An operation changes between two looks at most so often as it is asked for. */
const MAX_LOOKS = 10;

/** What may be asked of an operation that is there already. */
@Injectable()
export class OperationControl {
  constructor(
    private readonly records: OperationRepository,
    private readonly methods: MethodRegistry,
    private readonly dispatcher: Dispatcher,
    private readonly runner: OperationRunner,
    private readonly asked: OthersWork,
    private readonly watch: OperationWatch,
    private readonly releases: ReleaseService,
    private readonly identity: ProcessIdentity,
  ) {}

  /**
   * Ends an operation that has not ended. Resolves with its record as it is then: mostly `cancelled`, or still `running`
   * for as long as it tidies up. Throws `already_ended`.
   */
  async cancel(record: StagingRecord): Promise<StagingRecord> {
    const reason = cancelledOnRequest();
    for (let looks = 0, now = record; looks < MAX_LOOKS; looks += 1) {
      const ended = await this.tryCancel(now, reason);
      if (ended) return ended;
      now = await this.fresh(now);
    }
    throw new AppError('queue_unavailable', 'The operation runs in another process, which does not answer.', {
      retryAfterSeconds: 10,
    }).ofOperation(record.id);
  }

  /** Null when the operation is in another state than its record says. */
  private async tryCancel(record: StagingRecord, reason: OperationCancelled): Promise<StagingRecord | null> {
    const { id, status } = record;
    if (status !== 'queued' && status !== 'running') throw nothingToCancel().ofOperation(id);
    if (status === 'queued') {
      const end = cancellationOf(reason);
      if (!(await this.records.transition(id, ['queued'], end))) return null;
      await this.dispatcher.withdraw(record);
      const cancelled = Object.assign(record, end);
      this.runner.withdrawn(cancelled, reason);
      return cancelled;
    }
    const ended = this.watch.untilEnded(id, ENDING_MS);
    if (!this.dispatcher.abort(id, reason) && !(await this.asked.cancel([id], reason))) return null;
    await ended;
    return this.fresh(record);
  }

  /**
   * Tries one again that failed or was cancelled: it waits in line, or begins at once where its caller takes part in it.
   * Resolves with its record. Throws `not_retryable`, `quota_exceeded`, `shutting_down`.
   */
  async retry(record: StagingRecord, hooks: CallerHooks = NO_HOOKS): Promise<StagingRecord> {
    if (!isRetryable(record)) throw notRetryable(record).ofOperation(record.id);
    const isAttended = hooks.callerToken !== null || this.isHandedOver(record);
    return isAttended ? this.retryNow(record, hooks) : this.retryInLine(record);
  }

  private async retryInLine(record: StagingRecord): Promise<StagingRecord> {
    const room = await this.dispatcher.admit(record.username, 1);
    try {
      const again = await this.revive(record, retryValues(record, this.identity.name));
      await this.dispatcher.enqueue([again]);
      return again;
    } finally {
      room.leave();
    }
  }

  private async retryNow(record: StagingRecord, hooks: CallerHooks): Promise<StagingRecord> {
    const place = await this.dispatcher.attend(record);
    const values = retryValues(record, this.identity.name);
    const begun = { ...values, status: 'running' as const, startedAt: new Date(), background: false };
    try {
      await this.revive(record, begun);
    } catch (error) {
      place.giveBack();
      throw error;
    }
    const ended = this.dispatcher.resume(place, record, hooks);
    if (this.isHandedOver(record)) await ended;
    return record;
  }

  private async revive(record: StagingRecord, values: Partial<StagingRecord>): Promise<StagingRecord> {
    if (!(await this.records.transition(record.id, ['failure', 'cancelled'], values))) {
      throw notRetryable(await this.fresh(record)).ofOperation(record.id);
    }
    this.watch.changed(record.id);
    return Object.assign(record, values);
  }

  /** Removes what an operation staged, in the background. Throws `already_ended` when there is nothing to remove. */
  release(record: StagingRecord): Promise<StagingRecord> {
    return this.releases.request(record);
  }

  private isHandedOver({ method }: StagingRecord): boolean {
    return this.methods.find(method)?.capabilities.destination === 'none';
  }

  private async fresh(record: StagingRecord): Promise<StagingRecord> {
    return (await this.records.find(record.id)) ?? record;
  }
}

function nothingToCancel(): AppError {
  return new AppError('already_ended', 'The operation has ended already; there is nothing to cancel.');
}

function notRetryable({ status, errorReason }: StagingRecord): AppError {
  const why = {
    queued: 'it waits for its turn already',
    running: 'it runs',
    success: 'it went well',
    failure: `the same request can only fail again (${errorReason ?? 'see its record'})`,
    cancelled: 'it was changed meanwhile',
  }[status];
  return new AppError('not_retryable', `The operation cannot be retried: ${why}.`);
}
