import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  opendirSync,
  readFileSync,
  readlinkSync,
  type BigIntStats,
  type Dirent,
} from 'node:fs';
import { constants as constantsOfSystem } from 'node:os';
import { isPlainName, type RawName, rawPath } from '../names/raw-name';

/**
 * The one way to name something on disk: an open directory and one name in it. Node has no openat(2), but on Linux
 * `/proc/self/fd/<n>/<name>` is the same: the kernel starts at the directory that is open, wherever it was moved to and
 * whatever stands at its old place (proc(5)). Everything here is synchronous and meant for worker threads.
 */

/** A file descriptor of the process; valid in each of its threads. */
export type Handle = number;

/** open(2): a handle that names an object without opening it, so that not even a FIFO or a device notices. */
export const O_PATH = 0o10000000;
const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, O_NONBLOCK, O_NOCTTY } = constants;

/** The path of one name in an open directory. Throws on what is not one plain name: a programmer's error. */
export function at(directory: Handle, name: RawName): string | Buffer {
  if (!isPlainName(name)) throw new Error('not a plain file name');
  return rawPath(`/proc/self/fd/${directory}/${name}`);
}

/** The path of an open handle itself. */
export function self(handle: Handle): string {
  return `/proc/self/fd/${handle}`;
}

/** Opens a directory for reading; ENOTDIR or ELOOP when a link or anything else stands there. */
export function openDirectory(parent: Handle, name: RawName): Handle {
  return openSync(at(parent, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/** Takes hold of whatever has this name, without opening it and without following a link. */
export function openObject(parent: Handle, name: RawName): Handle {
  return openSync(at(parent, name), O_PATH | O_NOFOLLOW);
}

/** Opens for reading exactly the object that a handle of {@link openObject} holds; never blocks on a FIFO. */
export function reopenForReading(object: Handle): Handle {
  return openSync(self(object), O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

/** Opens a file known to be regular; should it have been swapped meanwhile, this neither follows a link nor blocks. */
export function openForReading(parent: Handle, name: RawName): Handle {
  return openSync(at(parent, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
}

/** The state of an open handle, with nanoseconds. */
export function statHandle(handle: Handle): BigIntStats {
  return fstatSync(handle, { bigint: true });
}

/** The state of a name, of the link itself where it is one; undefined when there is none. */
export function statName(parent: Handle, name: RawName): BigIntStats | undefined {
  return lstatSync(at(parent, name), { bigint: true, throwIfNoEntry: false });
}

/** The text of a symbolic link. */
export function readLink(parent: Handle, name: RawName): RawName {
  return readlinkSync(at(parent, name), { encoding: 'latin1' });
}

/** What a directory says of one of its entries. */
export type EntryKind = 'file' | 'directory' | 'link' | 'other';

/**
 * Visits the entries of an open directory as they come, so that memory does not grow with its size. `visit` may return
 * false to end early. Entries that are added or removed meanwhile may or may not be visited (readdir(3)).
 */
export function eachEntry(directory: Handle, visit: (name: RawName, kind: EntryKind) => boolean | void): void {
  // As bytes: for a file system that does not tell kinds, Node looks each entry up by exactly these bytes.
  const listing = opendirSync(self(directory), { encoding: 'buffer' as BufferEncoding, bufferSize: 512 });
  try {
    for (let entry = listing.readSync(); entry; entry = listing.readSync()) {
      const name = (entry.name as unknown as Buffer).toString('latin1');
      if (visit(name, kindOfEntry(entry)) === false) return;
    }
  } finally {
    listing.closeSync();
  }
}

function kindOfEntry(entry: Dirent): EntryKind {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  return entry.isSymbolicLink() ? 'link' : 'other';
}

/** Closes handles; one that is closed already would be somebody else's by now, so each is given here once only. */
export function closeAll(handles: Iterable<Handle>): void {
  for (const handle of handles) closeSync(handle);
}

/** Looks at a handle that stays open unless that fails. */
export function closingOnError<T>(handle: Handle, look: (handle: Handle) => T): T {
  try {
    return look(handle);
  } catch (error) {
    closeSync(handle);
    throw error;
  }
}

/**
 * Device and mount of a handle as one text. Two directories with the same place can be linked and renamed between:
 * link(2) and rename(2) need one mount, and one btrfs subvolume, which has a device number of its own.
 */
export function placeOf(handle: Handle): string {
  const info = readFileSync(`/proc/self/fdinfo/${handle}`, 'latin1');
  return `${/^mnt_id:\s*(\d+)/m.exec(info)?.[1] ?? '?'}:${statHandle(handle).dev}`;
}

/** True when both are the same object. */
export function sameObject(one: BigIntStats, other: BigIntStats | undefined): boolean {
  return other !== undefined && one.ino === other.ino && one.dev === other.dev;
}

const ERRNO_NAMES = new Map(Object.entries(constantsOfSystem.errno).map(([name, number]) => [number, name]));

/** The code of a failed system call, or undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  const { errno, code } = (error ?? {}) as NodeJS.ErrnoException;
  if (typeof errno !== 'number') return undefined;
  // Node has no names for some, EDQUOT and ESTALE among them: it calls them UNKNOWN or `Unknown system error -122`.
  return code?.startsWith('E') ? code : ERRNO_NAMES.get(-errno);
}
