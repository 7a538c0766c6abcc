import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { type Bus, BUS } from '@app/cluster';
import { type PlaceProgress, showPathAs } from '@app/files';
import { JOB_QUEUE, type JobQueue, type Wait } from '@app/queue';
import { OperationRepository, type StagingRecord } from '@app/records';
import { jobOf } from './job-of';
import { RateMeter } from './rate-meter';

/** How often progress is written to the record. */
const WRITE_MS = 1000;
/** How often other processes are told of it: oftener than the contract's four times a second. */
const TELL_MS = 150;
/** What was heard longer ago counts for nothing, in milliseconds. */
const HEARD_MS = 5000;

/** What is known of an operation just now, beyond its record. */
export interface LiveFacts {
  filesTotal: number | null;
  filesDone: number | null;
  bytesTotal: number | null;
  bytesDone: number | null;
  bytesPerSecond: number | null;
  etaSeconds: number | null;
  /** The file that is worked on, relative to the source, written as the record writes its paths. */
  currentPath: string | null;
  /** A sentence. */
  waitReason: string | null;
}

interface LiveOperation {
  record: StagingRecord;
  progress: PlaceProgress | null;
  meter: RateMeter;
  waitsFor: string | null;
  /** Whether the record lacks some of it. */
  isNews: boolean;
  /** Whether other processes were not told of some of it. */
  isUntold: boolean;
}

/** What another process told of an operation that runs there. */
interface Heard {
  attempt: number;
  facts: LiveFacts;
  at: number;
}

/**
 * How far operations are that run: those of this process are kept in memory, and written to their records once a second;
 * of others it knows what their processes tell.
 */
@Injectable()
export class LiveOperations implements OnModuleInit, OnApplicationShutdown {
  private readonly live = new Map<string, LiveOperation>();
  private readonly heard = new Map<string, Heard>();
  private readonly timers: NodeJS.Timeout[] = [];
  private writing = Promise.resolve();

  constructor(
    private readonly records: OperationRepository,
    @Inject(JOB_QUEUE) private readonly queue: JobQueue,
    @Inject(BUS) private readonly bus: Bus,
  ) {
    bus.subscribe('operation-progress', ({ id, attempt, facts }) => {
      this.heard.set(id, { attempt, facts: facts as unknown as LiveFacts, at: performance.now() });
    });
  }

  onModuleInit(): void {
    const write = () => {
      this.writing = this.writing.then(() => this.write());
      this.forgetOld();
    };
    this.timers.push(setInterval(write, WRITE_MS));
    if (this.bus.hasOthers) this.timers.push(setInterval(() => this.tellOthers(), TELL_MS));
    for (const timer of this.timers) timer.unref();
  }

  async onApplicationShutdown(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    await this.writing;
  }

  /** An attempt begins: nothing is done yet. */
  begin(record: StagingRecord): void {
    const fresh = { progress: null, meter: new RateMeter(), waitsFor: null, isNews: false, isUntold: false };
    this.live.set(record.id, { record, ...fresh });
  }

  /** The number of the attempt that runs here; undefined when none does. */
  attemptOf(id: string): number | undefined {
    return this.live.get(id)?.record.attempts;
  }

  /** Takes how far an attempt is. Neither count goes back. */
  report(id: string, progress: PlaceProgress): void {
    const operation = this.live.get(id);
    if (!operation) return;
    const before = operation.progress;
    const filesDone = Math.max(progress.filesDone, before?.filesDone ?? 0);
    const bytesDone = Math.max(progress.bytesDone, before?.bytesDone ?? 0);
    operation.progress = { ...progress, filesDone, bytesDone };
    operation.meter.add(bytesDone);
    operation.isNews = true;
    operation.isUntold = true;
  }

  /** Takes what an attempt waits for; null when it goes on. */
  waitsFor(id: string, reason: string | null): void {
    const operation = this.live.get(id);
    if (!operation) return;
    operation.waitsFor = reason;
    operation.isUntold = true;
  }

  /** The attempt has ended: from now on its record tells all. Returns how far it was, as records say it. */
  end(id: string): Partial<StagingRecord> {
    const progress = this.live.get(id)?.progress;
    this.live.delete(id);
    return progress ? valuesOf(progress) : {};
  }

  /** All that is known now of an operation. Never rejects. */
  async factsOf(record: StagingRecord): Promise<LiveFacts> {
    return this.factsNow(record, await this.waitReasonOf(record));
  }

  /** The same, where it is known already why it waits; of one that does not run here what its record says. */
  factsNow(record: StagingRecord, waitReason: string | null): LiveFacts {
    const { filesTotal, filesDone, bytesTotal, bytesDone, nameEncoding } = record;
    const recorded = { filesTotal, filesDone, bytesTotal, bytesDone };
    const unknown = { bytesPerSecond: null, etaSeconds: null, currentPath: null };
    if (record.status === 'queued') return { ...recorded, ...unknown, waitReason };
    const operation = record.status === 'running' ? this.live.get(record.id) : undefined;
    if (!operation) return this.heardOf(record) ?? { ...recorded, ...unknown, waitReason: null };
    const { progress, meter, waitsFor } = operation;
    if (!progress) return { ...recorded, ...unknown, waitReason: waitsFor };
    const { bytesPerSecond } = meter;
    return {
      ...countsOf(progress),
      bytesPerSecond,
      etaSeconds: etaOf(progress, bytesPerSecond),
      currentPath: progress.currentPath === null ? null : showPathAs(progress.currentPath, nameEncoding).text,
      waitReason: waitsFor,
    };
  }

  private heardOf({ id, status, attempts }: StagingRecord): LiveFacts | undefined {
    const heard = status === 'running' ? this.heard.get(id) : undefined;
    return heard?.attempt === attempts && performance.now() - heard.at < HEARD_MS ? heard.facts : undefined;
  }

  private forgetOld(): void {
    for (const [id, { at }] of this.heard) if (performance.now() - at >= HEARD_MS) this.heard.delete(id);
  }

  private tellOthers(): void {
    for (const [id, operation] of this.live) {
      if (!operation.isUntold) continue;
      operation.isUntold = false;
      const { record } = operation;
      const facts = { ...this.factsNow({ ...record, status: 'running' }, null) };
      this.bus.publish('operation-progress', { id, attempt: record.attempts, facts });
    }
  }

  /** Why an operation waits, in a sentence; null: it does not, or that cannot be known now. Never rejects. */
  async waitReasonOf(record: StagingRecord): Promise<string | null> {
    if (record.status !== 'queued') return null;
    const { attempts, notBefore } = record;
    const wait = await this.queue.waitOf(jobOf(record));
    if (wait) return sentenceOf(wait, attempts);
    return notBefore && notBefore.getTime() > Date.now()
      ? sentenceOf({ kind: 'delay', until: notBefore }, attempts)
      : null;
  }

  private async write(): Promise<void> {
    for (const operation of this.live.values()) {
      if (!operation.isNews || !operation.progress) continue;
      operation.isNews = false;
      // The next round tells more, or the end does: a database that is away is noticed there.
      await this.records.update(operation.record, valuesOf(operation.progress)).catch(() => undefined);
    }
  }
}

function countsOf({ filesTotal, filesDone, bytesTotal, bytesDone }: PlaceProgress) {
  return { filesTotal, filesDone, bytesTotal, bytesDone };
}

function valuesOf(progress: PlaceProgress): Partial<StagingRecord> {
  return countsOf(progress);
}

function etaOf({ bytesTotal, bytesDone }: PlaceProgress, bytesPerSecond: number | null): number | null {
  if (bytesTotal === null || !bytesPerSecond) return null;
  return Math.ceil((bytesTotal - bytesDone) / bytesPerSecond);
}

function sentenceOf(wait: Wait, attempts: number): string {
  switch (wait.kind) {
    case 'delay':
      return `Attempt ${attempts} begins at ${wait.until.toISOString()}: the one before failed for what may pass.`;
    case 'limit':
      return `As many operations of this user run as the site allows (${wait.limit}); position ${wait.position} of ${wait.waiting} in the queue.`;
    case 'workers':
      return `No worker takes work just now; position ${wait.position} of ${wait.waiting} in the queue.`;
    case 'turn':
      return `Waits for its turn: position ${wait.position} of ${wait.waiting} in the queue.`;
  }
}
