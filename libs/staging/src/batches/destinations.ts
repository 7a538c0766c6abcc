import { createHash } from 'node:crypto';
import { AppError } from '@app/core';
import { lastName } from '@app/files';
import { type StagingOperation } from '../contract/staging-method';

/** What is kept of an item: bytes of a hash of where it goes and of where it comes from, and its number. */
interface Kept {
  source: string;
  index: number;
}

/**
 * Where the items of one request go, to tell those apart that name one destination twice. Keeps short hashes, so that
 * memory does not depend on the lengths of paths.
 */
export class Destinations {
  private readonly known = new Map<string, Kept>();

  /**
   * Enters the next item. Returns what is wrong with it: an earlier item brings another source to the same destination.
   * The same source once more is no conflict: it will be there already.
   */
  enter(operation: Pick<StagingOperation, 'source' | 'destination'>, index: number): AppError | null {
    const { destination, source } = operation;
    if (!destination) return null;
    // As libs/files names a destination, whatever its spelling.
    const name = destination.intoDirectory ? [lastName(source.path) ?? source.path] : [];
    const key = hashOf([...destination.segments, ...name].join('/'));
    const from = hashOf(`${source.storage ?? ''}\0${source.path}`);
    const earlier = this.known.get(key);
    if (!earlier) this.known.set(key, { source: from, index });
    if (!earlier || earlier.source === from) return null;
    return new AppError(
      'destination_conflict',
      `items[${earlier.index}] of the same request has this destination, and another source. Choose another destination.`,
    );
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
