import { type BigIntStats } from 'node:fs';
import { AppError } from '@app/core';
import { listGrants } from './access-control-list';
import { type Handle } from './handle';
import { type RootSpec } from './root';

/** In whose name a storage is read (`SOURCE_ACCESS=user`): the ids of an account. Plain data. */
export interface Reader {
  /** Null for somebody without an account: to them is open what is open to everybody. */
  uid: number | null;
  /** All groups, the primary one included. */
  gids: number[];
}

/** The storages as one reader may see them. Plain data. */
export interface StorageView {
  /** The storages; the first is the default. */
  roots: RootSpec[];
  /** Null where the service's own rights are all that counts (`SOURCE_ACCESS=service`). */
  reader: Reader | null;
}

const READ = 4;
const SEARCH = 1;
/** Bits of the mode that tell of the group: those of an access control list's mask, where there is one. */
const GROUP_BITS = 0o070;

/**
 * Whether an object gives a reader these rights, as the kernel decides it (path_resolution(7), "Permissions"): to its
 * owner by the owner's bits; else by its access control list, unless the bits of the group, and so the list's mask, are
 * all clear; else by the bits of the first class that fits, and of no other.
 */
function grants(handle: Handle, stat: BigIntStats, reader: Reader, rights: number): boolean {
  if (reader.uid === 0) return true;
  const [owner, group, mode] = [Number(stat.uid), Number(stat.gid), Number(stat.mode)];
  const has = (bits: number) => (bits & rights) === rights;
  if (reader.uid === owner) return has(mode >> 6);
  const listed = (mode & GROUP_BITS) === 0 ? undefined : listGrants(handle, { ...reader, owner, group }, rights);
  return listed ?? has(reader.gids.includes(group) ? mode >> 3 : mode);
}

/** Throws `source_forbidden` for a directory that the reader may not pass through, whatever is in it. */
export function checkSearchable(handle: Handle, stat: BigIntStats, reader: Reader | null, shown: string): void {
  if (reader && stat.isDirectory() && !grants(handle, stat, reader, SEARCH)) throw forbidden(shown);
}

/** Throws `source_forbidden` for a file that the reader may not read, and for a directory that they may not list and enter. */
export function checkReadable(handle: Handle, stat: BigIntStats, reader: Reader | null, shown: string): void {
  if (!reader) return;
  if (stat.isDirectory() && !grants(handle, stat, reader, READ | SEARCH)) throw forbidden(shown);
  if (stat.isFile() && !grants(handle, stat, reader, READ)) throw forbidden(shown);
}

function forbidden(shown: string): AppError {
  return new AppError('source_forbidden', `The user may not read ${shown} on this storage. Ask its owner for access.`);
}
