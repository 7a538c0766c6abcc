import { fchmodSync, fchownSync, type BigIntStats } from 'node:fs';
import { type Handle, statHandle } from '../confined/handle';
import { translate } from '../confined/system-errors';

/** Who owns what is staged, and its modes (contract, end of section 2). Plain data. */
export interface Ownership {
  /** The user's own uid on the host, when known: what they own there they could also change. */
  userUid: number | null;
  /** Owner to give; null leaves the service's. */
  uid: number | null;
  /** Group to give; `area` takes the user area's. */
  gid: number | 'area';
  fileMode: number;
  dirMode: number;
  /** Mode of directories that are made on the way to the destination: the user may write there. */
  madeDirMode: number;
}

/** Permission and set-id bits of a mode. */
export const MODE_BITS = 0o7777n;

/** Gives an open file or directory its owner, group and mode; by handle, so that no swapped name is ever touched. */
export function seal(
  handle: Handle,
  stat: BigIntStats,
  ownership: Ownership,
  areaGroup: number | undefined,
  mode: number,
): void {
  const uid = ownership.uid ?? Number(stat.uid);
  const gid = ownership.gid === 'area' ? (areaGroup ?? Number(stat.gid)) : ownership.gid;
  try {
    if (uid !== Number(stat.uid) || gid !== Number(stat.gid)) fchownSync(handle, uid, gid);
    // chown(2) clears set-id bits, and the mode may differ by the umask: so always after it.
    if ((stat.mode & MODE_BITS) !== BigInt(mode)) fchmodSync(handle, mode);
  } catch (error) {
    throw translate(error, 'target');
  }
}

/** Makes a sealed directory of the service's own changeable; for root, who may change any, that matters nothing. */
export function unseal(directory: Handle): void {
  const { uid, mode } = statHandle(directory);
  if (Number(uid) === process.geteuid!() && (mode & 0o200n) === 0n) fchmodSync(directory, 0o700);
}
