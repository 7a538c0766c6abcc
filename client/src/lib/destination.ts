/** Longest path and name, in bytes; the site tells its own. */
export interface PathLimits {
  max_path_bytes: number;
  max_segment_bytes: number;
}

const bytesOf = (text: string) => new TextEncoder().encode(text).length;

/**
 * What is wrong with a destination, in the words in which the service would refuse it; null when nothing is that can be
 * told without asking it.
 */
export function faultOfDestination(path: string, limits: PathLimits): string | null {
  if (path === '') return 'must not be empty';
  if (path.includes('\0')) return 'must not contain NUL';
  if (bytesOf(path) > limits.max_path_bytes) return `must not be longer than ${limits.max_path_bytes} bytes`;
  const parts = path.split('/');
  if (parts.some((part) => bytesOf(part) > limits.max_segment_bytes)) {
    return `must not have a segment longer than ${limits.max_segment_bytes} bytes`;
  }
  if (path.startsWith('/') || parts.includes('..')) {
    return 'leaves the user area: give a path relative to it, without ".."';
  }
  const isNothing = parts.every((part) => part === '' || part === '.');
  return isNothing && !path.endsWith('/') ? 'names no file or directory' : null;
}

/** Where one of several sources goes: below a directory, under its own name. */
export function destinationIn(directory: string, name: string): string {
  const base = directory.replace(/\/+$/, '');
  return base === '' ? name : `${base}/${name}`;
}
