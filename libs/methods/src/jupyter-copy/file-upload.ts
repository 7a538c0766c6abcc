import { AppError } from '@app/core';
import { type OpenFile, PIECE_BYTES } from '@app/files';
import { ServerDown } from './client/server-errors';
import { type ServerSession } from './server-session';

/** 6 to 12 MB suit the server's memory; whole pieces of the file, so that one reader serves all chunks. */
export const CHUNK_BYTES = 9 * PIECE_BYTES;
/** Times that one file begins anew because its size on the server makes no sense. */
const MAX_RESTARTS = 2;

/**
 * Uploads one file to a path that nobody else writes to, in chunks whose end is checked each. The server does not look
 * at the chunks' numbers and appends whatever comes, so that nothing is ever sent twice blindly: after a break its size
 * there tells where to go on.
 */
export class FileUpload {
  private at = 0;
  private restarts = 0;
  private reading: AsyncGenerator<Buffer> | undefined;
  /** When the file was changed last there, as the server tells it. */
  private modified = '';

  constructor(
    private readonly session: ServerSession,
    private readonly path: string,
    private readonly file: OpenFile,
    private readonly signal: AbortSignal,
    /** Receives how many bytes are sent, from the file's beginning; less than before after a break. */
    private readonly onSent: (position: number) => void = () => undefined,
  ) {}

  /**
   * Resolves when the server tells the size of the whole file, with the time of its last change as the server writes it.
   * Rejects with `jupyter_rejected` when it never does.
   */
  async run(): Promise<string> {
    for (let isWhole = false; !isWhole;) {
      try {
        isWhole = await this.sendPiece();
      } catch (error) {
        if (!(error instanceof ServerDown)) throw error;
        await this.session.revive(error, this.signal);
        isWhole = await this.findEnd();
        this.reading = undefined;
      }
    }
    return this.modified;
  }

  /** Sends what comes next; true when that was all. */
  private async sendPiece(): Promise<boolean> {
    const { at, signal, size } = this;
    const length = Math.min(CHUNK_BYTES, size - at);
    const end = at + length;
    const contents = await this.session.contents(signal);
    const chunk = at === 0 ? 1 : end === size ? -1 : 2;
    const piece = { chunk, pieces: this.pieces(at, length), length };
    const { size: told, modified } = await contents.putPiece(this.path, piece, signal);
    if (told !== end) {
      await this.restart();
      return false;
    }
    this.at = end;
    this.modified = modified;
    this.onSent(end);
    return end === size;
  }

  /** The next bytes. One reader for the whole file: each has memory of its own, which is given back late. */
  private async *pieces(start: number, length: number): AsyncGenerator<Buffer> {
    this.reading ??= this.file.pieces(start, this.size, this.signal);
    for (let left = length; left > 0;) {
      const next = await this.reading.next();
      if (next.done) return;
      left -= next.value.length;
      yield next.value;
      // Whoever asks for more has sent it.
      this.onSent(start + length - left);
    }
  }

  /** Looks where to go on after a break: what is there is a prefix of the file, unless it is too long. */
  private async findEnd(): Promise<boolean> {
    const found = await this.session.attempt((contents) => contents.stat(this.path, this.signal), this.signal);
    const end = found?.size ?? 0;
    if (end > Math.min(this.size, this.at + CHUNK_BYTES)) {
      await this.restart();
      return false;
    }
    if (found && end === 0 && this.size > 0) await this.remove();
    this.at = end;
    this.modified = found?.modified ?? '';
    return found !== null && end === this.size;
  }

  private async restart(): Promise<void> {
    this.restarts += 1;
    if (this.restarts > MAX_RESTARTS) throw makesNoSense();
    await this.remove();
    this.at = 0;
    this.reading = undefined;
  }

  /** Overwriting would make the server copy what is there first. */
  private remove(): Promise<void> {
    return this.session.attempt((contents) => contents.remove(this.path, this.signal), this.signal);
  }

  private get size(): number {
    return this.file.identity.size;
  }
}

function makesNoSense(): AppError {
  return new AppError(
    'jupyter_rejected',
    "The user's Jupyter server does not keep what it is sent: the size that it tells is not that of what was sent. Does something else write there?",
  );
}
