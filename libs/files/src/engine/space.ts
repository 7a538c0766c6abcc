import { statfsSync } from 'node:fs';
import { type Handle, self } from '../confined/handle';
import { noSpace, translate } from '../confined/system-errors';

/** Throws `insufficient_storage` when the data does not fit; a file system that does not tell is tried. */
export function checkSpace(base: Handle, bytes: number, files: number): void {
  let free: { bavail: number; bsize: number; files: number; ffree: number };
  try {
    free = statfsSync(self(base));
  } catch (error) {
    throw translate(error, 'target');
  }
  const inodesShort = free.files > 0 && free.ffree < files;
  if (free.bavail * free.bsize < bytes || inodesShort) throw noSpace();
}
