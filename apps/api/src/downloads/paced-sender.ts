import { once } from 'node:events';
import { type OutgoingHttpHeaders } from 'node:http';
import { type Response } from 'express';
import { OperationCancelled } from '@app/staging';

/** How an operation ends whose receiver hangs up. */
export const RECEIVER_LEFT = 'The receiver went away before it had everything.';

/** An answer whose body comes in pieces. */
export interface PacedAnswer {
  status: number;
  headers: OutgoingHttpHeaders;
  pieces: AsyncIterable<Buffer>;
  /** Bytes of the body where they are known beforehand: then the last piece waits for `beforeLast`. */
  length: number | undefined;
  /** Throws when what was sent so far is not to be trusted. */
  beforeLast: () => Promise<void>;
}

/**
 * Sends an answer piece by piece, never faster than its receiver takes it: a piece is asked for when the kernel has taken
 * the one before. `bytes` counts these. Nothing at all is sent before there is a first piece, so that what fails until
 * then can be answered properly; what fails later breaks the connection, so that half an answer never looks whole.
 * Throws {@link OperationCancelled} when the receiver goes away or takes nothing for `idleMs`, what the pieces and
 * `beforeLast` throw, and the signal's reason.
 */
export class PacedSender {
  bytes = 0;
  private readonly gone = new AbortController();
  private readonly signal: AbortSignal;
  private isWriting = false;

  constructor(
    private readonly response: Response,
    private readonly idleMs: number,
    signal: AbortSignal,
  ) {
    this.signal = AbortSignal.any([signal, this.gone.signal]);
  }

  /** `answerOf` gets the signal that ends its pieces. */
  async send(answerOf: (signal: AbortSignal) => PacedAnswer): Promise<void> {
    const { response } = this;
    const { socket } = response.req;
    const leave = () => this.end(RECEIVER_LEFT);
    const late = () => this.onTimeout();
    if (socket.destroyed) leave();
    socket.once('close', leave);
    response.on('timeout', late);
    this.watchIdleness();
    try {
      this.signal.throwIfAborted();
      await this.sendAll(answerOf(this.signal));
    } catch (error) {
      if (response.headersSent) response.destroy();
      throw this.signal.aborted ? (this.signal.reason as Error) : error;
    } finally {
      socket.off('close', leave);
      response.off('timeout', late);
    }
  }

  private async sendAll({ status, headers, pieces, length, beforeLast }: PacedAnswer): Promise<void> {
    for await (const piece of pieces) {
      if (this.bytes + piece.length === length) await beforeLast();
      if (!this.response.headersSent) this.response.writeHead(status, headers);
      await this.write(piece);
      this.bytes += piece.length;
    }
    if (length === 0) await beforeLast();
    if (!this.response.headersSent) this.response.writeHead(status, headers);
    this.response.end();
    if (!this.response.writableFinished) await once(this.response, 'finish', { signal: this.signal });
  }

  /** Resolves when the kernel has the piece: only then may its memory be used again. */
  private write(piece: Buffer): Promise<void> {
    this.isWriting = true;
    return new Promise<void>((resolve, reject) => {
      const abort = () => reject(this.signal.reason as Error);
      this.signal.addEventListener('abort', abort, { once: true });
      this.response.write(piece, (error) => {
        this.signal.removeEventListener('abort', abort);
        this.isWriting = false;
        if (!error) return resolve();
        this.end(RECEIVER_LEFT);
        abort();
      });
      if (this.signal.aborted) abort();
    });
  }

  /** Node's time-out of a socket: any byte that the kernel takes begins it anew. */
  private watchIdleness(): void {
    const { response } = this;
    const watch = () => response.socket?.setTimeout(this.idleMs);
    // An answer to a pipelined request has the connection later.
    if (response.socket) watch();
    else response.once('socket', watch);
    // Before Node sets its own for the time between two requests.
    response.prependOnceListener('finish', () => response.socket?.setTimeout(0));
  }

  /** The time that the storage takes is not the receiver's fault: the next write begins it anew. */
  private onTimeout(): void {
    if (this.isWriting) this.end(`The receiver took nothing for ${this.idleMs / 1000} s.`);
  }

  private end(why: string): void {
    this.gone.abort(new OperationCancelled(why, this.bytes));
  }
}
