import { Injectable } from '@nestjs/common';
import { AppError } from '@app/core';
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
import {
  type CallerHooks,
  type StagingContext,
  type StagingOperation,
  type StagingOutcome,
} from '../contract/staging-method';
import { OperationEvents } from './operation-events';
import { RunningOperations } from './running-operations';
import { cancellationOf, failureOf, manifestOf, successOf, wasCancelled } from './settlement';

/** Does the work of one operation. */
export type Work = (context: StagingContext) => Promise<StagingOutcome>;

/** An operation that is ready to run. */
export interface ReadyOperation {
  record: StagingRecord;
  operation: StagingOperation;
  hooks: CallerHooks;
  /** The place that staged paths are relative to, as the user sees it; undefined where they are told as they are. */
  view: string | undefined;
}

/** Failures that operators should see as errors; the others are the caller's to mend. */
const SITE_FAILURES = new Set(['internal_error', 'storage_unavailable', 'insufficient_storage', 'checksum_mismatch']);

/** What has no record (contract, section 3): here, what only a look at the source showed to be no proper request. */
const UNRECORDED = new Set(['validation_failed', 'quota_exceeded']);

/** Runs one operation from its written record to its settled one, and logs each step under its id. */
@Injectable()
export class OperationRunner {
  constructor(
    private readonly records: OperationRepository,
    private readonly manifest: ManifestRepository,
    private readonly deferred: DeferredSettlements,
    private readonly running: RunningOperations,
    private readonly events: OperationEvents,
    private readonly logger: AppLogger,
  ) {}

  /**
   * Writes the record, does the work and settles the record. Resolves with a successful record; rejects with an
   * AppError that names the operation, or with `database_unavailable` when no record could be written: then nothing was
   * done.
   */
  async run(ready: ReadyOperation, work: Work): Promise<StagingRecord> {
    const { record } = ready;
    const log = this.logger.child({ operation_id: record.id, method: record.method, username: record.username });
    const { localPathOnStorage: source, relativePath: destination, storage } = record;
    log.info('Staging requested', { source, destination, storage });
    const begun = performance.now();
    let failure: AppError | null = null;
    await this.write(record, log);
    try {
      const outcome = await this.running.run(record.id, (signal) => work(this.context(ready, signal, log)));
      await this.succeed(ready, await this.compareChecksums(outcome, ready.operation), log);
      log.info(outcome.outcome === 'staged' ? 'Staged' : 'Already available', told(record, begun));
      return record;
    } catch (error) {
      failure = await this.fail(record, error);
      const fields = told(record, begun);
      if (error instanceof OperationCancelled) log.info(`Cancelled: ${error.message}`, fields);
      else log[levelOf(failure)](failure.message, { ...fields, code: failure.code, ...causeOf(failure, error) });
      throw failure;
    } finally {
      this.events.ended({ record, seconds: (performance.now() - begun) / 1000, failure });
    }
  }

  private async write(record: StagingRecord, log: AppLogger): Promise<void> {
    try {
      await this.records.insert(record);
    } catch (error) {
      log.error('The record could not be written; nothing was staged', { error });
      throw error;
    }
  }

  private context({ record, hooks }: ReadyOperation, signal: AbortSignal, log: AppLogger): StagingContext {
    return {
      ...hooks,
      signal: hooks.gone ? AbortSignal.any([signal, hooks.gone]) : signal,
      note: (message, fields) => log.info(message, fields),
      waitsFor: () => undefined,
      onProgress: () => undefined,
      earlier: null,
      keeps: () => false,
      onManifest: (rows) => this.manifest.add(manifestOf(record.id, rows)),
      onRestart: () => this.manifest.removeOf(record.id),
      // What cannot be recorded must not appear: a database that went away is noticed before anything is visible.
      beforePublish: () => this.records.confirmRunning(record.id),
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

  private async succeed({ record, view }: ReadyOperation, outcome: StagingOutcome, log: AppLogger): Promise<void> {
    const rows = manifestOf(record.id, outcome.manifest, outcome.stagedPath ?? '');
    if (!(await this.settle(record, successOf(record, outcome, view), rows))) {
      log.warning('The record had been settled by another process; the data is staged all the same');
    }
  }

  /** Records a failure, or that the operation was cancelled; returns it as the caller is told it. */
  private async fail(record: StagingRecord, error: unknown): Promise<AppError> {
    if (error instanceof OperationCancelled) {
      await this.settle(record, cancellationOf(error), []);
      return wasCancelled(error).ofOperation(record.id);
    }
    const failure = AppError.from(error);
    if (UNRECORDED.has(failure.code) && (await this.discard(record, failure))) return failure;
    await this.settle(record, failureOf(failure), []);
    return failure.ofOperation(record.id);
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
  private async settle(record: StagingRecord, end: Partial<StagingRecord>, rows: NewStagingFile[]): Promise<boolean> {
    Object.assign(record, end);
    try {
      return await this.records.settle(record.id, end, rows);
    } catch (error) {
      this.logger.error('The end of the operation could not be recorded yet', { operation_id: record.id, error });
      this.deferred.settleLater(record, rows);
      return true;
    }
  }
}

function levelOf(failure: AppError): 'error' | 'warning' {
  return SITE_FAILURES.has(failure.code) ? 'error' : 'warning';
}

/** What the log says of an operation at its end; what is not known is left out. */
function told(record: StagingRecord, begun: number): Record<string, unknown> {
  const { checksumAlgorithm, checksumValue } = record;
  const fields = {
    source: record.localPathOnStorage,
    destination: record.relativePath,
    kind: record.kind,
    staged_path: record.stagedPath,
    files: record.filesDone,
    bytes: record.bytesDone,
    link: record.link,
    checksum: checksumValue && `${checksumAlgorithm}:${checksumValue}`,
    matches_source: record.matchesSource,
    duration_ms: Math.round(performance.now() - begun),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));
}

/** The stack goes to the log where it tells more than the sentence. */
function causeOf(failure: AppError, error: unknown): { error?: unknown } {
  if (!(error instanceof AppError)) return { error };
  return failure.cause === undefined ? {} : { error: failure.cause };
}

function sameHex(one: string, other: string): boolean {
  const plain = (hex: string) => hex.toLowerCase().replace(/^0+/, '');
  return plain(one) === plain(other);
}
