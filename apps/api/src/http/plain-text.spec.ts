import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
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

function ask(): Promise<IncomingMessage> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', agent: false }, resolve).once('error', reject);
  });
}

afterEach(() => new Promise((resolve) => server.close(resolve)));

describe('streamText', () => {
  it('sends all chunks as text', async () => {
    await serve(
      (async function* () {
        yield Buffer.from('one\n');
        yield Buffer.from('two\n');
      })(),
    );
    const answer = await ask();
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
    let text = '';
    for await (const chunk of answer) text += String(chunk);
    expect(text).toBe('one\ntwo\n');
  });

  it('sends an empty text for no chunk at all', async () => {
    await serve((async function* () {})());
    const answer = await ask();
    expect(answer.statusCode).toBe(200);
    answer.resume();
    await sending;
  });

  it('waits for a slow reader, and ends its source when the reader hangs up', async () => {
    let made = 0;
    const closed = new Promise<void>((resolve) => {
      void serve(
        (async function* () {
          try {
            for (; ; made += 1) yield Buffer.alloc(65_536);
          } finally {
            resolve();
          }
        })(),
      );
    });
    await new Promise((resolve) => setImmediate(resolve));
    const answer = await ask();
    // Nothing is read; once buffers are full, no more is made.
    let before = -1;
    while (before !== made) {
      before = made;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(made).toBeLessThan(1000);
    answer.destroy();
    await closed;
    await expect(sending).resolves.toBeUndefined();
  });

  it('throws what fails before the first chunk, and breaks the connection for what fails later', async () => {
    await serve(
      (async function* () {
        throw new Error('at once');
      })(),
    );
    await expect(ask()).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect(sending).rejects.toThrow('at once');
    await new Promise((resolve) => server.close(resolve));
    await serve(
      (async function* () {
        yield Buffer.from('begun');
        throw new Error('later');
      })(),
    );
    const answer = await ask();
    await expect(answer.resume().toArray()).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect(sending).rejects.toThrow('later');
  });
});
