/**
 * The path of something in a server's contents for use in an address: each segment percent-encoded by itself. Throws on
 * what a server could take for another place (empty and dotted segments, NUL), since an encoded `..` leaves a directory
 * there. `''` is the root. Callers check what users ask for before; this is the last line.
 */
export function encodeContentsPath(path: string): string {
  if (path === '') return '';
  return path.split('/').map(encodeSegment).join('/');
}

/** One name of a path, percent-encoded; throws on what is no plain name. */
export function encodeSegment(segment: string): string {
  if (segment === '' || segment === '.' || segment === '..' || /[\0/]/.test(segment) || !segment.isWellFormed()) {
    throw new RangeError('Not a plain name in a path of Jupyter');
  }
  return encodeURIComponent(segment);
}
