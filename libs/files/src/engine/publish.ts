import {
  closeSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  renameSync,
  unlinkSync,
  type BigIntStats,
} from 'node:fs';
import { at, errnoOf, type Handle, openDirectory, sameObject, statHandle, statName } from '../confined/handle';
import { type PrivateDirectory } from '../confined/private-directory';
import { renameNoReplace } from '../confined/rename-no-replace';
import { destinationRestless, translate } from '../confined/system-errors';
import { openStep } from '../confined/user-area';
import { type RawName } from '../names/raw-name';
import { MODE_BITS, type Ownership, seal } from './ownership';

/** The name that the outermost thing has in the private directory. */
export const PAYLOAD: RawName = 'payload';

/** Thrown when the destination was taken while the data was built: the caller looks again at what is there. */
export class DestinationTaken extends Error {
  constructor() {
    super('The destination was taken meanwhile');
    this.name = 'DestinationTaken';
  }
}

/** Thrown when the private directory turned out to lie on another file system than the destination. */
export class OtherFileSystem extends Error {
  constructor(cause: unknown) {
    super('The private directory is on another file system', { cause });
    this.name = 'OtherFileSystem';
  }
}

/** Errors of link(2) where the file system has no hard links at all. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);
/** Steps of one publication before a destination that comes and goes is given up. */
const MAX_LOOKS = 1000;
const TAKEN = new Set(['EEXIST', 'ENOTEMPTY', 'ENOTDIR', 'EISDIR']);

/** Directories on the way to the destination, as they are made in the private directory. */
export interface PayloadPlace {
  /** Directory that receives the data: the private one, or the innermost of the made ones. */
  directory: Handle;
  /** The name of the data in it. */
  name: RawName;
  /** Handles of the made directories, outermost first. */
  made: Handle[];
}

/** Makes the missing directories of a destination in the private directory (all but their owner: see {@link sealMade}). */
export function makeParents(privateHandle: Handle, missing: RawName[], name: RawName): PayloadPlace {
  const made: Handle[] = [];
  try {
    let directory = privateHandle;
    for (const [index, segment] of missing.entries()) {
      const own = index === 0 ? PAYLOAD : segment;
      mkdirSync(at(directory, own), 0o700);
      directory = openDirectory(directory, own);
      made.push(directory);
    }
    return { directory, name: made.length > 0 ? name : PAYLOAD, made };
  } catch (error) {
    for (const handle of made) closeSync(handle);
    throw translate(error, 'target');
  }
}

/** Gives the made directories to the user; they stay writable for them. */
export function sealMade(place: PayloadPlace, ownership: Ownership, areaGroup: number | undefined): void {
  for (const handle of place.made) seal(handle, statHandle(handle), ownership, areaGroup, ownership.madeDirMode);
}

/** What is to be published, and where. */
export interface Publication {
  private: PrivateDirectory;
  place: PayloadPlace;
  /** The data itself: an open handle, held since it was verified. */
  payload: Handle;
  base: Handle;
  missing: RawName[];
  name: RawName;
  /** True where the target's file system has no hard links. */
  byRename: boolean;
}

/**
 * Moves finished data to its place in one step. A file is linked, which never overwrites (without hard links: renamed
 * without replacing, where that is offered); a directory is renamed, which never replaces anything but an empty directory. Throws {@link DestinationTaken} when somebody was faster, and
 * `destination_conflict` when the published name is not the object that was built. Durable when it returns.
 */
export function publish(publication: Publication): void {
  let { base } = publication;
  const opened: Handle[] = [];
  try {
    let from = publication.private.handle;
    let fromName = PAYLOAD;
    let missing = publication.missing;
    for (let looks = 0; looks < MAX_LOOKS; looks += 1) {
      const outermost = missing.length === 0;
      const object = outermost
        ? publication.payload
        : publication.place.made[publication.place.made.length - missing.length]!;
      const toName = outermost ? publication.name : missing[0]!;
      if (moveIn({ from, fromName, base, toName, object, byRename: publication.byRename })) return flushDirectory(base);
      if (outermost) throw new DestinationTaken();
      // Somebody made the next directory of the way meanwhile: it is theirs, and ours goes into it.
      const next = openStep(base, toName);
      if (next === undefined) continue;
      opened.push(next);
      base = next;
      from = object;
      missing = missing.slice(1);
      fromName = missing[0] ?? publication.place.name;
    }
    throw destinationRestless('The directories of the destination keep changing.');
  } catch (error) {
    throw translate(error, 'target');
  } finally {
    for (const handle of opened) closeSync(handle);
  }
}

interface Move {
  from: Handle;
  fromName: RawName;
  base: Handle;
  toName: RawName;
  object: Handle;
  byRename: boolean;
}

/** One step from the private directory to its place; false when the name is taken. */
function moveIn(move: Move): boolean {
  const stat = statHandle(move.object);
  try {
    if (stat.isDirectory()) renameDirectory(move, stat);
    else if (!linkFile(move)) return false;
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    // A link that did succeed may be told as EEXIST where a network file system repeated the request.
    if (TAKEN.has(errno)) return !stat.isDirectory() && sameObject(stat, statName(move.base, move.toName));
    if (errno === 'EXDEV') throw new OtherFileSystem(error);
    throw error;
  }
  if (!sameObject(stat, statName(move.base, move.toName))) {
    throw destinationRestless('The destination was changed by somebody else while it was published.');
  }
  return true;
}

function renameDirectory(move: Move, stat: BigIntStats): void {
  try {
    renameSync(at(move.from, move.fromName), at(move.base, move.toName));
  } catch (error) {
    if (errnoOf(error) !== 'EACCES') throw error;
    // rename(2) changes "..", so a service without privileges must be able to write to the directory while it moves.
    fchmodSync(move.object, 0o700);
    try {
      renameSync(at(move.from, move.fromName), at(move.base, move.toName));
    } finally {
      fchmodSync(move.object, Number(stat.mode & MODE_BITS));
    }
  }
}

/** False when the name is taken, where that is not told by an error. */
function linkFile(move: Move): boolean {
  if (!move.byRename && linkedAnew(move)) return true;
  // No hard links here.
  if (renameNoReplace(move.from, move.fromName, move.base, move.toName)) return true;
  // Not that either: a rename after a look, under the service's own lock, which holds for this process alone.
  if (statName(move.base, move.toName)) return false;
  renameSync(at(move.from, move.fromName), at(move.base, move.toName));
  return true;
}

/** False when the file system makes no hard links. What is left of the first name goes with the private directory. */
function linkedAnew(move: Move): boolean {
  try {
    linkSync(at(move.from, move.fromName), at(move.base, move.toName));
  } catch (error) {
    if (NO_LINKS.has(errnoOf(error) ?? '')) return false;
    throw error;
  }
  unlinkSync(at(move.from, move.fromName));
  return true;
}

/** Makes a directory's entries durable, where its file system can. */
export function flushDirectory(directory: Handle): void {
  try {
    fsyncSync(directory);
  } catch (error) {
    // Some file systems cannot flush directories; they offer nothing better (fsync(2)).
    if (!['EINVAL', 'ENOTSUP', 'EROFS'].includes(errnoOf(error) ?? '')) throw error;
  }
}
