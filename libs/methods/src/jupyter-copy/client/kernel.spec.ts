import { type IncomingMessage } from 'node:http';
import { Agent } from 'undici';
import { type WebSocket, WebSocketServer } from 'ws';
import { findKernel, type Kernel } from './kernel';
import { ServerDown } from './server-errors';
import { always, scriptedServer, type ScriptedServer } from './testing/scripted-server';
import { Token } from './token';

const SPECS = { default: 'r', kernelspecs: { r: { spec: { language: 'R' } }, py: { spec: { language: 'python' } } } };
const { signal } = new AbortController();

describe('Kernel', () => {
  let server: ScriptedServer;
  let agent: Agent;
  let sockets: WebSocketServer;
  let kernels: Kernel[];
  /** What the kernel does with each of its messages. */
  let hears: (socket: WebSocket, text: string) => void;

  const open = async (pingMs?: number) => {
    const kernel = await findKernel({ url: server.url, token: new Token('t'), agent, signal, pingMs });
    if (kernel) kernels.push(kernel);
    return (await kernel?.open(signal)) ? kernel : null;
  };
  const requests = () => server.received.map(({ method, url }) => `${method} ${url}`);

  beforeEach(async () => {
    agent = new Agent();
    server = await scriptedServer();
    server.answer = (request, response) => {
      if (request.method === 'DELETE') return void response.writeHead(204).end();
      always(request.method === 'POST' ? 201 : 200, request.method === 'POST' ? { id: 'k1' } : SPECS)(
        request,
        response,
      );
    };
    sockets = new WebSocketServer({ noServer: true, autoPong: false });
    kernels = [];
    hears = () => undefined;
    server.onUpgrade((request: IncomingMessage, socket, head) => {
      sockets.handleUpgrade(request, socket, head, (client) => {
        client.on('message', (data: Buffer) => hears(client, data.toString()));
      });
    });
  });

  afterEach(async () => {
    for (const kernel of kernels) await kernel.close();
    for (const client of sockets.clients) client.terminate();
    await agent.destroy();
    await server.close();
  });

  it('takes a kernel that speaks Python, with the token in a header and never in an address', async () => {
    await open();
    expect(server.received.map(({ headers }) => headers.authorization)).toEqual(Array(3).fill('token t'));
    expect(requests().slice(0, 2)).toEqual(['GET /api/kernelspecs', 'POST /api/kernels']);
    expect(requests()[2]).toMatch(/^GET \/api\/kernels\/k1\/channels\?session_id=[0-9a-f-]{36}$/);
  });

  it.each([
    [200, { kernelspecs: {} }],
    [200, { default: 'r', kernelspecs: { r: { spec: { language: 'R' } } } }],
    [403, { message: 'No kernels here' }],
    [500, { message: 'Unhandled error' }],
  ])('has none where the site answers %d with %j', async (status, body) => {
    server.answer = always(status, body);
    expect(await open()).toBeNull();
  });

  it('tells a server that is down, and ends a kernel that it cannot talk to', async () => {
    server.answer = always(503, '<html>');
    await expect(open()).rejects.toBeInstanceOf(ServerDown);
    server.answer = (request, response) =>
      always(201, request.method === 'POST' ? { id: 'k1' } : SPECS)(request, response);
    server.onUpgrade((_request, socket) =>
      socket.end('HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\r\n\r\n'),
    );
    await expect(open()).rejects.toBeInstanceOf(ServerDown);
    await kernels[0]!.close();
    expect(requests().at(-1)).toBe('DELETE /api/kernels/k1');
  });

  it('is ended also when nobody waits for its start any more', async () => {
    const reason = new Error('Cancelled by the test');
    const controller = new AbortController();
    let begin!: () => void;
    const normal = server.answer;
    server.answer = (request, response) => {
      if (request.method !== 'POST') return normal(request, response);
      begin = () => normal(request, response);
      controller.abort(reason);
    };
    const kernel = (await findKernel({ url: server.url, token: new Token('t'), agent, signal }))!;
    await expect(kernel.open(controller.signal)).rejects.toBe(reason);
    const closing = kernel.close();
    begin();
    await closing;
    expect(requests().at(-1)).toBe('DELETE /api/kernels/k1');
  });

  it('does not take a server that is busy for one without kernels', async () => {
    server.answer = always(429, '');
    await expect(open()).rejects.toMatchObject({ code: 'jupyter_unavailable', retryAfterSeconds: 30 });
  });

  it('is not waited for in its handshake when the operation is cancelled', async () => {
    const reason = new Error('Cancelled by the test');
    const controller = new AbortController();
    server.onUpgrade(() => controller.abort(reason));
    const kernel = (await findKernel({ url: server.url, token: new Token('t'), agent, signal }))!;
    kernels.push(kernel);
    await expect(kernel.open(controller.signal)).rejects.toBe(reason);
  });

  it('waits for its own reply among others', async () => {
    hears = (socket, text) => {
      const { header } = JSON.parse(text) as { header: { msg_id: string } };
      const content = { user_expressions: { result: { data: { 'text/plain': `'${btoa('{"a":1}')}'` } } } };
      const reply = (msg_id: string) =>
        JSON.stringify({ header: { msg_type: 'execute_reply' }, parent_header: { msg_id }, content });
      for (const message of ['nonsense', reply('another'), reply(header.msg_id)]) socket.send(message);
    };
    expect(await (await open())!.run('result = 1', null, { signal })).toEqual({ a: 1 });
  });

  it('tells a dead kernel, a broken connection and a silent one', async () => {
    hears = (socket) =>
      socket.send(JSON.stringify({ header: { msg_type: 'status' }, content: { execution_state: 'dead' } }));
    const kernel = (await open())!;
    await expect(kernel.run('', null, { signal })).rejects.toMatchObject({ code: 'jupyter_rejected' });
    hears = (socket) => socket.terminate();
    await expect(kernel.run('', null, { signal })).rejects.toBeInstanceOf(ServerDown);
    await expect(kernel.run('', null, { signal })).rejects.toBeInstanceOf(ServerDown);
    hears = () => undefined;
    await expect((await open(20))!.run('', null, { signal })).rejects.toBeInstanceOf(ServerDown);
  });

  it('waits no longer than told, and ends with the reason of its signal', async () => {
    const kernel = (await open())!;
    await expect(kernel.run('', null, { signal, timeoutMs: 50 })).rejects.toMatchObject({ code: 'jupyter_timeout' });
    const controller = new AbortController();
    const reason = new Error('Cancelled by the test');
    hears = () => controller.abort(reason);
    await expect(kernel.run('', null, { signal: controller.signal })).rejects.toBe(reason);
    await kernel.close();
    expect(requests().at(-1)).toBe('DELETE /api/kernels/k1');
  });
});
