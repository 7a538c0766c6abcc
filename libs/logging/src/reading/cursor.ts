import { AppError } from '@app/core';

/** A place in the log: everything in this file before `offset`, and everything in older files, is still to be read. */
export interface LogCursor {
  inode: string;
  /** Byte at which a line begins. */
  offset: number;
  /** Fingerprint of the file's beginning, since an inode number is given to a new file once the old one is deleted. */
  head: string;
}

/** The cursor as clients get it: opaque to them. */
export function encodeCursor({ inode, offset, head }: LogCursor): string {
  return Buffer.from(`${inode}.${offset}.${head}`).toString('base64url');
}

/** Throws `validation_failed` for what {@link encodeCursor} cannot have made. */
export function decodeCursor(text: string): LogCursor {
  const decoded = Buffer.from(text, 'base64url').toString('latin1');
  const match = /^(\d{1,20})\.(\d{1,15})\.([0-9a-f]{16})$/.exec(decoded);
  if (!match) {
    const message = 'must be the next_cursor of an earlier answer';
    throw new AppError('validation_failed', `cursor ${message}.`, { errors: [{ field: 'cursor', message }] });
  }
  return { inode: match[1]!, offset: Number(match[2]), head: match[3]! };
}
