import { base64Body, WrongLength } from './base64-body';
import { encodeContentsPath } from './contents-path';
import { member, textMember } from './json-value';
import { notAServer } from './server-errors';
import { type ServerCall, ServerHttp, type ServerOptions } from './server-http';

/** Something in a server's contents. `writable` is about the file as the server's account sees it. */
export interface ContentsEntry {
  name: string;
  type: 'file' | 'directory' | 'notebook';
  /** In bytes; null for directories, and where the server does not say. */
  size: number | null;
  /** When it was changed last, as the server writes it; empty where it does not say. */
  modified: string;
  writable: boolean;
}

/** One part of a file that is being uploaded. */
export interface Piece {
  /** 1 begins the file anew, any other number appends, -1 is the last; see jupyter.md on why none is ever repeated. */
  chunk: number;
  /** The content, in pieces of any length, read as fast as the server takes it. */
  pieces: AsyncIterable<Buffer>;
  /** How many bytes the pieces have together; 6 to 12 MB suit the server's memory. */
  length: number;
}

/** About 60,000 entries; a longer listing is refused rather than held in memory. */
const LISTING_LIMIT = 16 * 1024 ** 2;

/**
 * The contents of a user's server. Paths are relative to its root, with `/` between names; `''` is the root. Nothing is
 * ever repeated here. Rejects with `ServerDown` when the server is gone, and with `ServerRefused` when it says no.
 */
export class ContentsClient {
  private readonly http: ServerHttp;

  constructor(options: ServerOptions) {
    this.http = new ServerHttp(options);
  }

  /** What is at a path, without its content; null when nothing is. Hidden names are never there. */
  async stat(path: string, signal: AbortSignal): Promise<ContentsEntry | null> {
    const { status, json } = await this.call(path, '?content=0', {
      what: 'look at a path',
      accepted: [200, 404],
      signal,
    });
    return status === 404 ? null : entryOf(json);
  }

  /** What is in a directory, in no order, hidden names left out; null when there is no such directory. */
  async list(directory: string, signal: AbortSignal): Promise<ContentsEntry[] | null> {
    const { status, json } = await this.call(directory, '?type=directory', {
      what: 'list a directory',
      accepted: [200, 404],
      limit: LISTING_LIMIT,
      signal,
    });
    if (status === 404) return null;
    const content = member(json, 'content');
    if (!Array.isArray(content)) throw notAServer(200);
    return content.map(entryOf);
  }

  /** Makes one directory, whose parent must be there; one that is there already is fine. */
  async makeDirectory(path: string, signal: AbortSignal): Promise<void> {
    const json = { type: 'directory' };
    await this.call(path, '', { method: 'PUT', json, what: 'make a directory', signal });
  }

  /**
   * Sends one part of a file; resolves with the file as the server tells it then, whose size in bytes the caller must
   * compare. Rejects with what `pieces` throws, or when they are not `length` bytes; then the server has dropped the part.
   */
  async putPiece(
    path: string,
    { chunk, pieces, length }: Piece,
    signal: AbortSignal,
  ): Promise<ContentsEntry & { size: number }> {
    const source = watched(pieces);
    const stream = base64Body({ type: 'file', format: 'base64', chunk }, source.pieces, length);
    try {
      const { json } = await this.call(path, '', { method: 'PUT', stream, what: 'take a file', signal });
      const entry = entryOf(json);
      const { size } = entry;
      if (size === null) throw notAServer(200);
      return { ...entry, size };
    } catch (error) {
      source.rethrow();
      if (error instanceof Error && error.cause instanceof WrongLength) throw error.cause;
      throw error;
    }
  }

  /** Gives something another path, whose parent must be there. `exists`: that is taken; nothing is overwritten. */
  async rename(from: string, to: string, signal: AbortSignal): Promise<'renamed' | 'exists'> {
    // The new path goes in the body as it is; encoding it is only the check of its form.
    encodeContentsPath(to);
    const call = { json: { path: to }, what: 'rename a file', accepted: [200, 409] };
    const { status } = await this.call(from, '', { method: 'PATCH', ...call, signal });
    return status === 409 ? 'exists' : 'renamed';
  }

  /**
   * Removes a file or an empty directory; one that is not there is fine. Servers of a hub free the space at once; one
   * that runs alone moves the file to its user's trash unless `FileContentsManager.delete_to_trash` is off.
   */
  async remove(path: string, signal: AbortSignal): Promise<void> {
    await this.call(path, '', { method: 'DELETE', what: 'remove a file', accepted: [204, 404], signal });
  }

  private call(path: string, query: string, call: ServerCall) {
    return this.http.call(`api/contents/${encodeContentsPath(path)}${query}`, call);
  }
}

/** Hands pieces on and keeps what their source throws, so that it is not taken for the server's failure. */
function watched(pieces: AsyncIterable<Buffer>): { pieces: AsyncIterable<Buffer>; rethrow: () => void } {
  let failure: { error: unknown } | undefined;
  const watch = async function* (): AsyncGenerator<Buffer> {
    try {
      yield* pieces;
    } catch (error) {
      failure = { error };
      throw error;
    }
  };
  return {
    pieces: watch(),
    rethrow: () => {
      if (failure) throw failure.error;
    },
  };
}

function entryOf(json: unknown): ContentsEntry {
  const type = member(json, 'type');
  if (type !== 'file' && type !== 'directory' && type !== 'notebook') throw notAServer(200);
  const size = member(json, 'size');
  return {
    name: textMember(json, 'name'),
    type,
    size: typeof size === 'number' && type !== 'directory' ? size : null,
    modified: textMember(json, 'last_modified'),
    writable: member(json, 'writable') === true,
  };
}
