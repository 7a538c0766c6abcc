import { closeSync, constants, openSync } from 'node:fs';
import { type Handle, statHandle, statName } from './handle';
import { segmentsOf } from '../names/path-text';
import { type RawName, rawFromText } from '../names/raw-name';
import { storageUnavailable, translate } from './system-errors';

/** One root directory of the service as a worker is told of it: plain data. */
export interface RootSpec {
  /** The storage's name; the target root is called `user areas`. */
  name: string;
  path: string;
  /** The segments under which absolute paths and links may call it: as configured, and with its own links resolved. */
  aliases: RawName[][];
  /** Device at start; another one later means that something else is mounted there. Undefined: not known yet. */
  device?: string;
  /** File that must exist in it (`ROOT_MARKER`). */
  marker?: string;
  /** Number of the root, for the watchdog: 0 is the target, storages follow. */
  ordinal: number;
}

/** Says which root the worker is about to touch, so that a hang can be told of the right one. */
export type Touch = (ordinal: number) => void;

/**
 * Opens a root; the operator's own path may hold links, so they are followed. Throws `storage_unavailable` when it is
 * missing, another device than at start, or without its marker.
 */
export function openRoot(root: RootSpec, touch: Touch): Handle {
  touch(root.ordinal);
  let handle: Handle;
  try {
    handle = openSync(root.path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    throw storageUnavailable(describe(root), (error as NodeJS.ErrnoException).code ?? 'error', error);
  }
  try {
    if (root.device !== undefined && String(statHandle(handle).dev) !== root.device) {
      throw storageUnavailable(describe(root), 'another file system is mounted there than at start');
    }
    if (root.marker !== undefined && !statName(handle, rawFromText(root.marker))) {
      throw storageUnavailable(describe(root), 'its marker file is missing');
    }
    return handle;
  } catch (error) {
    closeSync(handle);
    throw translate(error, root.ordinal === 0 ? 'target' : 'source');
  }
}

/** How messages call a root: by the name of its storage; null: the root of the user areas. */
export function nameOfRoot(storage: string | null): string {
  return storage === null ? 'The storage of the user areas' : `The storage "${storage}"`;
}

function describe(root: RootSpec): string {
  return nameOfRoot(root.ordinal === 0 ? null : root.name);
}

/** The segments of an absolute host path. */
export function hostSegments(path: string): RawName[] {
  return segmentsOf(rawFromText(path));
}
