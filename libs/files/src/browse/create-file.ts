import { closeSync, constants, fdatasyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { AppError } from '@app/core';
import { at, errnoOf, type Handle, sameObject, statHandle, statName } from '../confined/handle';
import { sourceNotFound, type SourcePath, SourceResolver } from '../confined/resolve-source';
import { type StorageView } from '../confined/source-access';
import { translate } from '../confined/system-errors';
import { release } from '../engine/tree-walk';
import { segmentsOf } from '../names/path-text';
import { type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';

/** Asks for a small new file on the first storage. */
export interface CreateFileTask {
  storages: StorageView;
  raw: RawName;
  asSent: string;
  content: Uint8Array;
}

/**
 * Creates a file on the first storage: never overwrites, never leaves the roots; its directory must exist. Half a file
 * is removed again. Throws `file_exists`, `source_not_found` for a missing directory, `path_outside_storage`.
 */
export function createFile(task: CreateFileTask, control: WorkerControl): void {
  const segments = segmentsOf(task.raw);
  const name = segments.pop();
  if (name === undefined || name === '..' || task.raw.endsWith('/')) throw noName();
  const [root] = task.storages.roots;
  const start: SourcePath = {
    absolute: task.raw.startsWith('/'),
    root: root!,
    directory: [],
    segments,
    asSent: task.asSent,
  };
  const found = new SourceResolver(task.storages, start, control.touch).resolve();
  try {
    if (!found.stat.isDirectory()) throw sourceNotFound(task.asSent);
    write(found.object, name, task);
  } finally {
    release(found);
  }
}

function write(directory: Handle, name: RawName, { asSent, content }: CreateFileTask): void {
  let handle: Handle | undefined;
  try {
    handle = openSync(
      at(directory, name),
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o644,
    );
    for (let done = 0; done < content.length;) done += writeSync(handle, content, done);
    fdatasyncSync(handle);
  } catch (error) {
    // Only what was made here: the name may be somebody else's by now.
    if (handle !== undefined && sameObject(statHandle(handle), statName(directory, name))) {
      unlinkSync(at(directory, name));
    }
    throw explain(error, asSent);
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

function explain(error: unknown, asSent: string): unknown {
  const errno = errnoOf(error);
  if (errno === 'EEXIST')
    return new AppError('file_exists', 'A file of this name exists already; choose another name.', { cause: error });
  if (errno === 'ENOENT') return sourceNotFound(asSent, error);
  if (errno === 'EROFS' || errno === 'EACCES') {
    return new AppError('not_found', 'The storage is read-only for this service, so no file can be created.', {
      cause: error,
    });
  }
  return translate(error, 'target');
}

function noName(): AppError {
  const message = 'must name a file';
  return new AppError('validation_failed', `filename ${message}.`, { errors: [{ field: 'filename', message }] });
}
