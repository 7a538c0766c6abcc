import { setImmediate as breathe } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '@app/core';
import { AppLogger } from '@app/logging';
import { type Job, JOB_QUEUE, type JobQueue, type Place, type Room, shuttingDown } from '@app/queue';
import { OperationRepository, ProcessIdentity, type StagingRecord } from '@app/records';
import { MethodRegistry } from '../contract/method-registry';
import { type CallerHooks } from '../contract/staging-method';
import { type AttemptEnd, OperationRunner } from './operation-runner';
import { jobOf } from './job-of';
import { OperationWatch } from './operation-watch';
import { Preparation, type ReadyOperation } from './preparation';
import { QueueLimits, tooManyRunning } from './queue-limits';
import { RequestsUnderWay } from './requests-under-way';

/** Jobs of a batch that are put in line at once. */
const ENQUEUE_STEP = 1000;
/** Pause before jobs are offered again that the queue did not take, in milliseconds. */
const AGAIN_PAUSE_MS = 1000;
/** Pause before a job is taken up again whose record could not be read, in milliseconds. */
const UNREADABLE_PAUSE_MS = 5000;

/** Brings operations to the queue, and back from there to be done: the one path of all of them. */
@Injectable()
export class Dispatcher {
  /**
   * Operations that wait in line of this process while somebody waits for them; all others are read from their records.
   */
  private readonly awaited = new Map<string, ReadyOperation>();
  /** Jobs of recorded operations that the queue did not take, since it was away. */
  private untaken: Job[] = [];
  private offering: NodeJS.Timeout | undefined;

  constructor(
    @Inject(JOB_QUEUE) private readonly queue: JobQueue,
    private readonly limits: QueueLimits,
    private readonly methods: MethodRegistry,
    private readonly records: OperationRepository,
    private readonly identity: ProcessIdentity,
    private readonly preparation: Preparation,
    private readonly runner: OperationRunner,
    private readonly watch: OperationWatch,
    private readonly underWay: RequestsUnderWay,
    private readonly logger: AppLogger,
  ) {}

  /** Begins to do what is in the queue. */
  start(): void {
    this.queue.start((job, signal) => this.take(job, signal));
  }

  /**
   * Does a new operation while its caller waits: resolves with the settled record of a success, rejects with the
   * failure that names the operation. Throws `quota_exceeded`, `shutting_down`, `database_unavailable`: then nothing
   * was done.
   */
  async run(ready: ReadyOperation): Promise<StagingRecord> {
    const { record } = ready;
    const place = await this.placeFor(ready);
    if (!place) return this.waitInLine(ready);
    await this.writeIn(place, ready);
    const { failure, again } = await place.run((signal) => this.perform(ready, signal));
    if (failure) throw failure;
    return again ? this.untilEnded(ready) : record;
  }

  /** Does, without a place, what will be refused before it moves anything. Ends as {@link run} does. */
  async runAtOnce(ready: ReadyOperation): Promise<StagingRecord> {
    Object.assign(ready.record, { status: 'running', startedAt: new Date() });
    await this.runner.write(ready);
    const { failure } = await this.runner.perform(ready, new AbortController().signal);
    if (failure) throw failure;
    return ready.record;
  }

  /** Begins a new operation, or puts it in line: resolves when that is recorded. Throws as {@link run} does. */
  async accept(ready: ReadyOperation): Promise<void> {
    const place = await this.placeFor(ready);
    if (!place) return this.putInLine(ready);
    await this.writeIn(place, ready);
    void place.run((signal) => this.perform(ready, signal));
  }

  /** Takes a recorded operation, whose record says `running`, up in the place that was had for it. */
  resume(place: Place, record: StagingRecord, hooks: CallerHooks): Promise<AttemptEnd> {
    const ready = this.preparation.ofRecord(record, hooks);
    return place.run((signal) => this.perform(ready, signal));
  }

  /** Tells the queue of queued records, which are in the database already. What comes too late is the next process's. */
  async enqueue(records: readonly StagingRecord[]): Promise<void> {
    for (const record of records) this.underWay.add(record);
    await this.addUnlessStopping(records.map(jobOf));
  }

  /** Tells the queue of the operations of a batch, as {@link enqueue} does. */
  async enqueueBatch(batch: string, user: string, ids: readonly string[]): Promise<void> {
    for (let at = 0; at < ids.length; at += ENQUEUE_STEP) {
      const jobs = ids.slice(at, at + ENQUEUE_STEP).map((id) => ({ id, user, batch, notBefore: null }));
      await this.addUnlessStopping(jobs);
      await breathe();
    }
  }

  /** Takes an operation out of the line; its record says already that it has ended. */
  async withdraw(record: StagingRecord): Promise<void> {
    this.awaited.delete(record.id);
    await this.unlessAway(() => this.queue.withdraw(jobOf(record)));
  }

  /** Takes all of a user's batch out of the line. */
  async withdrawBatch(batchId: string, user: string): Promise<void> {
    await this.unlessAway(() => this.queue.withdrawBatch(batchId, user));
  }

  /** Whoever gets the turn of what has ended finds that in its record, so that it may stay in the line. */
  private async unlessAway(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.logger.warning('What has ended could not be taken out of the queue', { error });
    }
  }

  /** Asks an operation that runs to end, for this reason; false when it does not run here. */
  abort(id: string, reason: Error): boolean {
    return this.queue.abort(id, reason);
  }

  /** Makes room for `jobs` more in a user's line. Throws `quota_exceeded` beyond the site's limit. */
  admit(user: string, jobs: number): Promise<Room> {
    return this.limits.admit(user, jobs);
  }

  /** A place beside the others, for work that its caller takes part in. Throws `quota_exceeded`, `shutting_down`. */
  async attend(record: StagingRecord): Promise<Place> {
    const place = await this.queue.attend(jobOf(record));
    if (!place) throw tooManyRunning();
    return place;
  }

  /** Ends all that waits in line while somebody waits for it: the service stops. The rest stays recorded as queued. */
  async refuseAwaited(): Promise<void> {
    const awaited = [...this.awaited.values()];
    this.awaited.clear();
    await Promise.all(awaited.map((ready) => this.runner.refuse(ready, shuttingDown())));
  }

  /** Null when the operation has to wait in line. Work that needs its caller cannot. */
  private async placeFor(ready: ReadyOperation): Promise<Place | null> {
    const { record } = ready;
    try {
      return this.isAttended(ready) ? await this.attend(record) : this.queue.reserve(jobOf(record));
    } catch (error) {
      // What comes too late is recorded as any refusal is; beyond a limit nothing is.
      if (!isStopping(error)) throw error;
      await this.runner.write(ready);
      throw await this.runner.refuse(ready, error);
    }
  }

  /** What its caller takes part in, or gets at once, is not sent to others. */
  private isAttended({ record, hooks }: ReadyOperation): boolean {
    if (needsCaller(hooks)) return true;
    return this.queue.shared && this.methods.find(record.method)?.capabilities.destination === 'none';
  }

  private async writeIn(place: Place, ready: ReadyOperation): Promise<void> {
    Object.assign(ready.record, { status: 'running', startedAt: new Date() });
    try {
      await this.runner.write(ready);
    } catch (error) {
      place.giveBack();
      throw error;
    }
    // What needs its caller is nobody else's.
    if (!needsCaller(ready.hooks)) this.underWay.add(ready.record);
  }

  private async waitInLine(ready: ReadyOperation): Promise<StagingRecord> {
    const { record } = ready;
    // Where others may do it, all that they need is in its record; then it depends on nobody's connection.
    if (this.queue.shared) Object.assign(record, { background: true, awaited: true });
    else this.awaited.set(record.id, ready);
    const giveUp = new AbortController();
    const ended = this.untilEnded(ready, giveUp.signal);
    try {
      await this.putInLine(ready);
    } catch (error) {
      this.awaited.delete(record.id);
      giveUp.abort();
      await ended.catch(() => undefined);
      throw error;
    }
    return ended;
  }

  private async putInLine(ready: ReadyOperation): Promise<void> {
    const { record } = ready;
    const room = await this.admitOrRefuse(ready);
    try {
      await this.runner.write(ready);
      this.underWay.add(record);
      await this.queue.add([jobOf(record)]);
    } catch (error) {
      if (isAway(error)) throw await this.runner.refuse(ready, error);
      if (!isStopping(error)) throw error;
      // What is recorded and needs nobody is done by the next process.
      if (!record.background) throw await this.runner.refuse(ready, error);
    } finally {
      room.leave();
    }
  }

  /** That the queue is away is recorded, as any refusal is; beyond a limit nothing is. */
  private async admitOrRefuse(ready: ReadyOperation): Promise<Room> {
    try {
      return await this.limits.admit(ready.record.username, 1);
    } catch (error) {
      if (!isAway(error)) throw error;
      await this.runner.write(ready);
      throw await this.runner.refuse(ready, error);
    }
  }

  /** Begins to wait before the operation is put in line, so that its end is seen. */
  private async untilEnded({ record }: ReadyOperation, signal?: AbortSignal): Promise<StagingRecord> {
    const { id } = record;
    const event = await this.watch.untilEnded(id, Infinity, signal);
    if (event?.failure) throw event.failure;
    if (event) return event.record;
    if (signal?.aborted) return record;
    // This process stops. What others do goes on: its caller is told where to look.
    if (this.queue.shared) return (await this.records.find(id)) ?? record;
    throw shuttingDown().ofOperation(id);
  }

  private async take(job: Job, signal: AbortSignal): Promise<void> {
    const awaited = this.awaited.get(job.id);
    try {
      const ready = awaited ?? (await this.restore(job.id));
      const isTaken = ready !== null && (await this.claim(ready));
      this.awaited.delete(job.id);
      if (isTaken) await this.perform(ready, signal);
    } catch (error) {
      await this.afterUnreadable(job, awaited, error);
    }
  }

  private async restore(id: string): Promise<ReadyOperation | null> {
    const record = await this.records.find(id);
    return record?.status === 'queued' ? this.preparation.ofRecord(record) : null;
  }

  /** False when it was ended, or is done by somebody else. */
  private async claim({ record }: ReadyOperation): Promise<boolean> {
    const owner = this.identity.name;
    const begun = { status: 'running' as const, startedAt: new Date(), notBefore: null, owner };
    if (!(await this.records.transition(record, ['queued'], begun))) return false;
    Object.assign(record, begun);
    this.watch.changed(record.id);
    return true;
  }

  /** The record of a job cannot be read or claimed now: whoever waits is told, what nobody waits for is done later. */
  private async afterUnreadable(job: Job, awaited: ReadyOperation | undefined, error: unknown): Promise<void> {
    this.logger.warning('The operation could not be begun', { operation_id: job.id, error });
    this.awaited.delete(job.id);
    if (awaited) await this.runner.refuse(awaited, AppError.from(error));
    else await this.addAgain({ ...job, notBefore: new Date(Date.now() + UNREADABLE_PAUSE_MS) });
  }

  private async perform(ready: ReadyOperation, signal: AbortSignal): Promise<AttemptEnd> {
    const end = await this.runner.perform(ready, signal);
    if (end.again) {
      this.watch.changed(ready.record.id);
      await this.addAgain(jobOf(ready.record));
    }
    return end;
  }

  private addAgain(job: Job): Promise<void> {
    return this.addUnlessStopping([job]);
  }

  /** Of what is recorded already: a queue that is away gets it when it is back. */
  private async addUnlessStopping(jobs: readonly Job[]): Promise<void> {
    try {
      await this.queue.add(jobs);
    } catch (error) {
      if (isAway(error)) this.offerLater(jobs);
      // A queue that stops leaves it to the next process.
      else if (!isStopping(error)) throw error;
    }
  }

  /** Should this process end before, they are missed in the queue, which is compared with the records now and then. */
  private offerLater(jobs: readonly Job[]): void {
    this.untaken.push(...jobs);
    this.offering ??= setTimeout(() => {
      this.offering = undefined;
      const again = this.untaken;
      this.untaken = [];
      void this.addUnlessStopping(again);
    }, AGAIN_PAUSE_MS).unref();
  }
}

function isAway(error: unknown): error is AppError {
  return error instanceof AppError && error.code === 'queue_unavailable';
}

function isStopping(error: unknown): error is AppError {
  return error instanceof AppError && error.code === 'shutting_down';
}

/** Such work cannot wait, nor go on in another process. */
function needsCaller({ deliver, callerToken }: CallerHooks): boolean {
  return deliver !== null || callerToken !== null;
}
