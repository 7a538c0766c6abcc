import { AppError } from '@app/core';
import { destinationRestless } from '../confined/system-errors';
import { IdentitySet } from '../engine/identity-set';
import { DestinationTaken, OtherFileSystem } from '../engine/publish';
import { NotResumable } from '../engine/resume';
import { type ContentKind, type PlaceResult, type PlaceTask } from '../engine/task-types';
import { lastName, refuseEscape } from '../names/path-text';
import { ASK_TO_PUBLISH, CancelledError, type Ledger } from '../pool/control';
import { type WorkerPool } from '../pool/worker-pool';
import { abortable } from './abortable';
import { DestinationLocks } from './destination-locks';
import { type FilesOptions } from './files-options';
import { type PlaceTasks } from './place-tasks';
import { type PlaceHooks, type Placement, type PlaceRequest, receiptOf } from './placement';
import { ProgressReport } from './progress-report';
import { type RootRegistry } from './root-registry';
import { TreeRun } from './tree-run';

/** Tries of one placement that a race or a mount inside the area may cost. */
const MAX_TRIES = 5;

/** Users remembered as {@link FileStager} says; beyond that, all are forgotten. */
const MAX_APART = 10_000;

/**
 * Places sources of the storage in user areas: verified, read-only, published in one step. May be called again for the
 * same operation: what is there already is told as `already_present`.
 */
export class FileStager {
  private readonly locks = new DestinationLocks();
  /** Users whose areas turned out to be apart from the target root, though they look alike (project quotas, encryption). */
  private readonly apart = new Set<string>();

  constructor(
    private readonly pool: WorkerPool,
    private readonly roots: RootRegistry,
    private readonly tasks: PlaceTasks,
    private readonly options: FilesOptions,
  ) {}

  /** Copies a file or a tree; a clone where the file system can. */
  copy(request: PlaceRequest, hooks: PlaceHooks): Promise<Placement> {
    return reporting(hooks, (progress) => this.place('copy', request, hooks, progress));
  }

  /**
   * Makes a hard link to a file, or a tree of hard links; where that cannot be done, what the site chose instead.
   * Throws `cross_device_link` where it chose nothing, `source_writable` where the user could change the source.
   */
  link(request: PlaceRequest, hooks: PlaceHooks): Promise<Placement> {
    const { linkFallback } = this.options;
    return reporting(hooks, async (progress) => {
      try {
        return await this.place('link', request, hooks, progress);
      } catch (error) {
        const impossible = error instanceof AppError && error.code === 'cross_device_link';
        if (!impossible || linkFallback === 'error') throw error;
        await hooks.onRestart();
        return this.place(linkFallback, request, { ...hooks, earlier: null }, progress);
      }
    });
  }

  private async place(
    content: ContentKind,
    request: PlaceRequest,
    hooks: PlaceHooks,
    progress: ProgressReport,
  ): Promise<Placement> {
    refuseEscape(request.destination);
    const task = await this.tasks.of(content, request);
    task.besideDestination = this.apart.has(request.username);
    const { username, segments, intoDirectory } = task.destination;
    const { path } = request.source;
    // Another spelling of the same destination must be the same key, as far as names tell.
    const key = [username, ...segments, ...(intoDirectory ? [lastName(path) ?? path] : [])].join('/');
    return this.locks.hold(key, hooks.signal, () =>
      this.tidying(task, hooks, async () => {
        await this.remember(task, hooks);
        return this.tryPlace(task, hooks, progress);
      }),
    );
  }

  /** Tells a further attempt what the ones before it came to. */
  private async remember(task: PlaceTask, { earlier, receipt, privateNames }: PlaceHooks): Promise<void> {
    task.receipt = receipt;
    if (privateNames) Object.assign(task, { privateName: privateNames.own, earlierNames: privateNames.earlier });
    if (!earlier) return;
    const identities = await IdentitySet.of(earlier());
    task.earlierRows = identities.size;
    if (task.content === 'copy' && identities.size > 0) task.resume = identities.shared;
  }

  /** Runs an attempt; a further one that is the last removes what earlier ones kept, wherever it could not go on from that. */
  private async tidying(task: PlaceTask, hooks: PlaceHooks, work: () => Promise<Placement>): Promise<Placement> {
    if (!hooks.earlier) return work();
    try {
      const placement = await work();
      await this.removeKept(task);
      return placement;
    } catch (error) {
      const hangs = error instanceof AppError && error.code === 'storage_unavailable';
      if (!hangs && !hooks.keeps(error)) await this.removeKept(task);
      throw error;
    }
  }

  private async removeKept({ target, privateName, destination }: PlaceTask): Promise<void> {
    try {
      const task = { target, names: [privateName], destination, hasEnded: false };
      await this.pool.run('sweepPrivate', task, { roots: [0] });
    } catch {
      // The result stands, or the reason why there is none; the next start removes what is left.
    }
  }

  private async tryPlace(task: PlaceTask, hooks: PlaceHooks, progress: ProgressReport): Promise<Placement> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.placeOnce(task, hooks, progress);
      } catch (error) {
        if (!isWorthAnotherTry(error, task)) throw error;
        if (tries >= MAX_TRIES) throw destinationRestless('The destination keeps changing.', error);
        if (error instanceof OtherFileSystem) this.keepApart(task);
        task.resume = null;
        task.earlierRows &&= 0;
        await hooks.onRestart();
      }
    }
  }

  /** From now on for this user: otherwise each of their requests would be built twice. */
  private keepApart(task: PlaceTask): void {
    task.besideDestination = true;
    if (this.apart.size >= MAX_APART) this.apart.clear();
    this.apart.add(task.destination.username);
  }

  private placeOnce(task: PlaceTask, hooks: PlaceHooks, progress: ProgressReport): Promise<Placement> {
    return abortable(this.pool, hooks.signal, async (ledger) => {
      progress.follow(ledger);
      const gate = new PublishGate(ledger, hooks);
      try {
        return await this.placeUnder(ledger, gate, task, hooks);
      } catch (error) {
        hooks.signal.throwIfAborted();
        throw error instanceof CancelledError ? (gate.refusal ?? error) : error;
      }
    });
  }

  private async placeUnder(ledger: Ledger, gate: PublishGate, task: PlaceTask, hooks: PlaceHooks): Promise<Placement> {
    const run = new TreeRun(this.pool, task, ledger, hooks, this.options);
    const result = await this.pool.run('place', task, {
      ledger,
      roots: [0, ...this.roots.touchedBy(task.source.raw, task.source.storage)],
      onReport: (data) => gate.hear(data),
      onLate: (late) => run.discardLate(late as PlaceResult),
    });
    // What lay there could not be gone on from, so that it is not counted either.
    if (task.earlierRows && !goesOn(result)) await hooks.onRestart();
    if (result.type === 'tree') return run.finish(result);
    tell(result, hooks);
    return asPlacement(result, task);
  }
}

async function reporting(
  hooks: PlaceHooks,
  work: (progress: ProgressReport) => Promise<Placement>,
): Promise<Placement> {
  const progress = new ProgressReport(hooks);
  try {
    const placement = await work(progress);
    progress.complete(placement);
    return placement;
  } finally {
    progress.stop();
  }
}

/** Whether the rows that earlier attempts handed over are those of this result as well. */
function goesOn(result: PlaceResult): boolean {
  if (result.type === 'tree') return result.resumed;
  return result.type === 'placed' && result.isEarlier && result.manifest.length === 0;
}

function isWorthAnotherTry(error: unknown, task: PlaceTask): boolean {
  if (error instanceof OtherFileSystem) return !task.besideDestination;
  return error instanceof DestinationTaken || error instanceof NotResumable;
}

/** Lets a worker publish when the hook agrees; remembers why it did not. */
class PublishGate {
  refusal: unknown;

  constructor(
    private readonly ledger: Ledger,
    private readonly hooks: PlaceHooks,
  ) {}

  hear(data: unknown): void {
    if (data !== ASK_TO_PUBLISH) return;
    this.hooks.beforePublish().then(
      () => this.ledger.openGate(),
      (error: unknown) => {
        this.refusal = error;
        this.ledger.cancel();
      },
    );
  }
}

/** The log's line for the check and the move of one file, or for the check that found it there. */
function tell(result: Exclude<PlaceResult, { type: 'tree' }>, { note }: PlaceHooks): void {
  const { kind, storage } = result;
  if (result.type === 'present') {
    note('Source and destination checked: it is there already', { kind, storage, matches_source: result.matches });
    return;
  }
  const { bytes, link, checksum } = result;
  if (result.isEarlier) return note('An earlier attempt had brought it to its destination', { kind, storage, bytes });
  const verified = checksum ? ` and verified by ${checksum.algorithm}` : '';
  const done = link === null ? `copied${verified}` : `${link === 'clone' ? 'cloned' : `${link} link made`}${verified}`;
  note(`Source and destination checked; ${done}`, { kind, storage, bytes });
}

function asPlacement(result: Exclude<PlaceResult, { type: 'tree' }>, task: PlaceTask): Placement {
  const { storage, kind, stagedPath } = result;
  if (result.type === 'present') {
    const { device, inode, size, mtimeNs } = result;
    const present = kind === 'file' ? { device, inode, size, mtimeNs } : null;
    const nothing = { files: null, bytes: null, link: null, checksum: null, manifest: [] };
    return {
      outcome: 'already_present',
      storage,
      kind,
      stagedPath,
      ...nothing,
      matchesSource: result.matches,
      present,
    };
  }
  const { files, bytes, link, checksum, manifest } = result;
  const done = { files, bytes, link, checksum, matchesSource: null, present: null, manifest, ...receiptOf(task) };
  return { outcome: 'staged', storage, kind, stagedPath, ...done };
}
