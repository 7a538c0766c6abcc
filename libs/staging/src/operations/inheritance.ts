import { Injectable } from '@nestjs/common';
import { traceFields } from '@app/core';
import { AppLogger } from '@app/logging';
import {
  ManifestRepository,
  OperationRepository,
  PendingReleases,
  ProcessIdentity,
  type StagingRecord,
} from '@app/records';
import { BatchService } from '../batches/batch.service';
import { ReleaseService } from '../releases/release.service';
import { Dispatcher } from './dispatcher';
import { attemptAfterInterruption } from './retry-policy';
import { cancelledOnRequest } from '../contract/operation-cancelled';
import { cancellationOf, failureOf, processDied } from './settlement';

/** What a dead process leaves: its operations, batches and releases that had not ended. */
@Injectable()
export class Inheritance {
  constructor(
    private readonly records: OperationRepository,
    private readonly manifest: ManifestRepository,
    private readonly identity: ProcessIdentity,
    private readonly batches: BatchService,
    private readonly releases: ReleaseService,
    private readonly pending: PendingReleases,
    private readonly dispatcher: Dispatcher,
    private readonly logger: AppLogger,
  ) {}

  /**
   * Goes on with all that a dead process had begun or accepted, and settles what nobody can go on with; `onSettled` gets
   * the latter. May be called again for the same process, by one heir at a time.
   */
  async take(dead: string, onSettled: (record: StagingRecord) => void): Promise<void> {
    // Batches whose sender never got an answer; they come again.
    await this.batches.discardUnaccepted(dead);
    let taken = 0;
    for await (const records of this.records.eachUnfinishedOf(dead)) {
      const goingOn: StagingRecord[] = [];
      for (const record of records) {
        if (await this.takeOne(record, dead)) goingOn.push(record);
        else if (await this.settle(record)) onSettled(record);
      }
      const waiting = goingOn.filter((record) => record.owner === dead).map((record) => record.id);
      await this.records.handOver(waiting, this.identity.name);
      await this.dispatcher.enqueue(goingOn);
      taken += goingOn.length;
    }
    const pending = await this.pending.of(dead);
    await this.pending.takeOver(dead);
    this.releases.takeOver(pending);
    if (taken > 0) this.logger.info('Goes on with operations of a process that died', { operations: taken });
  }

  /** True when it waits in line from now on. */
  private async takeOne(record: StagingRecord, dead: string): Promise<boolean> {
    if (!record.background) return false;
    if (record.status === 'queued') return true;
    const again = record.cancelRequestedAt === null ? attemptAfterInterruption(record) : null;
    if (!again) return false;
    const values = { ...again.values, owner: this.identity.name, ...this.groundAfter(record, dead) };
    if (!(await this.records.transition(record, ['running'], values))) return false;
    // What was written but not flushed may be lost with the host.
    if (!this.identity.sharesBoot(dead)) await this.manifest.removeOf(record.id);
    Object.assign(record, values);
    const { id, method, username, traceParent } = record;
    const fields = { operation_id: id, method, username, ...traceFields(traceParent) };
    this.logger.warning('Its process died; the operation is taken up again', { ...fields, attempt: record.attempts });
    return true;
  }

  /** One that only shows no life may wake up, and go on where it was: nobody else works there from now on. */
  private groundAfter({ attempts }: StagingRecord, dead: string): Pick<Partial<StagingRecord>, 'groundAttempt'> {
    return this.identity.isDead(dead) ? {} : { groundAttempt: attempts + 1 };
  }

  private async settle(record: StagingRecord): Promise<boolean> {
    const { id, method, username, traceParent, cancelRequestedAt } = record;
    const isCancelled = cancelRequestedAt !== null;
    const end = isCancelled ? cancellationOf(cancelledOnRequest()) : failureOf(processDied());
    if (!(await this.records.settle(record, end))) return false;
    const fields = { operation_id: id, method, username, ...traceFields(traceParent) };
    if (isCancelled) this.logger.info('Cancelled: its process died before it could do so itself', fields);
    else this.logger.warning('Settled an operation whose process died', fields);
    return true;
  }
}
