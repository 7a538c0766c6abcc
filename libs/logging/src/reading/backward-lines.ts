import { type FileHandle } from 'node:fs/promises';

/** A whole line without its newline, and where it begins. */
export interface FoundLine {
  start: number;
  bytes: Buffer;
}

/** Bytes of one read. */
export const BLOCK_BYTES = 65_536;
/** Longer lines are passed over: nobody who writes lines writes these. */
const MAX_LINE_BYTES = 1_048_576;
const NEWLINE = 0x0a;

/**
 * The lines of a file from a place backwards. What stands between the last newline before that place and the place
 * itself is left out: an unfinished line, or nothing when the place is the beginning of a line. Bytes are joined to lines
 * before anything decodes them, so that a character may lie on the border of two blocks.
 */
export class BackwardLines {
  /** Pieces of the line that the last block cut, in the order of the file. */
  private pieces: Buffer[] = [];
  private length = 0;
  /** True while the line at hand is not wanted. */
  private passing = true;
  /** Where to go on later: all lines behind it were given out or passed over. */
  resumeAt: number;

  constructor(
    private readonly handle: FileHandle,
    private position: number,
  ) {
    this.resumeAt = position;
  }

  /** Reads one block and returns the lines that begin in it, the last one first; undefined at the file's beginning. */
  async next(): Promise<FoundLine[] | undefined> {
    if (this.position === 0) return undefined;
    const from = Math.max(0, this.position - BLOCK_BYTES);
    const block = await readFully(this.handle, from, this.position - from);
    this.position = from;
    const lines: FoundLine[] = [];
    let end = block.length;
    while (end > 0) {
      const newline = block.lastIndexOf(NEWLINE, end - 1);
      if (newline === -1) break;
      this.finish(block.subarray(newline + 1, end), from + newline + 1, lines);
      end = newline;
    }
    if (from === 0) this.finish(block.subarray(0, end), 0, lines);
    else this.keep(block.subarray(0, end));
    return lines;
  }

  private finish(piece: Buffer, start: number, lines: FoundLine[]): void {
    this.keep(piece);
    if (!this.passing) lines.push({ start, bytes: this.pieces.length === 1 ? piece : Buffer.concat(this.pieces) });
    this.pieces = [];
    this.length = 0;
    this.passing = false;
    this.resumeAt = start;
  }

  private keep(piece: Buffer): void {
    this.length += piece.length;
    if (this.length > MAX_LINE_BYTES) this.passing = true;
    if (this.passing) {
      this.pieces = [];
      this.resumeAt = this.position;
    } else this.pieces.unshift(piece);
  }
}

/** Shorter than asked only where the file was truncated meanwhile. */
export async function readFully(handle: FileHandle, from: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, from + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
