import { availableParallelism } from 'node:os';
import { sourceChanged } from '../engine/copy-content';
import { type Shard } from '../engine/shard';
import { Fingerprint } from '../engine/fingerprint';
import { DestinationTaken, OtherFileSystem } from '../engine/publish';
import { type SharedIdentities } from '../engine/identity-set';
import { type Kept, NotResumable } from '../engine/resume';
import { hasGrown, sizesMatter, totalOf, type TreeSurvey } from '../engine/survey';
import {
  type LinkKind,
  type ManifestRow,
  type PlaceResult,
  type PlaceTask,
  type ShardResult,
  type TreeSession,
} from '../engine/task-types';
import { CancelledError, Ledger } from '../pool/control';
import { type TaskInput, type TaskKind, type TaskOutput } from '../pool/tasks';
import { type WorkerPool } from '../pool/worker-pool';
import { flushFileSystem } from './flush-tree';
import { type PlaceHooks, type Placement, receiptOf } from './placement';

/** Smaller trees are filled by one worker: dividing costs a walk a worker. */
const DIVIDE_FROM_FILES = 64;

/** Trees with fewer directories are divided by file. */
const DIVIDE_BY_DIRECTORY_FROM = 16;

/** A flush of a whole tree may rightly take this many times the storage's time-out. */
const FLUSH_PATIENCE = 20;

const NOTHING: Kept = { entries: 0, allocated: 0 };

/** What a run needs to know of the site. */
export interface TreeRunOptions {
  workers: number;
  timeoutMs: number;
}

/**
 * Brings one surveyed tree to its destination: filled by several workers, sealed, flushed, compared with the source
 * once more, published in one step. Whatever happens, its handles are given back and its private directory is removed,
 * unless a further attempt is to go on from it; though never while a worker may still use them.
 */
export class TreeRun {
  private readonly reports: Promise<void>[] = [];
  private underWay = 0;
  private ended = false;
  private failure: unknown;
  private whenIdle: (() => void) | undefined;

  constructor(
    private readonly pool: WorkerPool,
    private readonly task: PlaceTask,
    private readonly ledger: Ledger,
    private readonly hooks: PlaceHooks,
    private readonly options: TreeRunOptions,
  ) {}

  /** Finishes a session. Rejects with the first failure; nothing is visible then. */
  async finish(session: TreeSession): Promise<Placement> {
    let isKept = false;
    try {
      return await this.build(session);
    } catch (error) {
      const failure = error instanceof CancelledError ? (this.failure ?? error) : error;
      isKept = this.isKept(failure);
      throw failure;
    } finally {
      // Nothing is reported behind the end: the next attempt begins with what the manifest has then.
      this.ended = true;
      await Promise.all(this.reports);
      await this.close(session, isKept);
    }
  }

  /** Whether a further attempt may go on from what is verified by now. Links are made again faster. */
  private isKept(failure: unknown): boolean {
    const isOther =
      failure instanceof NotResumable || failure instanceof DestinationTaken || failure instanceof OtherFileSystem;
    if (isOther || this.task.content !== 'copy') return false;
    return this.hooks.keeps(this.hooks.signal.aborted ? this.hooks.signal.reason : failure);
  }

  /** Gives back a session that came after its storage had been told to hang. */
  discardLate(late: PlaceResult): void {
    // What it found may be in the hands of a further attempt by now.
    if (late.type === 'tree') void this.closeNow(late, late.resumed);
  }

  private async build(session: TreeSession): Promise<Placement> {
    const { task, hooks } = this;
    const kept = session.resumed ? await this.prune(session, task.resume!) : NOTHING;
    const survey = totalOf(await this.inShards((shard) => this.run('surveyShard', { task, session, shard })));
    hooks.note('Source checked: a tree', { files: survey.files, directories: survey.directories });
    await this.run('checkTree', { task, session, survey, kept });
    this.ledger.expect(survey.files, sizesMatter(task) ? survey.bytes : null);
    const filled = await this.fill(session, survey);
    const [files, bytes] = [sumOf(filled, 'files'), sumOf(filled, 'bytes')];
    if (hasGrown(task, survey, { files, bytes })) throw sourceChanged();
    hooks.note(task.content === 'link' ? 'Tree linked' : 'Tree copied and verified', { files, bytes });
    await this.run('sealTree', { task, session });
    // Looking at the source once more and writing the copy to disk do not wait for one another.
    await this.together([this.flush(session), this.recheck(session, filled)]);
    await hooks.beforePublish();
    const done = { files, bytes, link: this.linkOf(filled) };
    await this.run('publishTree', { task, session, done });
    const { storage, kind, stagedPath } = session;
    const facts = { ...done, checksum: null, matchesSource: null, present: null, manifest: [] };
    return { outcome: 'staged', storage, kind, stagedPath, ...facts, ...receiptOf(task) };
  }

  private async prune(session: TreeSession, identities: SharedIdentities): Promise<Kept> {
    const kept = await this.run('pruneTree', { session, identities });
    this.hooks.note('Goes on from what an earlier attempt verified', { files: identities.size });
    return kept;
  }

  private async fill(session: TreeSession, survey: TreeSurvey): Promise<ShardResult[]> {
    const workers = survey.files < DIVIDE_FROM_FILES ? 1 : undefined;
    const byDirectory = survey.directories >= DIVIDE_BY_DIRECTORY_FROM;
    const { task } = this;
    const fillOne = (shard: Shard) =>
      this.run('fillShard', { task, session, survey, shard: { ...shard, byDirectory } });
    const filled = await this.inShards(fillOne, workers);
    await Promise.all(this.reports);
    if (this.failure) throw this.failure as Error;
    return filled;
  }

  private flush(session: TreeSession): Promise<void> {
    // By the private directory, which the service's account may open also where it needs capabilities for the payload.
    return flushFileSystem(session.privateHandle, this.options.timeoutMs * FLUSH_PATIENCE, this.hooks.signal);
  }

  /** Throws `source_changed` when the source is no longer what was read. */
  private async recheck(session: TreeSession, filled: ShardResult[]): Promise<void> {
    const { task } = this;
    const now = await this.inShards((shard) => this.run('fingerprintShard', { task, session, shard }));
    if (Fingerprint.total(now) !== Fingerprint.total(filled.map((part) => part.fingerprint))) throw sourceChanged();
  }

  /** Divides work among several workers. */
  private inShards<T>(work: (shard: Shard) => Promise<T>, workers = this.most): Promise<T[]> {
    return this.together(
      Array.from({ length: workers }, (_none, index) => work({ index, of: workers, byDirectory: false })),
    );
  }

  private get most(): number {
    return Math.min(this.options.workers, availableParallelism());
  }

  /** Waits until all have ended, since they use the same handles; one that fails makes the others stop. */
  private async together<T>(parts: Promise<T>[]): Promise<T[]> {
    for (const part of parts) part.catch((error: unknown) => this.fail(error));
    await Promise.allSettled(parts);
    if (this.failure) throw this.failure as Error;
    return Promise.all(parts);
  }

  private run<K extends TaskKind>(kind: K, input: TaskInput<K>): Promise<TaskOutput<K>> {
    this.underWay += 1;
    return this.pool.run(kind, input, {
      ledger: this.ledger,
      roots: [0],
      onReport: (rows) => this.keep(rows as ManifestRow[]),
      onReleased: () => {
        this.underWay -= 1;
        if (this.underWay === 0) this.whenIdle?.();
      },
    });
  }

  private keep(rows: ManifestRow[]): void {
    // From a thread that hung until now.
    if (this.ended) return this.ledger.read();
    const kept = this.hooks.onManifest(rows).then(
      () => this.ledger.read(),
      (error: unknown) => this.fail(error),
    );
    this.reports.push(kept);
    void kept.then(() => this.reports.splice(this.reports.indexOf(kept), 1));
  }

  private fail(error: unknown): void {
    if (!(error instanceof CancelledError)) this.failure ??= error;
    this.ledger.cancel();
  }

  private linkOf(filled: ShardResult[]): LinkKind | null {
    if (this.task.content === 'link') return 'hard';
    return sumOf(filled, 'clones') > 0 && sumOf(filled, 'copies') === 0 ? 'clone' : null;
  }

  /** Waits for the workers; not for one that hangs, whose session is closed when it comes back. */
  private async close(session: TreeSession, isKept: boolean): Promise<void> {
    if (this.underWay > 0) this.whenIdle = () => void this.closeNow(session, isKept);
    else await this.closeNow(session, isKept);
  }

  private async closeNow(session: TreeSession, isKept: boolean): Promise<void> {
    try {
      await this.pool.run('closeSession', { session, isKept }, { ledger: new Ledger() });
    } catch {
      // What could not be removed lies in the private directory of an ended operation: the next start removes it.
    }
  }
}

function sumOf(parts: ShardResult[], what: 'files' | 'bytes' | 'clones' | 'copies'): number {
  return parts.reduce((total, part) => total + part[what], 0);
}
