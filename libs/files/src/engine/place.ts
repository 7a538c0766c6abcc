import { closeSync, mkdirSync, type BigIntStats } from 'node:fs';
import { AppError } from '@app/core';
import { at, type Handle, openDirectory } from '../confined/handle';
import { makePrivate, type PrivateDirectory, removePrivate } from '../confined/private-directory';
import { outsideStorage, type ResolvedSource, sourcePath, SourceResolver } from '../confined/resolve-source';
import { openRoot } from '../confined/root';
import {
  alreadyExists,
  destinationConflict,
  destinationOfOtherKind,
  destinationRestless,
  translate,
} from '../confined/system-errors';
import { type DestinationSpot, locateDestination } from '../confined/user-area';
import { lastName, refusePrivateNames } from '../names/path-text';
import { type WorkerControl } from '../pool/control';
import { comparePresent, isOwnLink } from './compare';
import { checksumOfDirectory } from './expected-checksum';
import { findPublished } from './find-published';
import { findEarlier } from './resume';
import { checkSpace } from './space';
import { placeFile } from './place-file';
import { DestinationTaken, makeParents, type PayloadPlace } from './publish';
import { beyondLimit } from './survey';
import { release } from './tree-walk';
import { kindOf, unsupported } from './source-kind';
import {
  type FoundSource,
  type PlacedResult,
  type PlaceResult,
  type PlaceTask,
  type PresentResult,
  type TreeSession,
} from './task-types';

/** How often a destination that comes and goes is looked at again. */
const MAX_TRIES = 10;

/**
 * Brings one source to its destination, from the checks to the published name. A directory comes back as a session
 * that several workers fill. Leaves nothing behind when it throws, but what an earlier attempt kept.
 */
export function place(task: PlaceTask, control: WorkerControl): PlaceResult {
  const published = findPublished(task, control);
  if (published) return published;
  return onRoots(task, control, ({ source, kind, target }) => {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const result = new Placement(task, source, kind, target, control).run();
      if (result) return { value: result, isKept: result.type === 'tree' };
    }
    throw destinationRestless('The destination keeps changing.');
  });
}

/** Looks where a source would go; `work` sees that while its handles are open. Makes nothing. */
export function lookAtPlacement<T>(task: PlaceTask, control: WorkerControl, work: (placement: Placement) => T): T {
  return onRoots(task, control, ({ source, kind, target }) => {
    const placement = new Placement(task, source, kind, target, control);
    try {
      return { value: work(placement), isKept: false };
    } finally {
      if (placement.spot.base !== target) closeSync(placement.spot.base);
    }
  });
}

interface Found {
  source: ResolvedSource;
  kind: 'file' | 'directory';
  target: Handle;
}

/** Resolves the source and opens the target; both are released unless the work keeps them. */
function onRoots<T>(task: PlaceTask, control: WorkerControl, work: (found: Found) => { value: T; isKept: boolean }): T {
  const start = sourcePath(task.storages.roots, task.source.raw, task.source.storage, task.source.asSent);
  const source = new SourceResolver(task.storages, start, control.touch).resolve();
  let isKept = false;
  try {
    const kind = kindOf(source.stat);
    if (!kind) throw unsupported('');
    if (kind === 'directory' && task.expected) throw checksumOfDirectory();
    const target = openRoot(task.target, control.touch);
    try {
      const done = work({ source, kind, target });
      isKept = done.isKept;
      return done.value;
    } finally {
      if (!isKept) closeSync(target);
    }
  } finally {
    if (!isKept) release(source);
  }
}

/** One try to place a source: its destination is looked at once, built for and published. */
export class Placement {
  readonly spot: DestinationSpot;
  readonly stagedPath: string;
  readonly found: FoundSource;

  constructor(
    private readonly task: PlaceTask,
    readonly source: ResolvedSource,
    kind: 'file' | 'directory',
    private readonly target: Handle,
    private readonly control: WorkerControl,
  ) {
    const { username, segments, intoDirectory } = task.destination;
    const ownName = lastName(task.source.raw) ?? source.path.at(-1);
    if (intoDirectory && ownName === undefined) throw outsideName();
    const path = intoDirectory ? [...segments, ownName!] : segments;
    refusePrivateNames(path);
    this.stagedPath = path.join('/');
    this.found = { storage: source.root.name, kind };
    control.writing();
    this.spot = locateDestination(target, username, path, task.createAreas);
  }

  /** Undefined when somebody took the destination meanwhile: look again. */
  run(): PlaceResult | undefined {
    let kept = false;
    try {
      const there = this.publishedMeanwhile() ?? this.present();
      if (there) return there;
      const result = this.build();
      kept = result.type === 'tree';
      return result;
    } catch (error) {
      if (error instanceof DestinationTaken) return undefined;
      // What concerned the source is told as such where it happened.
      throw translate(error, 'target');
    } finally {
      if (!kept && this.spot.base !== this.target) closeSync(this.spot.base);
    }
  }

  /** What an earlier attempt that is still alive published just now, though another one had begun. */
  private publishedMeanwhile(): PlacedResult | undefined {
    const { spot, task, control } = this;
    return spot.present && task.earlierNames.length > 0 ? findPublished(task, control) : undefined;
  }

  /** What is at the destination already; undefined when it is free, or may be replaced. */
  present(): PresentResult | undefined {
    const stat = this.spot.present;
    if (!stat) return undefined;
    if (stat.isSymbolicLink()) return this.presentLink(stat);
    const kind = kindOf(stat);
    if (kind !== this.found.kind) {
      throw destinationOfOtherKind(kind ?? 'special file', this.found.kind);
    }
    const compared = comparePresent(this.task, this.source, this.spot, this.control);
    if (compared === 'replaceable') return undefined;
    return this.asPresent(stat, compared);
  }

  private presentLink(stat: BigIntStats): PresentResult {
    if (isOwnLink(this.task, this.source, this.spot)) return this.asPresent(stat, true);
    throw destinationConflict(
      'The destination is a symbolic link; links inside the user area are never followed. Remove it or choose another destination.',
    );
  }

  private asPresent(stat: BigIntStats, matches: boolean | null): PresentResult {
    if (this.task.ifExists === 'fail') {
      throw alreadyExists();
    }
    return {
      type: 'present',
      ...this.found,
      stagedPath: this.stagedPath,
      matches,
      device: String(stat.dev),
      inode: String(stat.ino),
      size: Number(stat.size),
      mtimeNs: String(stat.mtimeNs),
    };
  }

  private build(): PlacedResult | TreeSession {
    const isTree = this.found.kind === 'directory' && this.task.content !== 'symlink';
    this.control.writing();
    // A call that hung may have returned just now: another attempt may use the private directory already.
    this.control.step();
    if (!isTree) this.checkFile();
    const earlier = isTree && this.task.resume ? findEarlier(this.target, this.spot, this.task) : undefined;
    if (earlier) return this.sessionOf(earlier.own, earlier.parents, { payload: earlier.payload, resumed: true });
    const own = makePrivate(this.target, this.spot.base, this.task, () => this.control.writing());
    let kept = false;
    let parents: PayloadPlace | undefined;
    try {
      parents = makeParents(own.handle, this.spot.missing, this.spot.name);
      const result = isTree ? this.openSession(own, parents) : this.placeOne(own, parents);
      kept = result.type === 'tree';
      return result;
    } finally {
      if (!kept) this.discard(own, parents);
    }
  }

  private discard(own: PrivateDirectory, parents: PayloadPlace | undefined): void {
    for (const handle of parents?.made ?? []) closeSync(handle);
    try {
      this.control.writing();
      removePrivate(own, () => this.control.writing());
    } catch {
      // The result stands, or the reason why there is none; the next attempt or the next start removes what is left.
    }
    closeSync(own.handle);
    if (own.parent !== this.spot.base) closeSync(own.parent);
  }

  private placeOne(own: PrivateDirectory, parents: PayloadPlace): PlacedResult {
    const { task, source, target, spot, control, found, stagedPath } = this;
    return placeFile({ task, source, target, spot, own, parents, control }, { ...found, stagedPath });
  }

  private checkFile(): void {
    const { size, blocks } = this.source.stat;
    const { maxBytes } = this.task.limits;
    if (this.task.content !== 'symlink' && maxBytes > 0 && size > maxBytes) throw beyondLimit(`${maxBytes} bytes`);
    if (this.task.content !== 'copy' || this.task.cloneFrom.includes(this.source.root.name)) return;
    checkSpace(this.spot.base, Number(blocks * 512n < size ? blocks * 512n : size), 1);
  }

  private openSession(own: PrivateDirectory, place: PayloadPlace): TreeSession {
    mkdirSync(at(place.directory, place.name), 0o700);
    return this.sessionOf(own, place, { payload: openDirectory(place.directory, place.name), resumed: false });
  }

  private sessionOf(
    own: PrivateDirectory,
    place: PayloadPlace,
    { payload, resumed }: Pick<TreeSession, 'payload' | 'resumed'>,
  ): TreeSession {
    return {
      type: 'tree',
      ...this.found,
      stagedPath: this.stagedPath,
      target: this.target,
      sourceParent: this.source.parent,
      source: this.source.object,
      sourcePath: this.source.path,
      base: this.spot.base,
      privateParent: own.parent,
      privateHandle: own.handle,
      privateName: own.name,
      payloadParent: place.directory,
      payloadName: place.name,
      made: place.made,
      payload,
      resumed,
      missing: this.spot.missing,
      name: this.spot.name,
      areaGroup: this.spot.areaGroup ?? null,
    };
  }
}

function outsideName(): AppError {
  return outsideStorage('a whole storage has no name of its own; name the destination, without a "/" at its end');
}
