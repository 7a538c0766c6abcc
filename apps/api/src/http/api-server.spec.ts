import { type AddressInfo, connect, type Socket } from 'node:net';
import { type RequestListener, type Server } from 'node:http';
import { createApiServer, SERVER_LIMITS, type ServerLimits } from './api-server';

let server: Server;

async function listen(listener: RequestListener, limits: Partial<ServerLimits> = {}): Promise<void> {
  server = createApiServer(listener, { ...SERVER_LIMITS, ...limits });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
}

function open(): Socket {
  return connect((server.address() as AddressInfo).port, '127.0.0.1');
}

/** All that comes until the server closes the connection. */
async function answerTo(...pieces: string[]): Promise<string> {
  const socket = open();
  let text = '';
  socket.setEncoding('utf8').on('data', (data: string) => (text += data));
  const closed = new Promise<void>((resolve, reject) => socket.once('close', () => resolve()).once('error', reject));
  for (const piece of pieces) socket.write(piece);
  await closed;
  return text;
}

function problemIn(answer: string): unknown {
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4));
}

afterEach(() => new Promise((resolve) => server.close(resolve)));

describe('createApiServer', () => {
  it.each([
    ['nonsense', ['GET\r\n\r\n'], 400, 'validation_failed'],
    ['a head that is too large', [`GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`], 431, 'payload_too_large'],
    ['two lengths', ['POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'], 400, 'validation_failed'],
    [
      'length and chunks, as in request smuggling',
      ['POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
      400,
      'validation_failed',
    ],
  ])('answers %s with a problem document and closes', async (_what, pieces, status, code) => {
    await listen((_request, response) => response.end('never'));
    const answer = await answerTo(...pieces);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toMatch(/^content-type: application\/problem\+json\r$/im);
    expect(problemIn(answer)).toMatchObject({ status, code, type: `/docs#${code}` });
  });

  it('keeps the answer readable when more of the refused request comes', async () => {
    await listen((_request, response) => response.end('never'));
    const head = `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`;
    const answer = await answerTo(head, ...Array.from({ length: 50 }, () => 'y'.repeat(10_000)));
    expect(problemIn(answer)).toMatchObject({ status: 431 });
  });

  it('cuts a client that does not finish its head in time', async () => {
    await listen((_request, response) => response.end('never'), {
      headersTimeout: 100,
      requestTimeout: 200,
      connectionsCheckingInterval: 20,
    });
    const answer = await answerTo('GET / HTTP/1.1\r\nHost: a\r\n');
    expect(problemIn(answer)).toMatchObject({ status: 408 });
  });

  it('gives heads 20 s and whole requests a minute, and looks every second', async () => {
    await listen((_request, response) => response.end());
    expect(server).toMatchObject({
      headersTimeout: 20_000,
      requestTimeout: 60_000,
      keepAliveTimeout: 65_000,
      timeout: 0,
    });
    expect(SERVER_LIMITS.connectionsCheckingInterval).toBe(1000);
  });

  it('adds nothing to an answer that has begun', async () => {
    await listen((request, response) => {
      response.write('begun');
      request.resume();
    });
    const answer = await answerTo(
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n',
      'nonsense',
    );
    expect(answer).not.toContain('problem+json');
  });

  it('leaves a missing Host and unknown expectations to the application', async () => {
    await listen((request, response) => {
      response.shouldKeepAlive = false;
      response.end(`host: ${String(request.headers.host)}`);
    });
    const answer = await answerTo('GET / HTTP/1.1\r\nExpect: wonders\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
    expect(answer).toContain('host: undefined');
  });
});
