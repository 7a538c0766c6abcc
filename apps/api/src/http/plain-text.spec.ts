import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { type Response } from 'express';
import { streamText } from './plain-text';

let server: Server;
let sending: Promise<void>;

/** A server that answers with these chunks. */
async function serve(chunks: AsyncIterable<Buffer>): Promise<void> {
  server = createServer((_request, response) => {
    sending = streamText(response as unknown as Response, chunks);
    sending.catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
}

function ask(method = 'GET'): Promise<IncomingMessage> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', agent: false, method }, resolve).once('error', reject).end();
  });
}

afterEach(() => new Promise((resolve) => server.close(resolve)));

/** Endless chunks; counts them, and tells when nobody wants more. */
function endless(): { chunks: AsyncIterable<Buffer>; made: () => number; ended: Promise<void> } {
  let made = 0;
  let tell: () => void;
  const ended = new Promise<void>((resolve) => (tell = resolve));
  const source = function* () {
    try {
      for (; ; made += 1) yield Buffer.alloc(65_536);
    } finally {
      tell();
    }
  };
  return { chunks: Readable.from(source()), made: () => made, ended };
}

/** Some chunks, then an error. */
function failing(...texts: string[]): AsyncIterable<Buffer> {
  const chunks = texts.map((text) => Buffer.from(text));
  return new Readable({
    objectMode: true,
    highWaterMark: 1,
    read() {
      const chunk = chunks.shift();
      if (chunk) this.push(chunk);
      else this.destroy(new Error('failed'));
    },
  });
}

describe('streamText', () => {
  it('sends all chunks as text', async () => {
    await serve(Readable.from([Buffer.from('one\n'), Buffer.from('two\n')]));
    const answer = await ask();
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(Buffer.concat((await answer.toArray()) as Buffer[]).toString()).toBe('one\ntwo\n');
  });

  it('sends an empty text for no chunk at all', async () => {
    await serve(Readable.from([]));
    const answer = await ask();
    expect(answer.statusCode).toBe(200);
    expect(await answer.toArray()).toEqual([]);
  });

  it('waits for a slow reader, and ends its source when the reader hangs up', async () => {
    const { chunks, made, ended } = endless();
    await serve(chunks);
    const answer = await ask();
    // Nothing is read; once buffers are full, no more is made.
    let before = -1;
    while (before !== made()) {
      before = made();
      await delay(200);
    }
    expect(made()).toBeLessThan(1000);
    answer.destroy();
    await ended;
    await expect(sending).resolves.toBeUndefined();
  });

  it('reads no more than the beginning for HEAD', async () => {
    const { chunks, made } = endless();
    await serve(chunks);
    const answer = await ask('HEAD');
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(await answer.toArray()).toEqual([]);
    await sending;
    expect(made()).toBeLessThan(100);
  });

  it('throws what fails before the first chunk', async () => {
    await serve(failing());
    await expect(ask()).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect(sending).rejects.toThrow('failed');
  });

  it('breaks the connection for what fails later', async () => {
    await serve(failing('begun'));
    const answer = await ask();
    await expect(answer.toArray()).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect(sending).rejects.toThrow('failed');
  });
});
