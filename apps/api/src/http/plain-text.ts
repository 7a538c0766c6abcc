import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Request, type Response } from 'express';

const TEXT_TYPE = 'text/plain; charset=utf-8';

/** True when the caller would rather have text than JSON; JSON where it does not care (RFC 9110, 12.5.1). */
export function wantsText(request: Request, response: Response): boolean {
  response.vary('Accept');
  return request.accepts(['json', 'text']) === 'text';
}

/**
 * Sends text as it comes, never faster than the caller takes it. What fails before the first chunk is thrown, and can
 * still be answered properly; what fails later breaks the connection. A caller that hangs up ends `chunks`.
 */
export async function streamText(response: Response, chunks: AsyncIterable<Buffer>, type = TEXT_TYPE): Promise<void> {
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  response.setHeader('Content-Type', type);
  if (response.req.method === 'HEAD') return void response.end();
  try {
    await pipeline(Readable.from(withFirst(first, iterator), { objectMode: false }), response);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

async function* withFirst(first: IteratorResult<Buffer>, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    for (let next = first; !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/** What a pipeline rejects with when the receiver went away. */
function isGone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return ['ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_UNABLE_TO_PIPE', 'EPIPE', 'ECONNRESET'].includes(code);
}
