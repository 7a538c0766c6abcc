import { closeSync, constants, copyFileSync, futimesSync, linkSync, openSync, type BigIntStats } from 'node:fs';
import { AppError } from '@app/core';
import { at, errnoOf, type Handle, O_PATH, sameObject, self, statHandle, statName } from '../confined/handle';
import { translate } from '../confined/system-errors';
import { showPath } from '../names/path-text';
import { type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';
import { copyContent, flush, hashHandle, sourceChanged } from './copy-content';
import { checkExpected } from './expected-checksum';
import { type Algorithm, type Checksum } from './hashing';
import { type Ownership, seal } from './ownership';
import { unsupported } from './source-kind';
import { checkFileReadable, type TreeFile } from './tree-file';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR } = constants;

/** How one file's content gets to the private directory. */
export interface ContentOptions {
  kind: 'copy' | 'link';
  /** Checksum to verify copies with and to keep; null for none. */
  algorithm: Algorithm | null;
  /** What the caller expects of the file. */
  expected: Checksum | null;
  /** Whether cloning is worth a try. */
  clone: boolean;
  flush: boolean;
  ownership: Ownership;
  areaGroup: number | undefined;
}

/** One file as it lies in the private directory: verified and sealed. */
export interface PlacedFile {
  stat: BigIntStats;
  checksum: Checksum | null;
  how: 'copy' | 'clone' | 'hard';
}

/** Errors of FICLONE that mean: not here, copy instead (ioctl_ficlone(2)). */
const NO_CLONE = new Set(['ENOTSUP', 'EOPNOTSUPP', 'EXDEV', 'ENOTTY', 'EINVAL', 'ENOSYS', 'EPERM', 'ETXTBSY']);

/** Errors of link(2) that mean: no hard link between these two places. */
const NO_LINK = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** Copies or clones an open source file to a new name in the private directory; returns its open handle too. */
export function placeCopy(
  source: Handle,
  stat: BigIntStats,
  directory: Handle,
  name: RawName,
  options: ContentOptions,
  control: WorkerControl,
): PlacedFile & { handle: Handle } {
  control.writing();
  const cloned = options.clone && tryClone(source, directory, name, control);
  // A clone has its source's mode so far, which may not let a service without privileges write.
  const flags = cloned ? O_RDONLY : O_RDWR | O_CREAT | O_EXCL;
  const handle = create(directory, name, flags, options.ownership.fileMode);
  try {
    const checksum = cloned
      ? verifyClone(handle, options, control)
      : checkExpected(copyVerified(source, stat, handle, options, control), options.expected);
    if (cloned) control.bytes(Number(stat.size));
    keepTimes(handle, stat);
    // Neither owner nor mode is part of what is told of it, so that one look serves both.
    const placed = statHandle(handle);
    seal(handle, placed, options.ownership, options.areaGroup, options.ownership.fileMode);
    if (cloned && options.flush) flush(handle, control);
    return { handle, stat: placed, checksum, how: cloned ? 'clone' : 'copy' };
  } catch (error) {
    closeSync(handle);
    throw error;
  }
}

/** Closes a file that was written to: a network file system may tell only then that it has no room for it. */
export function closeWritten(handle: Handle): void {
  try {
    closeSync(handle);
  } catch (error) {
    throw translate(error, 'target');
  }
}

/** A new file has its final mode from the beginning: nobody but the service gets to it before it is published. */
function create(directory: Handle, name: RawName, flags: number, mode: number): Handle {
  try {
    return openSync(at(directory, name), O_NOFOLLOW | flags, mode);
  } catch (error) {
    // Another worker was told of something else under this name.
    if (errnoOf(error) === 'EEXIST') throw sourceChanged();
    throw translate(error, 'target');
  }
}

function copyVerified(
  source: Handle,
  stat: BigIntStats,
  handle: Handle,
  options: ContentOptions,
  control: WorkerControl,
): Checksum | null {
  const algorithm = options.expected?.algorithm ?? options.algorithm;
  const { bytes, checksum } = copyContent(source, stat, handle, { algorithm, flush: options.flush }, control);
  if (bytes !== Number(stat.size)) throw sourceChanged();
  return algorithm && checksum !== null ? { algorithm, value: checksum } : null;
}

/** A clone shares its blocks with the source, so it is read only when the caller expects a checksum. */
function verifyClone(handle: Handle, options: ContentOptions, control: WorkerControl): Checksum | null {
  if (!options.expected) return null;
  const { algorithm } = options.expected;
  return checkExpected(
    { algorithm, value: hashHandle(handle, algorithm, 'target', control).checksum },
    options.expected,
  );
}

function tryClone(source: Handle, directory: Handle, name: RawName, control: WorkerControl): boolean {
  control.step();
  try {
    const flags = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE;
    control.patiently(() => copyFileSync(self(source), at(directory, name), flags));
    return true;
  } catch (error) {
    if (NO_CLONE.has(errnoOf(error) ?? '')) return false;
    throw translate(error, 'target');
  }
}

/**
 * Gives a copy its source's time of modification: to the microsecond, since Node passes times as floating-point seconds.
 * Before 1970 to the second, since Node takes a negative number for now, but not a date.
 */
export function keepTimes(handle: Handle, stat: BigIntStats): void {
  const seconds = Number(stat.mtimeNs / 1000n) / 1e6;
  const time = seconds < 0 ? new Date(Math.floor(seconds) * 1000) : seconds;
  try {
    futimesSync(handle, time, time);
  } catch (error) {
    throw translate(error, 'target');
  }
}

/**
 * Makes a hard link to a source file in the private directory, and checks there whether the user may have it: what
 * fails goes with that directory. Where `stat` is given, it must be that very file. Never changes owner, mode or
 * content of the file: it is the storage's.
 */
export function placeLink(
  from: { parent: Handle; name: RawName; stat?: BigIntStats; path: RawName; reader: TreeFile['reader'] },
  directory: Handle,
  name: RawName,
  options: ContentOptions,
  control: WorkerControl,
): PlacedFile {
  control.step();
  try {
    linkSync(at(from.parent, from.name), at(directory, name));
  } catch (error) {
    if (concernsSource(error, from, directory)) throw sourceChanged(showPath(from.path).text || undefined);
    throw linkError(error);
  }
  control.writing();
  const stat = statName(directory, name)!;
  // The name may have been swapped between the look and the link.
  if (from.stat && !sameObject(from.stat, stat)) throw sourceChanged();
  if (!stat.isFile()) throw unsupported(from.path);
  if (from.reader) checkPlacedReadable(directory, name, from);
  checkLinkable(stat, from.path, options.ownership.userUid);
  control.bytes(Number(stat.size));
  return { stat, checksum: null, how: 'hard' };
}

function checkPlacedReadable(directory: Handle, name: RawName, from: Pick<TreeFile, 'path' | 'reader'>): void {
  const handle = holdPlaced(directory, name);
  try {
    checkFileReadable(handle, from);
  } finally {
    closeSync(handle);
  }
}

/** Compares a file that is to be linked with what the caller expects. */
export function checkSource(source: Handle, expected: Checksum | null, control: WorkerControl): Checksum | null {
  if (!expected) return null;
  const { checksum } = hashHandle(source, expected.algorithm, 'source', control);
  return checkExpected({ algorithm: expected.algorithm, value: checksum }, expected);
}

/** A hard link and its source are one file, so the user must not be able to change it (contract, `source_writable`). */
export function checkLinkable(stat: BigIntStats, path: RawName, userUid: number | null): void {
  const shown = path === '' ? 'the source' : showPath(path).text;
  if ((stat.mode & 0o6000n) !== 0n) {
    throw new AppError(
      'source_unsupported',
      `A link to ${shown} is refused: it is set-user-id or set-group-id. Copy it instead.`,
    );
  }
  const owned = userUid !== null && Number(stat.uid) === userUid;
  if (owned || (stat.mode & 0o022n) !== 0n) {
    const why = owned ? 'it belongs to the user' : 'its mode lets others write to it';
    throw new AppError(
      'source_writable',
      `Through a link the user could change the storage's own file (${shown}: ${why}). Copy it instead.`,
    );
  }
}

/** Whether a link could not be made since the source is not there any more, or another thing than it was. */
function concernsSource(error: unknown, from: { parent: Handle; name: RawName }, directory: Handle): boolean {
  switch (errnoOf(error)) {
    case 'ENOENT':
      // Unless it is the private directory that was removed.
      return statHandle(directory).nlink > 0n;
    case 'EPERM':
      // A directory gives this as well, which says nothing of what can be linked here.
      return !statName(from.parent, from.name)?.isFile();
    case 'EEXIST':
      // Another worker was told of something else under this name.
      return true;
    default:
      return false;
  }
}

/** The error where storage and user area cannot be linked. */
export function noLinkBetween(errno: string, cause?: unknown): AppError {
  return new AppError(
    'cross_device_link',
    `No hard link can be made from the storage into this user area (${errno}). Use local_copy instead.`,
    { cause },
  );
}

function linkError(error: unknown): unknown {
  const errno = errnoOf(error);
  if (errno !== undefined && NO_LINK.has(errno)) {
    return noLinkBetween(errno, error);
  }
  return translate(error, 'target');
}

/** Takes hold of something in the private directory without opening it. */
export function holdPlaced(directory: Handle, name: RawName): Handle {
  return openSync(at(directory, name), O_PATH | O_NOFOLLOW);
}
