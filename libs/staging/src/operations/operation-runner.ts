import { Inject, Injectable } from '@nestjs/common';
import { AppError, traceFields } from '@app/core';
import { type Algorithm } from '@app/files';
import { AppLogger } from '@app/logging';
import {
  DeferredSettlements,
  ManifestRepository,
  type NewStagingFile,
  OperationRepository,
  type StagingRecord,
} from '@app/records';
import { OperationCancelled } from '../contract/operation-cancelled';
import { type StagingContext, type StagingOperation, type StagingOutcome } from '../contract/staging-method';
import { type StagingOptions } from '../contract/staging-options';
import { STAGING_OPTIONS } from '../staging.tokens';
import { AttemptManifest } from './attempt-manifest';
import { LeftOverSweeper } from './left-over-sweeper';
import { LiveOperations } from './live-operations';
import { manifestOf } from './manifest-rows';
import { privateNamesOf } from './private-names';
import { OperationEvents } from './operation-events';
import { causeOf, levelOf, told } from './operation-log';
import { type ReadyOperation } from './preparation';
import { type FurtherAttempt, furtherAttemptAfter } from './retry-policy';
import { cancellationOf, failureOf, successOf, takenOver, wasCancelled } from './settlement';

/** What has no record (contract, section 3): here, what only a look at the source showed to be no proper request. */
const UNRECORDED = new Set(['validation_failed', 'quota_exceeded']);

/** How an attempt ended. */
export interface AttemptEnd {
  /** What whoever waits is told; null after a success, and when there is another attempt to come. */
  failure: AppError | null;
  /** The record waits again: for a further attempt. */
  again: FurtherAttempt | null;
}

/** What became of an end: it stands in the record, or will as soon as that can be; or another attempt has the operation. */
type Settled = 'recorded' | 'later' | 'lost';

const SUCCESS: AttemptEnd = { failure: null, again: null };

/** Does one attempt of an operation whose record says `running`, to its settled record, and logs each step under its id. */
@Injectable()
export class OperationRunner {
  constructor(
    private readonly records: OperationRepository,
    private readonly manifest: ManifestRepository,
    private readonly deferred: DeferredSettlements,
    private readonly live: LiveOperations,
    private readonly events: OperationEvents,
    private readonly sweeper: LeftOverSweeper,
    private readonly logger: AppLogger,
    @Inject(STAGING_OPTIONS) private readonly options: Pick<StagingOptions, 'retries'>,
  ) {}

  /** Writes the record of a new operation. Throws `database_unavailable`: then nothing may be done. */
  async write({ record }: ReadyOperation): Promise<void> {
    const log = this.logOf(record);
    const { localPathOnStorage: source, relativePath: destination, storage, status } = record;
    log.info('Staging requested', { source, destination, storage, ...(status === 'queued' && { status }) });
    try {
      await this.records.insert(record);
    } catch (error) {
      log.error('The record could not be written; nothing was staged', { error });
      throw error;
    }
  }

  /** Does the work and settles the record, or lets it wait for a further attempt. Never rejects. */
  async perform(ready: ReadyOperation, signal: AbortSignal): Promise<AttemptEnd> {
    const { record } = ready;
    const log = this.logOf(record);
    const begun = performance.now();
    if (record.attempts > 1) log.info(`Attempt ${record.attempts} begins`);
    const rows = new AttemptManifest(this.manifest, record);
    this.live.begin(record);
    try {
      // A further attempt may use what one before it left: not while that is still being removed.
      await this.sweeper.untilFree(record.id);
      const context = this.context(ready, signal, log, rows);
      context.signal.throwIfAborted();
      const outcome = await ready.work(context);
      await rows.removeStale();
      const settled = await this.succeed(ready, await this.compareChecksums(outcome, ready.operation));
      if (settled === 'lost') return this.lost(record, log);
      // Should the end not come to be recorded, a further attempt knows its own result by it; else it is swept one day.
      if (outcome.receipt && settled === 'recorded') this.sweeper.dropReceipt(record);
      log.info(outcome.outcome === 'staged' ? 'Staged' : 'Already available', told(record, begun));
      this.sweepAfter(record);
      this.tellEnd(record, null);
      return SUCCESS;
    } catch (error) {
      return await this.afterFailure(record, error, log, begun);
    }
  }

  /** Ends an operation that never came to run, as a failure; returns that as its caller is told. */
  async refuse({ record }: ReadyOperation, error: AppError): Promise<AppError> {
    await this.settle(record, failureOf(error), []);
    this.logOf(record)[levelOf(error)](error.message, { code: error.code });
    const failure = error.ofOperation(record.id);
    this.tellEnd(record, failure);
    return failure;
  }

  /** Tells of an operation that was cancelled while it waited. */
  withdrawn(record: StagingRecord, reason: OperationCancelled): void {
    this.logOf(record).info(`Cancelled: ${reason.message}`);
    this.sweepAfter(record);
    this.tellEnd(record, wasCancelled(reason).ofOperation(record.id));
  }

  private logOf({ id, method, username, traceParent }: StagingRecord): AppLogger {
    return this.logger.child({ operation_id: id, method, username, ...traceFields(traceParent) });
  }

  /** An attempt that was to be followed by another kept what it had; the last one may have ended before it came to that. */
  private sweepAfter(record: StagingRecord): void {
    if (record.attempts > 1) this.sweeper.remove(record);
  }

  private tellEnd(record: StagingRecord, failure: AppError | null): void {
    this.live.end(record.id);
    const seconds = Math.max(0, Date.now() - record.createdAt.getTime()) / 1000;
    this.events.ended({ record, seconds, failure });
  }

  private context(
    { record, hooks }: ReadyOperation,
    signal: AbortSignal,
    log: AppLogger,
    rows: AttemptManifest,
  ): StagingContext {
    return {
      ...hooks,
      signal: hooks.gone ? AbortSignal.any([signal, hooks.gone]) : signal,
      note: (message, fields) => log.info(message, fields),
      onManifest: (added) => rows.add(added),
      onRestart: () => rows.restart(),
      onProgress: (progress) => this.live.report(record.id, progress),
      waitsFor: (reason) => this.live.waitsFor(record.id, reason),
      earlier: rows.earlier,
      keeps: (error) => this.againAfter(record, AppError.from(error)) !== null,
      receipt: record.background === true,
      privateNames: privateNamesOf(record),
      traceParent: record.traceParent,
      // What cannot be recorded must not appear: a database that went away is noticed before anything is visible.
      beforePublish: () => this.records.confirmRunning(record),
      knownChecksum: async (file) => {
        const known = await this.manifest.knownChecksum(file);
        return known && { algorithm: known.algorithm as Algorithm, value: known.value };
      },
    };
  }

  /** A present file whose checksum an earlier operation recorded is held against what the caller expects. */
  private async compareChecksums(outcome: StagingOutcome, operation: StagingOperation): Promise<StagingOutcome> {
    const { expected } = operation;
    if (!outcome.present || !expected) return outcome;
    const known = await this.manifest.knownChecksum(outcome.present);
    const differs = known?.algorithm === expected.algorithm && !sameHex(expected.value, known.value);
    return differs ? { ...outcome, matchesSource: false } : outcome;
  }

  private succeed({ record, view }: ReadyOperation, outcome: StagingOutcome): Promise<Settled> {
    const rows = manifestOf(record.id, outcome.manifest, outcome.stagedPath ?? '');
    return this.settle(record, successOf(record, outcome, view), rows);
  }

  /**
   * Another attempt has begun, or the operation was ended, while this one was not heard of (its process stood still, or was
   * cut off): what becomes of it is not told here, and what others make of it is left alone.
   */
  private lost(record: StagingRecord, log: AppLogger): AttemptEnd {
    this.live.end(record.id);
    this.events.lost();
    log.warning('This process had lost the operation to another one; nothing of it is recorded here', {
      attempt: record.attempts,
    });
    return { failure: takenOver().ofOperation(record.id), again: null };
  }

  private async afterFailure(
    record: StagingRecord,
    error: unknown,
    log: AppLogger,
    begun: number,
  ): Promise<AttemptEnd> {
    // How far it came stays in the record.
    const progress = this.live.end(record.id);
    if (error instanceof OperationCancelled) {
      const settled = await this.settle(record, { ...progress, ...cancellationOf(error) }, []);
      if (settled === 'lost') return this.lost(record, log);
      log.info(`Cancelled: ${error.message}`, told(record, begun));
      return this.ended(record, wasCancelled(error).ofOperation(record.id));
    }
    const failure = AppError.from(error);
    const again = await this.tryAgain(record, failure, log);
    if (again) return { failure: null, again };
    const isDiscarded = UNRECORDED.has(failure.code) && !record.background && (await this.discard(record, failure));
    const end = { ...progress, ...failureOf(failure) };
    if (!isDiscarded && (await this.settle(record, end, [])) === 'lost') return this.lost(record, log);
    log[levelOf(failure)](failure.message, { ...told(record, begun), code: failure.code, ...causeOf(failure, error) });
    return this.ended(record, isDiscarded ? failure : failure.ofOperation(record.id));
  }

  private ended(record: StagingRecord, failure: AppError): AttemptEnd {
    this.sweepAfter(record);
    this.tellEnd(record, failure);
    return { failure, again: null };
  }

  private againAfter(record: StagingRecord, failure: AppError): FurtherAttempt | null {
    return furtherAttemptAfter(record, failure, this.options.retries);
  }

  /** Lets the record wait for a further attempt, where one is worth it; null where not, or where that cannot be recorded. */
  private async tryAgain(record: StagingRecord, failure: AppError, log: AppLogger): Promise<FurtherAttempt | null> {
    const again = this.againAfter(record, failure);
    if (!again) return null;
    const { code, message } = failure;
    try {
      if (!(await this.records.transition(record, ['running'], again.values))) return null;
    } catch (error) {
      log.warning('A further attempt could not be recorded', { error });
      return null;
    }
    Object.assign(record, again.values);
    log.warning(`${message} It is tried again.`, { code, attempt: record.attempts, not_before: again.notBefore });
    return again;
  }

  /** False when the database cannot do it now: then the record stays, as a failure. */
  private async discard(record: StagingRecord, failure: AppError): Promise<boolean> {
    try {
      await this.records.discard(record.id);
      Object.assign(record, failureOf(failure));
      return true;
    } catch {
      return false;
    }
  }

  /** Settles now, or as soon as the database takes it: an operation that has ended never stays `running`. */
  private async settle(record: StagingRecord, end: Partial<StagingRecord>, rows: NewStagingFile[]): Promise<Settled> {
    Object.assign(record, end);
    try {
      return (await this.records.settle(record, end, rows)) ? 'recorded' : 'lost';
    } catch (error) {
      this.logOf(record).error('The end of the operation could not be recorded yet', { error });
      this.deferred.settleLater(record, rows);
      return 'later';
    }
  }
}

function sameHex(one: string, other: string): boolean {
  const plain = (hex: string) => hex.toLowerCase().replace(/^0+/, '');
  return plain(one) === plain(other);
}
