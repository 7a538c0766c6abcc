import { closeSync, fchmodSync, mkdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { AppError } from '@app/core';
import { at, closingOnError, eachEntry, errnoOf, type Handle, openDirectory, placeOf, statHandle } from './handle';
import { type RawName } from '../names/raw-name';
import { destinationRestless, storageUnavailable, translate } from './system-errors';

/** The service's own directory below the target root, where everything is built before it is published. */
export const STAGING_DIRECTORY = '.staging';

/** One operation's private directory: 0700, the service's own, held by handle. */
export interface PrivateDirectory {
  handle: Handle;
  /** The directory that holds it: `.staging`, or a directory of the user area. */
  parent: Handle;
  name: RawName;
}

/** The name of a private directory inside a user area. */
export function nameInArea(name: string): RawName {
  return `${STAGING_DIRECTORY}-${name}`;
}

/** Opens `.staging` of the target root, making it when it is missing. Refuses one that is not the service's own. */
export function openStagingDirectory(target: Handle): Handle {
  try {
    makeIfMissing(target, STAGING_DIRECTORY);
    return openOwn(target, STAGING_DIRECTORY);
  } catch (error) {
    throw translate(error, 'target');
  }
}

/** Does something in `.staging`. Throws what {@link openStagingDirectory} does. */
export function withStagingDirectory<T>(target: Handle, work: (staging: Handle) => T): T {
  const staging = openStagingDirectory(target);
  try {
    return work(staging);
  } finally {
    closeSync(staging);
  }
}

/** What decides where the private directory of an operation lies. */
export interface PrivatePlace {
  /** What it is called in `.staging`. */
  privateName: string;
  /** In the user area in any case, though it looks like the same file system. */
  besideDestination: boolean;
}

/**
 * Makes the private directory of an operation: in `.staging`, or beside the destination when that is another file
 * system or when `besideDestination` asks for it. The caller discards it with {@link removePrivate}.
 */
export function makePrivate(target: Handle, base: Handle, how: PrivatePlace, beat: () => void): PrivateDirectory {
  const { parent, name } = placeFor(target, base, how);
  try {
    return makeIn(parent, name, beat);
  } catch (error) {
    if (parent !== base) closeSync(parent);
    else if (error instanceof AppError) throw takenAway(error);
    throw translate(error, 'target');
  }
}

/** In their own area users may put something else at the name meanwhile: then it is not the storage that is away. */
function takenAway(cause: AppError): AppError {
  return destinationRestless('What data is built in was taken away in the user area meanwhile.', cause);
}

/**
 * The private directory that an earlier attempt of an operation left where this one would make it; undefined when there
 * is none that is the service's own.
 */
export function openExisting(target: Handle, base: Handle, how: PrivatePlace): PrivateDirectory | undefined {
  const { parent, name } = placeFor(target, base, how);
  try {
    return { handle: openOwn(parent, name), parent, name };
  } catch {
    if (parent !== base) closeSync(parent);
    return undefined; // missing, or not the service's own
  }
}

function placeFor(target: Handle, base: Handle, how: PrivatePlace): Pick<PrivateDirectory, 'parent' | 'name'> {
  const staging = openStagingDirectory(target);
  const isNear = closingOnError(staging, () => !how.besideDestination && placeOf(staging) === placeOf(base));
  if (isNear) return { parent: staging, name: how.privateName };
  closeSync(staging);
  return { parent: base, name: nameInArea(how.privateName) };
}

function makeIn(parent: Handle, name: RawName, beat: () => void): PrivateDirectory {
  if (!makeIfMissing(parent, name)) {
    // An earlier attempt of this operation could not clean up behind itself.
    removeOwn(parent, name, beat);
    mkdirSync(at(parent, name), 0o700);
  }
  // Who owns the parent may have swapped the name by now; a directory of the service's, closed to all and empty, is
  // as good as the one just made, and anything else is refused.
  const handle = openOwn(parent, name);
  if (!closingOnError(handle, isEmpty)) {
    closeSync(handle);
    throw storageUnavailable('The private directory', 'it was tampered with');
  }
  return { handle, parent, name };
}

/** False when there is something of this name already. */
function makeIfMissing(parent: Handle, name: RawName): boolean {
  try {
    mkdirSync(at(parent, name), 0o700);
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    return false;
  }
}

/** Opens a directory that must belong to the service and be closed to everybody else. */
export function openOwn(parent: Handle, name: RawName): Handle {
  const handle = openIfDirectory(parent, name);
  if (handle !== undefined) {
    if (closingOnError(handle, isOwn)) return handle;
    closeSync(handle);
  }
  throw storageUnavailable('The private directory', 'it does not belong to the service alone');
}

function isOwn(handle: Handle): boolean {
  const stat = statHandle(handle);
  return Number(stat.uid) === process.geteuid!() && (stat.mode & 0o077n) === 0n;
}

function openIfDirectory(parent: Handle, name: RawName): Handle | undefined {
  try {
    return openDirectory(parent, name);
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR' || errnoOf(error) === 'ELOOP') return undefined;
    throw error;
  }
}

function isEmpty(handle: Handle): boolean {
  let empty = true;
  eachEntry(handle, () => (empty = false));
  return empty;
}

/**
 * Empties a private directory by handle, then removes its name. Where the user moved the name away meanwhile, an empty
 * directory of the service's remains where they put it. Never follows a link. `beat` is called before each entry.
 */
export function removePrivate(directory: PrivateDirectory, beat: () => void): void {
  if (removeName(directory)) return;
  emptyDirectory(directory.handle, beat);
  removeName(directory);
}

/** Removes a directory that {@link openOwn} accepts, with all that is in it; throws what that does. */
export function removeOwn(parent: Handle, name: RawName, beat: () => void): void {
  const handle = openOwn(parent, name);
  try {
    removePrivate({ handle, parent, name }, beat);
  } finally {
    closeSync(handle);
  }
}

function removeName(directory: PrivateDirectory): boolean {
  try {
    rmdirSync(at(directory.parent, directory.name));
    return true;
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'ENOTDIR', 'EEXIST'].includes(errnoOf(error) ?? '')) throw error;
    return false;
  }
}

/** Removes everything below an open directory of the service's own. */
export function emptyDirectory(handle: Handle, beat: () => void): void {
  // A sealed directory does not let its owner remove names; for root this changes nothing.
  fchmodSync(handle, 0o700);
  for (let left = true; left;) left = removeEntries(handle, beat);
}

function removeEntries(handle: Handle, beat: () => void): boolean {
  const directories: RawName[] = [];
  let found = false;
  eachEntry(handle, (name, kind) => {
    beat();
    found = true;
    if (kind === 'directory') directories.push(name);
    else unlinkSync(at(handle, name));
  });
  for (const name of directories) removeDirectory(handle, name, beat);
  return found;
}

function removeDirectory(parent: Handle, name: RawName, beat: () => void): void {
  const handle = openDirectory(parent, name);
  try {
    emptyDirectory(handle, beat);
  } finally {
    closeSync(handle);
  }
  rmdirSync(at(parent, name));
}
