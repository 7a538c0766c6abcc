import { closeSync, type BigIntStats } from 'node:fs';
import { AppError } from '@app/core';
import { eachEntry, errnoOf, type Handle, reopenForReading, statName } from '../confined/handle';
import { sourcePath, SourceResolver } from '../confined/resolve-source';
import { openRoot, type RootSpec } from '../confined/root';
import { type StorageView } from '../confined/source-access';
import { translate } from '../confined/system-errors';
import { openArea, openStep } from '../confined/user-area';
import { release } from '../engine/tree-walk';
import { PRIVATE_NAME, refuseEscape, segmentsOf } from '../names/path-text';
import { type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';

/** One entry of a directory, as a worker tells it. */
export interface ListedEntry {
  name: RawName;
  kind: 'file' | 'directory' | 'link' | 'other';
  size: number | null;
  mtimeMs: number | null;
}

/** A page of a directory, in the order of the names' bytes. */
export interface ListedPage {
  entries: ListedEntry[];
  more: boolean;
}

/** Which names of a directory are asked for. */
export interface PageRequest {
  /** Begin behind this name; undefined for the first page. */
  after: RawName | undefined;
  limit: number;
}

/** Asks for a directory of a storage. */
export interface ListStorageTask extends PageRequest {
  storages: StorageView;
  storage: string | undefined;
  raw: RawName;
  asSent: string;
}

/** Asks for a directory of a user area. */
export interface ListAreaTask extends PageRequest {
  target: RootSpec;
  username: RawName;
  raw: RawName;
  asSent: string;
}

/** Lists a directory of a storage; a file's listing is the file itself. */
export function listStorage(task: ListStorageTask, control: WorkerControl): ListedPage {
  const start = sourcePath(task.storages.roots, task.raw, task.storage, task.asSent);
  const found = new SourceResolver(task.storages, start, control.touch).resolve();
  try {
    if (!found.stat.isDirectory()) throw notADirectory(task.asSent);
    const directory = reopenForReading(found.object);
    try {
      return readPage(directory, task, control);
    } finally {
      closeSync(directory);
    }
  } catch (error) {
    throw translate(error, 'source');
  } finally {
    release(found);
  }
}

/** Lists a directory of a user area, never through a link. The area of a user who has none yet is empty. */
export function listArea(task: ListAreaTask, control: WorkerControl): ListedPage {
  const segments = segmentsOf(task.raw);
  refuseEscape({ segments, absolute: task.raw.startsWith('/'), intoDirectory: true });
  const target = openRoot(task.target, control.touch);
  const opened: Handle[] = [target];
  try {
    const area = openArea(target, task.username);
    if (area === undefined) {
      if (segments.length === 0) return { entries: [], more: false };
      throw noDirectory(task.asSent);
    }
    opened.push(area);
    for (const segment of segments) {
      const next = stepInto(opened.at(-1)!, segment, task.asSent);
      if (next === undefined) throw noDirectory(task.asSent);
      opened.push(next);
    }
    return readPage(opened.at(-1)!, task, control);
  } catch (error) {
    throw translate(error, 'target');
  } finally {
    for (const handle of opened) closeSync(handle);
  }
}

/** {@link openStep} for a reader, to whom a file in the way is no conflict. */
function stepInto(parent: Handle, segment: RawName, asSent: string): Handle | undefined {
  try {
    return openStep(parent, segment);
  } catch (error) {
    if (error instanceof AppError && error.code === 'destination_conflict') throw notADirectory(asSent);
    throw error;
  }
}

function noDirectory(asSent: string): AppError {
  return new AppError('not_found', `The user area has no directory ${asSent}.`);
}

function notADirectory(asSent: string): AppError {
  const message = 'is not a directory';
  return new AppError('validation_failed', `${asSent} ${message}.`, { errors: [{ field: 'path', message }] });
}

/** Keeps the smallest names behind `after` while all are read, so that memory does not grow with the directory. */
function readPage(directory: Handle, request: PageRequest, control: WorkerControl): ListedPage {
  let names: RawName[] = [];
  const wanted = request.limit + 1;
  const trim = () => {
    names.sort();
    names.length = Math.min(names.length, wanted);
  };
  eachEntry(directory, (name) => {
    control.step();
    if ((request.after !== undefined && name <= request.after) || PRIVATE_NAME.test(name)) return;
    names.push(name);
    if (names.length >= 2 * wanted + 1000) trim();
  });
  trim();
  const more = names.length > request.limit;
  names = names.slice(0, request.limit);
  return { entries: names.map((name) => describe(directory, name)), more };
}

function describe(directory: Handle, name: RawName): ListedEntry {
  let stat: BigIntStats | undefined;
  try {
    stat = statName(directory, name);
  } catch (error) {
    if (errnoOf(error) !== 'EACCES') throw error;
  }
  const kind = !stat
    ? 'other'
    : stat.isFile()
      ? 'file'
      : stat.isDirectory()
        ? 'directory'
        : stat.isSymbolicLink()
          ? 'link'
          : 'other';
  return {
    name,
    kind,
    size: kind === 'file' ? Number(stat!.size) : null,
    mtimeMs: stat ? Number(stat.mtimeNs / 1_000_000n) : null,
  };
}
