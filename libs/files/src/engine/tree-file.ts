import { closeSync, type BigIntStats } from 'node:fs';
import {
  closingOnError,
  errnoOf,
  type Handle,
  openForReading,
  openObject,
  statHandle,
  statName,
} from '../confined/handle';
import { checkReadable, type Reader } from '../confined/source-access';
import { translate } from '../confined/system-errors';
import { showPath } from '../names/path-text';
import { type RawName } from '../names/raw-name';
import { sourceChanged } from './copy-content';
import { unsupported } from './source-kind';

/** A file of a tree: by the directory that holds it, or by a handle where a link led to it. */
export interface TreeFile {
  /** Path below the tree's top. */
  path: RawName;
  name: RawName;
  /** The directory that holds the file on the storage, and its name there (another one behind a link). */
  parent: Handle;
  sourceName: RawName;
  /** Who must be able to read it; whoever opens or looks at it checks that. */
  reader: Reader | null;
}

/** Errors of open(2) that mean: something else stands there now, or somebody holds the file to write to it (a lease). */
const CHANGING = new Set(['ENOENT', 'ELOOP', 'ENXIO', 'EAGAIN']);

/**
 * The state of a tree's file; throws `source_changed` when it is gone, `source_unsupported` when it is no file now,
 * `source_forbidden` when its reader may not read it.
 */
export function statTreeFile(file: TreeFile): BigIntStats {
  const stat = file.reader ? statReadable(file) : statName(file.parent, file.sourceName);
  if (!stat) throw sourceChanged(showPath(file.path).text);
  if (!stat.isFile()) throw unsupported(file.path);
  return stat;
}

function statReadable(file: TreeFile): BigIntStats {
  const handle = opening(file, () => openObject(file.parent, file.sourceName));
  try {
    return checkFileReadable(handle, file);
  } finally {
    closeSync(handle);
  }
}

/** Opens a tree's file for reading; throws `source_changed` when it is gone or not what it was, `source_forbidden`. */
export function openTreeFile(file: TreeFile): Handle {
  const handle = opening(file, () => openForReading(file.parent, file.sourceName));
  // The handle is asked, not the name: what was looked at may have been swapped for what the reader may not read.
  if (file.reader) closingOnError(handle, () => checkFileReadable(handle, file));
  return handle;
}

/** The state of what a handle holds. Throws `source_forbidden` where that is a file that the tree's reader may not read. */
export function checkFileReadable(handle: Handle, { path, reader }: Pick<TreeFile, 'path' | 'reader'>): BigIntStats {
  try {
    const stat = statHandle(handle);
    checkReadable(handle, stat, reader, showPath(path).text);
    return stat;
  } catch (error) {
    throw translate(error, 'source');
  }
}

function opening(file: TreeFile, open: () => Handle): Handle {
  try {
    return open();
  } catch (error) {
    if (CHANGING.has(errnoOf(error) ?? '')) throw sourceChanged(showPath(file.path).text);
    throw translate(error, 'source');
  }
}
