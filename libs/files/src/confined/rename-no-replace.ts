import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { isPlainName, type RawName } from '../names/raw-name';
import { type Handle } from './handle';

/**
 * Node's rename replaces what has the new name, and looking first leaves a moment in between. Linux can rename without
 * replacing, which Node does not offer: so the C library is asked itself, where there is a build of what can call it.
 */

interface Library {
  renameat2: (from: Handle, fromName: Uint8Array, to: Handle, toName: Uint8Array, flags: number) => number;
  errno: () => number;
}

const RENAME_NOREPLACE = 1;
const { EINVAL, ENOSYS, ENOTSUP, EOPNOTSUPP } = constants.errno;
/** What says that the kernel or the file system cannot do so (rename(2)). */
const NOT_OFFERED: ReadonlySet<number> = new Set([EINVAL, ENOSYS, ENOTSUP, EOPNOTSUPP]);

/** Null: this platform has no such call. Loaded where a file system without hard links needs it, and once a thread. */
let library: Library | null | undefined;

function load(): Library | null {
  try {
    const koffi = createRequire(__filename)('koffi') as typeof import('koffi');
    const form = 'int renameat2(int from, const uint8_t *fromName, int to, const uint8_t *toName, unsigned int flags)';
    const renameat2 = koffi.load(null).func(form) as Library['renameat2'];
    return { renameat2, errno: () => koffi.errno() };
  } catch {
    return null;
  }
}

/**
 * Renames in one step unless the new name is taken, whoever takes it: another process as well. False when that is not
 * offered here; then nothing was done. Throws what the system says, as `node:fs` does: EEXIST when the name is taken.
 */
export function renameNoReplace(from: Handle, fromName: RawName, to: Handle, toName: RawName): boolean {
  if (library === undefined) library = load();
  if (library === null) return false;
  if (library.renameat2(from, asText(fromName), to, asText(toName), RENAME_NOREPLACE) === 0) return true;
  const errno = library.errno();
  if (NOT_OFFERED.has(errno)) return false;
  throw Object.assign(new Error(`renameat2 failed (${errno})`), { errno: -errno, syscall: 'renameat2' });
}

/** The bytes of a name as C wants them. */
function asText(name: RawName): Buffer {
  if (!isPlainName(name)) throw new Error('not a plain file name');
  return Buffer.from(`${name}\0`, 'latin1');
}
