import { type BigIntStats } from 'node:fs';
import { AppError } from '@app/core';
import { showPath } from '../names/path-text';
import { type RawName } from '../names/raw-name';

/** The error for what is neither file, directory nor link. */
export function unsupported(path: RawName): AppError {
  const what = path === '' ? 'The source' : showPath(path).text;
  return new AppError(
    'source_unsupported',
    `${what} is a socket, FIFO or device; only files and directories can be staged.`,
  );
}

/** The kind of what a handle holds; null for what cannot be staged. */
export function kindOf(stat: BigIntStats): 'file' | 'directory' | null {
  if (stat.isFile()) return 'file';
  return stat.isDirectory() ? 'directory' : null;
}
