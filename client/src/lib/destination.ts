import { destinationFaults } from '../texts/destination';

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
  if (path === '') return destinationFaults.empty;
  if (path.includes('\0')) return destinationFaults.nul;
  if (bytesOf(path) > limits.max_path_bytes) return destinationFaults.tooLong(limits.max_path_bytes);
  const parts = path.split('/');
  if (parts.some((part) => bytesOf(part) > limits.max_segment_bytes)) {
    return destinationFaults.segmentTooLong(limits.max_segment_bytes);
  }
  if (path.startsWith('/') || parts.includes('..')) {
    return destinationFaults.leaves;
  }
  const isNothing = parts.every((part) => part === '' || part === '.');
  return isNothing && !path.endsWith('/') ? destinationFaults.nothing : null;
}

/** Where one of several sources goes: below a directory, under its own name. */
export function destinationIn(directory: string, name: string): string {
  const base = directory.replace(/\/+$/, '');
  return base === '' ? name : `${base}/${name}`;
}
