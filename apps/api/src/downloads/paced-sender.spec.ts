import { once } from 'node:events';
import { Agent, createServer, get, type IncomingMessage, type Server } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type Request, type Response } from 'express';
import { OperationCancelled } from '@app/staging';
import { type PacedAnswer, PacedSender } from './paced-sender';

const MIB = 1024 ** 2;
/** More than both ends of a connection keep for each other. */
const MANY = 64;

let server: Server;
/** What each request is sent by, and how that ended. */
let sent: { sender: PacedSender; ended: Promise<unknown> }[];
let answer: (signal: AbortSignal) => PacedAnswer;
let idleMs: number;
let stop: AbortController;

beforeEach(async () => {
  sent = [];
  idleMs = 60_000;
  stop = new AbortController();
  server = createServer((request, response) => {
    // As Express does it.
    Object.assign(response, { req: request as Request });
    const sender = new PacedSender(response as Response, idleMs, stop.signal);
    const ended = sender
      .send((signal) => answer(signal))
      .then(
        () => 'whole',
        (error: unknown) => {
          if (!response.headersSent) response.writeHead(500).end();
          return error;
        },
      );
    sent.push({ sender, ended });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
});

afterEach(async () => {
  server.closeAllConnections();
  await once(server.close(), 'close');
});

const port = () => (server.address() as AddressInfo).port;

/** Sends a request and takes nothing of its answer. */
async function stall(): Promise<Socket> {
  const socket = connect(port(), '127.0.0.1').pause();
  socket.on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(server, 'request');
  return socket;
}

async function ask(): Promise<IncomingMessage> {
  const [response] = (await once(get({ port: port(), agent: false }), 'response')) as [IncomingMessage];
  return response;
}

/** An answer of `count` pieces that all use the same memory, as real ones do; `made` counts them. */
function answerOf(count: number, overrides: Partial<PacedAnswer> = {}) {
  const made = { count: 0 };
  const memory = Buffer.from(new SharedArrayBuffer(MIB));
  async function* pieces() {
    while (made.count < count) {
      await setImmediate();
      made.count += 1;
      yield memory.fill(made.count);
    }
  }
  const length = count * MIB;
  const headers = { 'Content-Length': length };
  return { status: 200, headers, pieces: pieces(), length, beforeLast: () => Promise.resolve(), made, ...overrides };
}

describe('PacedSender', () => {
  it('sends every piece as it was when it came', async () => {
    answer = () => answerOf(9);
    const body = Buffer.concat((await (await ask()).toArray()) as Buffer[]);
    expect(body.length).toBe(9 * MIB);
    for (let index = 0; index < 9; index += 1) {
      const expected = Buffer.alloc(MIB, index + 1);
      expect(body.subarray(index * MIB, (index + 1) * MIB).equals(expected)).toBe(true);
    }
    expect(await sent[0]!.ended).toBe('whole');
    expect(sent[0]!.sender.bytes).toBe(9 * MIB);
  });

  it('asks for no more than its receiver takes, and ends at once when that goes away', async () => {
    const many = answerOf(MANY);
    answer = () => many;
    const socket = await stall();
    socket.destroy();
    const error = await sent[0]!.ended;
    expect(error).toBeInstanceOf(OperationCancelled);
    expect(error).toMatchObject({ message: expect.stringContaining('went away'), bytes: sent[0]!.sender.bytes });
    expect(many.made.count).toBeLessThan(MANY);
  });

  it('cuts a receiver that takes nothing', async () => {
    idleMs = 100;
    answer = () => answerOf(MANY);
    const socket = await stall();
    const error = await sent[0]!.ended;
    expect(error).toBeInstanceOf(OperationCancelled);
    expect(error).toMatchObject({ message: 'The receiver took nothing for 0.1 s.' });
    socket.resume();
    await once(socket, 'close');
  });

  it('waits for a slow storage as long as that takes', async () => {
    idleMs = 50;
    const timeouts: string[] = [];
    async function* slow() {
      const [socket] = [...connections];
      yield Buffer.from('one');
      await once(socket!, 'timeout');
      timeouts.push('passed');
      yield Buffer.from('two');
    }
    const connections = new Set<Socket>();
    server.on('connection', (socket) => connections.add(socket));
    answer = () => answerOf(0, { pieces: slow(), length: 6, headers: { 'Content-Length': 6 } });
    expect(Buffer.concat((await (await ask()).toArray()) as Buffer[]).toString()).toBe('onetwo');
    expect(timeouts).toEqual(['passed']);
  });

  it('leaves the connection as it was for the next request', async () => {
    idleMs = 50;
    // So that Node sets no time-out of its own afterwards.
    server.keepAliveTimeout = 0;
    answer = () => answerOf(1);
    const connections: Socket[] = [];
    server.on('connection', (socket: Socket) => connections.push(socket));
    const agent = new Agent({ keepAlive: true });
    const [response] = (await once(get({ port: port(), agent }), 'response')) as [IncomingMessage];
    await response.toArray();
    await sent[0]!.ended;
    expect(connections.map(({ timeout }) => timeout)).toEqual([0]);
    agent.destroy();
  });

  it('holds the last piece back until that is allowed', async () => {
    answer = () => answerOf(3, { beforeLast: () => Promise.reject(new Error('changed')) });
    const response = await ask();
    let bytes = 0;
    response.on('data', (chunk: Buffer) => (bytes += chunk.length));
    await expect(once(response, 'end')).rejects.toThrow('aborted');
    expect(bytes).toBe(2 * MIB);
    expect(await sent[0]!.ended).toMatchObject({ message: 'changed' });
  });

  it.each([0, 1])('sends nothing at all when that is not allowed for an answer of %d pieces', async (count) => {
    answer = () => answerOf(count, { beforeLast: () => Promise.reject(new Error('changed')) });
    expect((await ask()).statusCode).toBe(500);
  });

  it('never ends cleanly what fails on the way', async () => {
    async function* failing() {
      yield Buffer.alloc(10);
      await Promise.reject(new Error('failed'));
    }
    answer = () => ({ ...answerOf(0), headers: {}, length: undefined, pieces: failing() });
    const response = await ask();
    expect(response.headers['transfer-encoding']).toBe('chunked');
    await expect(response.toArray()).rejects.toThrow('aborted');
    expect(await sent[0]!.ended).toMatchObject({ message: 'failed' });
  });

  it('ends with the reason when it is told to', async () => {
    answer = () => answerOf(MANY);
    const socket = await stall();
    stop.abort(new Error('stopping'));
    expect(await sent[0]!.ended).toMatchObject({ message: 'stopping' });
    socket.resume();
    await once(socket, 'close');
  });

  it('cuts a receiver of an answer that waited behind another', async () => {
    idleMs = 100;
    const answers = [answerOf(0), answerOf(MANY)];
    answer = () => answers.shift()!;
    const socket = connect(port(), '127.0.0.1').pause();
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(server, 'request');
    if (sent.length < 2) await once(server, 'request');
    expect(await sent[0]!.ended).toBe('whole');
    expect(await sent[1]!.ended).toMatchObject({ message: 'The receiver took nothing for 0.1 s.' });
    socket.destroy();
  });

  it('ends for requests that wait behind another on a connection that breaks', async () => {
    answer = () => answerOf(MANY);
    const socket = await stall();
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(server, 'request');
    socket.destroy();
    for (const { ended } of sent) expect(await ended).toBeInstanceOf(OperationCancelled);
    expect(sent).toHaveLength(2);
  });
});
