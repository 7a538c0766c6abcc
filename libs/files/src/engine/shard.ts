import { type RawName } from '../names/raw-name';

/** The part of a tree that one of several workers takes. */
export interface Shard {
  index: number;
  of: number;
  /** Divide by directory, so that two workers seldom wait for one directory's lock; else by file. */
  byDirectory: boolean;
}

/** Whether a file falls to a shard: each file falls to exactly one, whoever asks. */
export function fallsTo(shard: Shard, path: RawName, name: RawName): boolean {
  if (shard.of === 1) return true;
  return numberOf(shard.byDirectory ? path.slice(0, -name.length) : name) % shard.of === shard.index;
}

/** Any even spread will do. */
function numberOf(text: string): number {
  let sum = 0;
  for (let index = 0; index < text.length; index += 1) sum = (Math.imul(sum, 31) + text.charCodeAt(index)) | 0;
  return sum >>> 0;
}
