/** A named directory of the host that staging may read from. */
export interface StorageRoot {
  /** How requests and records call it. */
  name: string;
  /** Absolute path on the host. */
  path: string;
}

const NAMED = /^([A-Za-z0-9][A-Za-z0-9._-]{0,63})=(\/.*|\.{1,2}\/.*)$/s;

/** The name of a storage that was given as a bare path. */
export const DEFAULT_STORAGE_NAME = 'default';

/**
 * Reads `SOURCE_STORAGE_PATH`: one path, or `name=path,name=path`. The first is the default storage. Throws an Error
 * that says what is wrong without repeating the value.
 */
export function parseStorageRoots(value: string): StorageRoot[] {
  if (!NAMED.test(value)) return [{ name: DEFAULT_STORAGE_NAME, path: value }];
  const roots = value.split(',').map((part) => {
    const match = NAMED.exec(part.trim());
    if (!match) throw new Error('each part must be name=path');
    return { name: match[1]!, path: match[2]! };
  });
  const names = new Set(roots.map((root) => root.name));
  if (names.size !== roots.length) throw new Error('two storages have one name');
  return roots;
}
