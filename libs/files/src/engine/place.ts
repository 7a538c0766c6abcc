import { closeSync, mkdirSync, statfsSync, symlinkSync, type BigIntStats } from 'node:fs';
import { AppError } from '@app/core';
import { at, type Handle, openDirectory, reopenForReading, self, statHandle, statName } from '../confined/handle';
import { makePrivate, type PrivateDirectory, removePrivate } from '../confined/private-directory';
import { outsideStorage, type ResolvedSource, sourcePath, SourceResolver } from '../confined/resolve-source';
import { openRoot } from '../confined/root';
import { noSpace, translate } from '../confined/system-errors';
import { destinationConflict, type DestinationSpot, locateDestination } from '../confined/user-area';
import { lastName } from '../names/path-text';
import { rawPath } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';
import { comparePresent, isOwnLink, symbolicTarget } from './compare';
import { sourceChanged } from './copy-content';
import { checkSource, type ContentOptions, holdPlaced, placeCopy, placeLink, type PlacedFile } from './place-content';
import { DestinationTaken, makeParents, type PayloadPlace, publish, sealMade } from './publish';
import { beyondLimit, surveyTree } from './survey';
import { kindOf, release, unsupported } from './tree-walk';
import {
  type FoundSource,
  type ManifestRow,
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
 * that several workers fill. Leaves nothing behind when it throws.
 */
export function place(task: PlaceTask, control: WorkerControl): PlaceResult {
  const start = sourcePath(task.storages, task.source.raw, task.source.storage, task.source.asSent);
  const source = new SourceResolver(task.storages, start, control.touch).resolve();
  let kept = false;
  try {
    const kind = kindOf(source.stat);
    if (!kind) throw unsupported('');
    if (kind === 'directory' && task.expected) throw checksumOfDirectory();
    const target = openRoot(task.target, control.touch);
    try {
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        const result = new Placement(task, source, kind, target, control).run();
        if (!result) continue;
        kept = result.type === 'tree';
        return result;
      }
      throw destinationConflict('The destination keeps changing. Try again when it is at rest.');
    } finally {
      if (!kept) closeSync(target);
    }
  } finally {
    if (!kept) release(source);
  }
}

function checksumOfDirectory(): AppError {
  const message = 'is for files; the source is a directory';
  return new AppError('validation_failed', `checksum ${message}.`, { errors: [{ field: 'checksum', message }] });
}

/** One try to place a source: its destination is looked at once, built for and published. */
class Placement {
  private readonly spot: DestinationSpot;
  private readonly stagedPath: string;
  private readonly found: FoundSource;

  constructor(
    private readonly task: PlaceTask,
    private readonly source: ResolvedSource,
    kind: 'file' | 'directory',
    private readonly target: Handle,
    private readonly control: WorkerControl,
  ) {
    const { username, segments, intoDirectory } = task.destination;
    const ownName = lastName(task.source.raw) ?? source.path.at(-1);
    if (intoDirectory && ownName === undefined) throw outsideName();
    const path = intoDirectory ? [...segments, ownName!] : segments;
    this.stagedPath = path.join('/');
    this.found = { storage: source.root.name, kind };
    control.touch(task.target.ordinal);
    this.spot = locateDestination(target, username, path, task.createAreas);
  }

  /** Undefined when somebody took the destination meanwhile: look again. */
  run(): PlaceResult | undefined {
    let kept = false;
    try {
      const present = this.present();
      if (present) return present;
      const result = this.build();
      kept = result.type === 'tree';
      return result;
    } catch (error) {
      if (error instanceof DestinationTaken) return undefined;
      throw error;
    } finally {
      if (!kept && this.spot.base !== this.target) closeSync(this.spot.base);
    }
  }

  private present(): PresentResult | undefined {
    const stat = this.spot.present;
    if (!stat) return undefined;
    if (stat.isSymbolicLink()) return this.presentLink(stat);
    const kind = kindOf(stat);
    if (kind !== this.found.kind) {
      throw destinationConflict(
        `The destination is a ${kind ?? 'special file'}, the source a ${this.found.kind}. Choose another destination.`,
      );
    }
    const compared = comparePresent(this.task, this.source, this.spot, this.control);
    if (compared === 'replaceable') return undefined;
    return this.asPresent(stat, compared);
  }

  private presentLink(stat: BigIntStats): PresentResult {
    if (this.task.content === 'symlink' && isOwnLink(this.task, this.source, this.spot))
      return this.asPresent(stat, true);
    throw destinationConflict(
      'The destination is a symbolic link; links inside the user area are never followed. Remove it or choose another destination.',
    );
  }

  private asPresent(stat: BigIntStats, matches: boolean | null): PresentResult {
    if (this.task.ifExists === 'fail') {
      throw new AppError('already_exists', 'The destination exists already. Choose another one, or if_exists "skip".');
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
    const survey = this.found.kind === 'directory' && this.task.content !== 'symlink' ? this.survey() : null;
    if (!survey) this.checkFile();
    const own = makePrivate(this.target, this.spot.base, this.task.operationId, this.task.besideDestination);
    let kept = false;
    let parents: PayloadPlace | undefined;
    try {
      parents = makeParents(own.handle, this.spot.missing, this.spot.name);
      const result = survey ? this.openSession(own, parents, survey) : this.placeOne(own, parents);
      kept = result.type === 'tree';
      return result;
    } finally {
      if (!kept) this.discard(own, parents);
    }
  }

  private discard(own: PrivateDirectory, parents: PayloadPlace | undefined): void {
    try {
      for (const handle of parents?.made ?? []) closeSync(handle);
      removePrivate(own, () => this.control.touch(this.task.target.ordinal));
    } finally {
      closeSync(own.handle);
      if (own.parent !== this.spot.base) closeSync(own.parent);
    }
  }

  private survey(): TreeSession['survey'] {
    this.control.touch(this.source.root.ordinal);
    const survey = surveyTree(this.task.storages, this.source, this.task.limits, this.control);
    if (this.task.content === 'copy' && !this.task.clone) checkSpace(this.spot.base, survey.allocated, survey.files);
    return survey;
  }

  private checkFile(): void {
    const { size, blocks } = this.source.stat;
    const { maxBytes } = this.task.limits;
    if (this.task.content !== 'symlink' && maxBytes > 0 && size > maxBytes) throw beyondLimit(`${maxBytes} bytes`);
    if (this.task.content !== 'copy' || this.task.clone) return;
    checkSpace(this.spot.base, Number(blocks * 512n < size ? blocks * 512n : size), 1);
  }

  private openSession(own: PrivateDirectory, place: PayloadPlace, survey: TreeSession['survey']): TreeSession {
    mkdirSync(at(place.directory, place.name), 0o700);
    return {
      type: 'tree',
      ...this.found,
      stagedPath: this.stagedPath,
      survey,
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
      payload: openDirectory(place.directory, place.name),
      missing: this.spot.missing,
      name: this.spot.name,
      areaGroup: this.spot.areaGroup ?? null,
    };
  }

  private placeOne(own: PrivateDirectory, parents: PayloadPlace): PlacedResult {
    const { content, ownership } = this.task;
    const placed =
      content === 'copy' ? this.copy(parents) : content === 'link' ? this.link(parents) : this.symlink(parents);
    try {
      sealMade(parents, ownership, this.spot.areaGroup);
      const { base, missing, name } = this.spot;
      this.control.step();
      publish({
        private: own,
        place: parents,
        payload: placed.handle,
        base,
        missing,
        name,
        byRename: this.task.publishByRename,
      });
    } finally {
      closeSync(placed.handle);
    }
    return this.asPlaced(placed);
  }

  private asPlaced({
    stat,
    checksum,
    how,
  }: PlacedFile | (Omit<PlacedFile, 'how'> & { how: 'symbolic' })): PlacedResult {
    const bytes = how === 'symbolic' ? 0 : Number(stat.size);
    this.control.files(1);
    return {
      type: 'placed',
      ...this.found,
      bytes,
      stagedPath: this.stagedPath,
      link: how === 'copy' ? null : how,
      checksum,
      manifest: [manifestRow('', how === 'symbolic' ? 'link' : 'file', stat, checksum?.value ?? null)],
    };
  }

  private copy(parents: PayloadPlace): PlacedFile & { handle: Handle } {
    const content = reopenForReading(this.source.object);
    try {
      const before = statHandle(content);
      const placed = placeCopy(
        content,
        before,
        parents.directory,
        parents.name,
        contentOptions(this.task, this.spot.areaGroup, true),
        this.control,
      );
      const after = statHandle(content);
      if (after.size !== before.size || after.mtimeNs !== before.mtimeNs) {
        closeSync(placed.handle);
        throw sourceChanged();
      }
      return placed;
    } catch (error) {
      throw translate(error, 'source');
    } finally {
      closeSync(content);
    }
  }

  private link(parents: PayloadPlace): PlacedFile & { handle: Handle } {
    const { parent, path, stat } = this.source;
    const options = contentOptions(this.task, this.spot.areaGroup, true);
    const placed = placeLink(
      { parent, name: path.at(-1)!, stat, path: '' },
      parents.directory,
      parents.name,
      options,
      this.control,
    );
    const checksum = this.task.expected ? this.checkLinked() : null;
    return { ...placed, checksum, handle: holdPlaced(parents.directory, parents.name) };
  }

  private checkLinked(): PlacedFile['checksum'] {
    const content = reopenForReading(this.source.object);
    try {
      return checkSource(content, this.task.expected, this.control);
    } finally {
      closeSync(content);
    }
  }

  private symlink(parents: PayloadPlace): Omit<PlacedFile, 'how'> & { how: 'symbolic'; handle: Handle } {
    const checksum = this.task.expected ? this.checkLinked() : null;
    symlinkSync(rawPath(symbolicTarget(this.task, this.source)), at(parents.directory, parents.name));
    const handle = holdPlaced(parents.directory, parents.name);
    return { how: 'symbolic', stat: statName(parents.directory, parents.name)!, checksum, handle };
  }
}

/** What each file of a task needs. */
export function contentOptions(task: PlaceTask, areaGroup: number | undefined, flush: boolean): ContentOptions {
  const { algorithm, expected, clone, ownership } = task;
  return { kind: task.content === 'link' ? 'link' : 'copy', algorithm, expected, clone, flush, ownership, areaGroup };
}

/** One file or link of the manifest. */
export function manifestRow(
  path: string,
  kind: 'file' | 'link',
  stat: BigIntStats,
  checksum: string | null,
): ManifestRow {
  return {
    path,
    kind,
    size: Number(stat.size),
    mtimeNs: String(stat.mtimeNs),
    device: String(stat.dev),
    inode: String(stat.ino),
    checksum,
  };
}

function outsideName(): AppError {
  return outsideStorage('a whole storage has no name of its own; name the destination, without a "/" at its end');
}

/** Throws `insufficient_storage` when the data does not fit; a file system that does not tell is tried. */
function checkSpace(base: Handle, bytes: number, files: number): void {
  let free: { bavail: number; bsize: number; files: number; ffree: number };
  try {
    free = statfsSync(self(base));
  } catch (error) {
    throw translate(error, 'target');
  }
  const inodesShort = free.files > 0 && free.ffree < files;
  if (free.bavail * free.bsize < bytes || inodesShort) throw noSpace();
}
