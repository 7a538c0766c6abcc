import { closeSync, type BigIntStats } from 'node:fs';
import { AppError } from '@app/core';
import { eachEntry, errnoOf, type Handle, openDirectory, readLink, sameObject, statName } from '../confined/handle';
import { type ResolvedSource } from '../confined/resolve-source';
import { translate } from '../confined/system-errors';
import { type DestinationSpot } from '../confined/user-area';
import { type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';
import { statTreeFile, type TreeFile } from './tree-file';
import { type TreeVisitor, TreeWalk } from './tree-walk';
import { type PlaceTask } from './task-types';

/** Copies keep times to the microsecond, some file systems to the second only. */
const TIME_TOLERANCE_NS = 2000n;
const SECOND_NS = 1_000_000_000n;

/** Thrown inside a comparison at the first difference. */
class Different extends Error {}

/**
 * Whether what stands at a destination equals the source in names, sizes and times of modification. `replaceable` for
 * an empty directory that a tree may take the place of; null when it cannot be told.
 */
export function comparePresent(
  task: PlaceTask,
  source: ResolvedSource,
  spot: DestinationSpot,
  control: WorkerControl,
): boolean | null | 'replaceable' {
  if (!source.stat.isDirectory()) return sameFile(source.stat, spot.present!);
  try {
    const copy = openDirectory(spot.base, spot.name);
    try {
      // A link cannot take the place of a directory in one step.
      if (task.content !== 'symlink' && isEmpty(copy) && hasEntries(source, control)) return 'replaceable';
      return sameTree(task, source, copy, control);
    } finally {
      closeSync(copy);
    }
  } catch (error) {
    // Moved away between two looks, or closed to the service; what can be said is that it was there.
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(errnoOf(error) ?? '')) return null;
    throw translate(error, 'target');
  }
}

function isEmpty(directory: Handle): boolean {
  let empty = true;
  eachEntry(directory, () => (empty = false));
  return empty;
}

function hasEntries(source: ResolvedSource, control: WorkerControl): boolean {
  control.reading(source.root.ordinal);
  try {
    return !isEmpty(source.object);
  } catch (error) {
    throw translate(error, 'source');
  } finally {
    control.writing();
  }
}

/** Size and time of modification; the same inode is equal by itself. */
export function sameFile(source: BigIntStats, copy: BigIntStats): boolean {
  if (sameObject(source, copy)) return true;
  return copy.isFile() && source.size === copy.size && sameTime(source.mtimeNs, copy.mtimeNs);
}

function sameTime(source: bigint, copy: bigint): boolean {
  const difference = source > copy ? source - copy : copy - source;
  if (difference < TIME_TOLERANCE_NS) return true;
  return copy % SECOND_NS === 0n && difference < SECOND_NS;
}

function sameTree(task: PlaceTask, source: ResolvedSource, copy: Handle, control: WorkerControl): boolean | null {
  const comparison = new TreeComparison(copy, control);
  try {
    new TreeWalk(task.storages, comparison, control).run(source);
    return true;
  } catch (error) {
    if (error instanceof Different) return false;
    if (error instanceof AppError && error.code !== 'storage_unavailable') return null;
    throw error;
  }
}

interface Counterpart {
  handle: Handle;
  own: boolean;
  entries: number;
}

/** Looks for each thing of the source in the copy, and then whether the copy has more. */
class TreeComparison implements TreeVisitor<Counterpart> {
  constructor(
    private readonly copy: Handle,
    private readonly control: WorkerControl,
  ) {}

  enter(_path: RawName, name: RawName, parent: Counterpart | undefined): Counterpart {
    if (!parent) return { handle: this.copy, own: false, entries: 0 };
    parent.entries += 1;
    this.control.writing();
    try {
      return { handle: openDirectory(parent.handle, name), own: true, entries: 0 };
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) throw new Different();
      throw translate(error, 'target');
    }
  }

  file(file: TreeFile, directory: Counterpart): void {
    directory.entries += 1;
    const source = statTreeFile(file);
    this.control.writing();
    const copy = statName(directory.handle, file.name);
    if (!copy || !sameFile(source, copy)) throw new Different();
  }

  link(_path: RawName, name: RawName, text: RawName, directory: Counterpart): void {
    directory.entries += 1;
    this.control.writing();
    const copy = statName(directory.handle, name);
    if (!copy?.isSymbolicLink() || readLink(directory.handle, name) !== text) throw new Different();
  }

  leave(directory: Counterpart): void {
    let entries = 0;
    this.control.writing();
    eachEntry(directory.handle, () => {
      this.control.step();
      entries += 1;
    });
    if (entries !== directory.entries) throw new Different();
  }

  close(directory: Counterpart): void {
    if (directory.own) closeSync(directory.handle);
  }
}

/** The text of the symbolic link that users follow to the source (`LINK_TARGET_PREFIX`). */
export function symbolicTarget(task: PlaceTask, source: ResolvedSource): RawName {
  const prefix = task.linkPrefixes[source.root.name];
  if (prefix === undefined) {
    throw new AppError(
      'cross_device_link',
      `The storage "${source.root.name}" has no LINK_TARGET_PREFIX, so no link can be made to it. Use local_copy instead.`,
    );
  }
  return [prefix, ...source.path].join('/');
}

/**
 * True when the destination is the very link that this request would make, or would fall back to: whether a hard link
 * is possible is found out only later.
 */
export function isOwnLink(task: PlaceTask, source: ResolvedSource, spot: DestinationSpot): boolean {
  if (task.content === 'copy' || task.linkPrefixes[source.root.name] === undefined) return false;
  return readLink(spot.base, spot.name) === symbolicTarget(task, source);
}
