import { Injectable } from '@nestjs/common';
import { AppError, traceFields } from '@app/core';
import { lastName, rawFromShown } from '@app/files';
import { AppLogger } from '@app/logging';
import { ManifestRepository, OperationRepository, PendingReleases, type StagingRecord } from '@app/records';
import { shuttingDown } from '@app/queue';
import { MethodRegistry } from '../contract/method-registry';
import { type StagedOperation, type StagingMethod } from '../contract/staging-method';
import { manifestRows } from '../operations/manifest-rows';
import { OperationWatch } from '../operations/operation-watch';
import { operationOf } from '../operations/restored-operation';

/** Releases that are worked on at once. */
const AT_ONCE = 2;
const FIRST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 300_000;

/** A release that is to be done, and how long to wait after it should that fail. */
interface Task {
  id: string;
  pauseMs: number;
}

/**
 * Removes what operations staged: a list in the database that is worked off beside the queue, in order. What was begun is
 * brought to its end, by another process if need be.
 */
@Injectable()
export class ReleaseService {
  /** What is to be done, in order; those that wait a while are not among them, and come to the end of it then. */
  private readonly waiting: Task[] = [];
  private readonly pauses = new Map<string, NodeJS.Timeout>();
  private readonly working = new Set<Promise<void>>();
  private readonly stopping = new AbortController();

  constructor(
    private readonly records: OperationRepository,
    private readonly manifest: ManifestRepository,
    private readonly pending: PendingReleases,
    private readonly methods: MethodRegistry,
    private readonly watch: OperationWatch,
    private readonly logger: AppLogger,
  ) {}

  /**
   * Enters an operation whose result is to be removed: resolves with its record when that is written down. Asking again
   * before it is done changes nothing. Throws `already_ended` when there is nothing to remove, `shutting_down`.
   */
  async request(record: StagingRecord): Promise<StagingRecord> {
    const refusal = this.refusalOf(record);
    if (refusal) throw new AppError('already_ended', refusal).ofOperation(record.id);
    if (this.stopping.signal.aborted) throw shuttingDown();
    if (await this.pending.add(record.id)) this.enter({ id: record.id, pauseMs: FIRST_PAUSE_MS });
    return record;
  }

  private refusalOf({ status, outcome, releasedAt, method }: StagingRecord): string | null {
    if (status === 'queued' || status === 'running') return 'The operation has not ended yet; cancel it instead.';
    if (status !== 'success') return 'The operation staged nothing, so there is nothing to release.';
    if (releasedAt !== null) return 'What the operation staged was released already.';
    if (!this.methods.find(method)?.release) return 'This method leaves nothing that could be released.';
    if (outcome !== 'staged') return 'The data was there before this operation, which therefore may not remove it.';
    return null;
  }

  /** Goes on with releases that another process had begun or entered. */
  takeOver(ids: readonly string[]): void {
    for (const id of ids) this.enter({ id, pauseMs: FIRST_PAUSE_MS });
  }

  /** Ends what runs soon; the list stays in the database. */
  async stop(): Promise<void> {
    this.stopping.abort(shuttingDown());
    for (const pause of this.pauses.values()) clearTimeout(pause);
    await Promise.all(this.working);
  }

  private enter(task: Task): void {
    this.waiting.push(task);
    this.pump();
  }

  private pump(): void {
    while (this.working.size < AT_ONCE && !this.stopping.signal.aborted) {
      const task = this.waiting.shift();
      if (!task) return;
      const work = this.work(task).finally(() => {
        this.working.delete(work);
        this.pump();
      });
      this.working.add(work);
    }
  }

  /** Never rejects. */
  private async work(task: Task): Promise<void> {
    const { id } = task;
    try {
      const record = await this.records.find(id);
      if (record && this.refusalOf(record) === null) await this.release(record);
      await this.pending.remove(id);
    } catch (error) {
      if (this.stopping.signal.aborted) return;
      await this.afterFailure(task, error);
    }
  }

  private async release(record: StagingRecord): Promise<void> {
    const { id, username, traceParent } = record;
    const method = this.methods.find(record.method) as StagingMethod & Required<Pick<StagingMethod, 'release'>>;
    const log = this.logger.child({ operation_id: id, method: method.name, username, ...traceFields(traceParent) });
    log.info('Release begins', { staged_path: record.stagedPath });
    const release = await method.release(stagedOf(record), {
      signal: this.stopping.signal,
      note: (message, fields) => log.info(message, fields),
      rows: () => manifestRows(this.manifest, id),
      traceParent,
    });
    if (release.released) {
      await this.records.changeSuccess(id, { releasedAt: new Date(), warning: null });
      log.info('Released', { files: release.files, bytes: release.bytes });
    } else {
      await this.records.changeSuccess(id, { warning: `Not released: ${release.reason}` });
      log.warning(`Not released: ${release.reason}`);
    }
    this.watch.changed(id);
  }

  /** What may pass is tried again, with growing pauses; the rest is told in the record. */
  private async afterFailure(task: Task, error: unknown): Promise<void> {
    const { id } = task;
    const failure = AppError.from(error);
    this.logger.warning(`The release failed: ${failure.message}`, { operation_id: id, code: failure.code, error });
    if (failure.retryable && failure.code !== 'internal_error') return this.later(task);
    try {
      await this.records.changeSuccess(id, { warning: `Not released: ${failure.message}` });
      await this.pending.remove(id);
      this.watch.changed(id);
    } catch {
      this.later(task);
    }
  }

  private later({ id, pauseMs }: Task): void {
    const pause = setTimeout(() => {
      this.pauses.delete(id);
      this.enter({ id, pauseMs: Math.min(2 * pauseMs, LONGEST_PAUSE_MS) });
    }, pauseMs);
    pause.unref();
    this.pauses.set(id, pause);
  }
}

function stagedOf(record: StagingRecord): StagedOperation {
  const { kind, link, stagedPath, nameEncoding } = record;
  return {
    operation: operationOf(record),
    kind: kind!,
    link,
    name: lastName(rawFromShown(stagedPath ?? '', nameEncoding)) ?? '',
  };
}
