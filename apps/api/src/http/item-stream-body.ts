import { createHash } from 'node:crypto';
import { type Request } from 'express';
import { AppError } from '@app/core';
import { Breather } from './breather';
import { malformed, tooLarge } from './to-app-error';

/** Bytes are kept in pieces of this size, however small the ones are that arrive. */
const PIECE_BYTES = 64 * 1024;

/** The bytes of a large body: not parsed, and not more memory than they are long. */
export class StreamedBody {
  private readonly full: Buffer[] = [];
  private last = Buffer.alloc(0);
  private used = 0;
  private readonly decoder = new TextDecoder('utf-8', { fatal: true });

  /** In bytes. */
  get length(): number {
    return this.full.length * PIECE_BYTES + this.used;
  }

  /** Adds bytes. Throws `validation_failed` when they are not UTF-8. */
  add(chunk: Buffer): void {
    this.decode(chunk, true);
    for (let rest = chunk; rest.length > 0;) {
      if (this.used === this.last.length) this.begin();
      const copied = rest.copy(this.last, this.used);
      this.used += copied;
      rest = rest.subarray(copied);
    }
  }

  /** There is no more. Throws `validation_failed` when the last character is cut. */
  end(): void {
    this.decode(undefined, false);
  }

  /** The bytes in order, in pieces of at most 64 KiB. */
  *pieces(): Generator<Buffer> {
    yield* this.full;
    if (this.used > 0) yield this.last.subarray(0, this.used);
  }

  /** A hash of all bytes. */
  async digest(): Promise<string> {
    const hash = createHash('sha256');
    const breather = new Breather();
    for (const piece of this.pieces()) {
      hash.update(piece);
      await breather.pause();
    }
    return hash.digest('hex');
  }

  private begin(): void {
    if (this.used > 0) this.full.push(this.last);
    this.last = Buffer.allocUnsafeSlow(PIECE_BYTES);
    this.used = 0;
  }

  private decode(chunk: Buffer | undefined, stream: boolean): void {
    try {
      this.decoder.decode(chunk, { stream });
    } catch {
      throw malformed('body', 'is not UTF-8');
    }
  }
}

/**
 * Reads the whole body of a request. Throws `payload_too_large` beyond `limit` bytes, `validation_failed` for what is
 * not UTF-8, and an AbortError when the caller hangs up.
 */
export function readStreamedBody(request: Request, limit: number): Promise<StreamedBody> {
  return new Promise((resolve, reject) => {
    const body = new StreamedBody();
    const settle = (act: () => void) => {
      request.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
      // What still arrives is thrown away, so that the caller comes to reading the answer.
      request.resume().on('error', () => undefined);
      act();
    };
    const attempt = (act: () => void) => {
      try {
        act();
      } catch (error) {
        settle(() => reject(AppError.from(error)));
      }
    };
    const onData = (chunk: Buffer) =>
      attempt(() => {
        if (body.length + chunk.length > limit) throw tooLarge(limit);
        body.add(chunk);
      });
    const onEnd = () =>
      attempt(() => {
        body.end();
        settle(() => resolve(body));
      });
    const onGone = () => settle(() => reject(new DOMException('The caller hung up', 'AbortError')));
    if (request.destroyed) return onGone();
    request.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
  });
}
