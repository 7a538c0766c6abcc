import { sourceChanged } from '../engine/copy-content';
import { checkExpected } from '../engine/expected-checksum';
import { type Algorithm, type Checksum, normalizeChecksum } from '../engine/hashing';
import { type RawName } from '../names/raw-name';
import { type FileIdentity, type OpenedFile } from '../reading/source-tasks';
import { type HeldSource } from './held-source';

/** Most bytes of one piece: larger system calls were not faster. */
export const PIECE_BYTES = 1024 * 1024;

/** What is known of a source besides its content. */
export interface SourceFacts {
  readonly storage: string;
  /**
   * Names from the root of the storage down: the real ones, or for an entry of an open tree those of the tree and the
   * entry's path in it (behind a link it really lies elsewhere).
   */
  readonly realPath: RawName[];
  /** Its name for the user: the last one of the request's path, else its real one; a whole storage has its own name. */
  readonly name: RawName;
}

/**
 * A file of a storage, held open: whatever is done to its name meanwhile, this is the file that was asked for. Whoever
 * got it closes it.
 */
export class OpenFile implements SourceFacts {
  readonly kind = 'file';
  readonly storage: string;
  readonly realPath: RawName[];
  readonly name: RawName;
  /** As it was when it was opened. */
  readonly identity: FileIdentity;
  /** Permission and set-id bits. */
  readonly mode: number;

  /** `shown` is the path for messages. */
  constructor(
    private readonly source: HeldSource,
    opened: Pick<OpenedFile, 'identity' | 'mode'>,
    facts: SourceFacts,
    private readonly shown: string,
  ) {
    this.storage = facts.storage;
    this.realPath = facts.realPath;
    this.name = facts.name;
    this.identity = opened.identity;
    this.mode = opened.mode;
  }

  /**
   * The bytes from `start` up to, not including, `end`, in pieces of at most {@link PIECE_BYTES}. A piece is valid until
   * the next one is asked for, which is read meanwhile. Throws `source_changed` when the file ends early,
   * `storage_unavailable` when the storage does not answer, and the signal's reason when that is aborted.
   */
  async *pieces(start: number, end: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    if (start >= end) return;
    const size = Math.min(PIECE_BYTES, end - start);
    const count = Math.ceil((end - start) / size);
    // One is read into while the other is with the caller.
    const slots = Array.from({ length: Math.min(2, count) }, () => new SharedArrayBuffer(size));
    const read = (index: number) => this.read(start + index * size, end, slots[index % 2]!, signal);
    let reading = read(0);
    for (let index = 0; index < count; index += 1) {
      const length = await reading;
      if (index + 1 < count) reading = read(index + 1);
      yield Buffer.from(slots[index % 2]!, 0, length);
      signal.throwIfAborted();
    }
  }

  /** Starts to read a piece; what is read ahead may fail before anybody waits for it. */
  private read(position: number, end: number, into: SharedArrayBuffer, signal: AbortSignal): Promise<number> {
    const length = Math.min(into.byteLength, end - position);
    const { source, shown } = this;
    const reading = source.run('readPiece', { ...source.held, position, length, into, shown }, { signal });
    const done = reading.then(() => length);
    done.catch(() => undefined);
    return done;
  }

  /** The checksum of the whole file. Throws `source_changed` when its size is no longer that of {@link identity}. */
  checksum(algorithm: Algorithm, signal: AbortSignal): Promise<Checksum> {
    const { source, shown, identity } = this;
    return source.run('hashOpen', { ...source.held, algorithm, size: identity.size, shown }, { signal });
  }

  /**
   * Compares the file with the checksum that is expected of it, if one is, and returns its own in the usual form. Throws
   * `checksum_mismatch`, and what {@link checksum} and {@link refuseChanged} throw.
   */
  async verify(expected: Checksum | null, signal: AbortSignal): Promise<Checksum | null> {
    if (!expected) return null;
    const found = await this.checksum(expected.algorithm, signal);
    await this.refuseChanged();
    return checkExpected(found, normalizeChecksum(expected));
  }

  /** Throws `source_changed` when size or time of modification are no longer those of {@link identity}. */
  async refuseChanged(): Promise<void> {
    const now = await this.source.run('statOpen', this.source.held);
    const { size, mtimeNs } = this.identity;
    if (now.size !== size || now.mtimeNs !== mtimeNs) throw sourceChanged(this.shown);
  }

  /** Ends what is under way and gives the file back; may be called again. Never rejects, nor waits for a hung storage. */
  close(): Promise<void> {
    return this.source.close();
  }
}
