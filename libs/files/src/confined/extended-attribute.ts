import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { type Handle, self } from './handle';

/**
 * Node has no call for extended attributes, and packages that have one follow no link, so not the one that stands for an
 * open handle. So the C library is asked itself.
 */

interface Library {
  getxattr: (path: string, name: string, value: Uint8Array, size: number) => number;
  errno: () => number;
  value: Buffer;
}

/** Largest value of an attribute (xattr(7)). */
const MAX_BYTES = 65_536;
/** What says that there is no such attribute, or that the file system has none at all (getxattr(2)). */
const NONE: ReadonlySet<number> = new Set([constants.errno.ENODATA, constants.errno.EOPNOTSUPP]);

let library: Library | undefined;

/**
 * Loads the library in this thread, once; only a site that needs it does. Throws an Error on a platform for which there
 * is no build of it.
 */
export function prepareAttributes(): void {
  library ??= load();
}

function load(): Library {
  const koffi = createRequire(__filename)('koffi') as typeof import('koffi');
  const form = 'long getxattr(const char *path, const char *name, _Out_ uint8_t *value, size_t size)';
  const getxattr = koffi.load(null).func(form) as Library['getxattr'];
  return { getxattr, errno: () => koffi.errno(), value: Buffer.alloc(MAX_BYTES) };
}

/**
 * The value of an extended attribute of what a handle holds, whether or not that is open for reading; undefined when it
 * has none. It is valid until the next call. Throws what the system says, as `node:fs` does, and what
 * {@link prepareAttributes} throws.
 */
export function attributeOf(handle: Handle, name: string): Buffer | undefined {
  prepareAttributes();
  const { getxattr, errno: lastError, value } = library!;
  const length = getxattr(self(handle), name, value, MAX_BYTES);
  if (length >= 0) return value.subarray(0, length);
  const errno = lastError();
  if (NONE.has(errno)) return undefined;
  throw Object.assign(new Error(`getxattr failed (${errno})`), { errno: -errno, syscall: 'getxattr' });
}
