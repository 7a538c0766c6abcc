import { once } from 'node:events';
import http from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { loadSettings } from '@app/core';
import { type AppLogger } from '@app/logging';
import { Metrics, type Readiness, type ReadinessReport } from '@app/monitoring';
import { type MethodRegistry, OperationEvents } from '@app/staging';
import { WatchPages } from './watch-pages';
import { WatchServer } from './watch-server';

const UP = { status: 'up', detail: null } as const;
const READY: ReadinessReport = {
  status: 'up',
  checks: { service: UP, database: UP, storages: [{ name: 'hot', ...UP }], user_areas: UP, queue: UP, methods: [] },
  warnings: [],
};
const SIGN_IN = { AUTH_MODE: 'oidc', OIDC_ISSUER: 'https://iam.example.org', OIDC_AUDIENCE: 'staging' };

const running: WatchServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.onApplicationShutdown();
});

/** Real: the server, on a free port, what it answers, and the metrics. Fake: readiness, and the log. */
async function scene(environment: Record<string, string> = {}) {
  const settings = loadSettings({ WORKER_HTTP_PORT: '0', ...environment });
  const lines: string[] = [];
  const write = (message: string, fields?: object) => void lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
  const logger = { info: write, error: write } as unknown as AppLogger;
  const check = jest.fn(() => Promise.resolve(READY));
  const metrics = new Metrics(new OperationEvents(), {} as MethodRegistry);
  const pages = new WatchPages({ check } as unknown as Readiness, metrics, settings);
  const server = new WatchServer(pages, settings, logger);
  running.push(server);
  await server.onModuleInit();
  const port = Number(/^Listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(lines[0] ?? '')?.[1]);
  return { server, port, lines, check, ask: (path: string, asked: Asked = {}) => ask(port, path, asked) };
}

interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

async function ask(port: number, path: string, { method = 'GET', headers = {}, body }: Asked) {
  const request = http.request({ port, path, method, headers, agent: false });
  request.end(body);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

describe('the health of a worker', () => {
  it('is told, also to who knows the process by its address alone', async () => {
    const { ask } = await scene();
    const live = await ask('/health/live', { headers: { Host: '10.1.2.3:9100' } });
    expect(live).toMatchObject({
      status: 200,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      },
    });
    expect(JSON.parse(live.body)).toEqual({ status: 'up' });
    const ready = await ask('/health/ready?verbose', { headers: { Host: 'some.pod' } });
    expect([ready.status, JSON.parse(ready.body)]).toEqual([200, READY]);
  });

  it('is a 503 that says why when the worker cannot work', async () => {
    const { ask, check } = await scene();
    const down: ReadinessReport = { ...READY, status: 'down', warnings: ['Look here.'] };
    check.mockResolvedValue(down);
    const ready = await ask('/health/ready');
    expect([ready.status, JSON.parse(ready.body)]).toEqual([503, down]);
    expect((await ask('/health/live')).status).toBe(200);
  });

  it('is told to HEAD without a body', async () => {
    const { ask } = await scene();
    const { status, headers, body } = await ask('/health/ready', { method: 'HEAD' });
    expect([status, body]).toEqual([200, '']);
    expect(headers['content-length']).toBe(String(JSON.stringify(READY).length));
  });

  it('gives nothing away of what goes wrong here, but to the log', async () => {
    const { ask, check, lines } = await scene();
    check.mockRejectedValue(new Error('hunter2'));
    const { status, body } = await ask('/health/ready');
    expect(status).toBe(500);
    expect(JSON.parse(body)).toMatchObject({ code: 'internal_error', instance: '/health/ready' });
    expect(body).not.toContain('hunter2');
    expect(lines).toHaveLength(2);
  });
});

describe('the metrics of a worker', () => {
  it('are told by the names of the site and by address, not by a name that a page brought along', async () => {
    const { ask, port } = await scene();
    const answer = await ask('/metrics');
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^text\/plain;.*version=0\.0\.4/);
    expect(answer.body).toMatch(/^process_resident_memory_bytes /m);
    for (const Host of ['localhost', `10.1.2.3:${port}`, '[2001:db8::1]:9100']) {
      expect((await ask('/metrics', { headers: { Host } })).status).toBe(200);
    }
    const foreign = await ask('/metrics', { headers: { Host: `evil.example.com:${port}` } });
    expect(foreign.status).toBe(403);
    expect(JSON.parse(foreign.body)).toMatchObject({
      code: 'forbidden',
      detail: expect.stringContaining('ALLOWED_HOSTS'),
    });
    const named = await scene({ ALLOWED_HOSTS: 'worker.example.org' });
    expect((await named.ask('/metrics', { headers: { Host: 'worker.example.org' } })).status).toBe(200);
    expect((await named.ask('/metrics', { headers: { Host: 'localhost' } })).status).toBe(403);
  });

  it('are with sign-in for this host, and for nobody behind a proxy', async () => {
    const { ask } = await scene(SIGN_IN);
    expect((await ask('/metrics')).status).toBe(200);
    const { status, headers } = await ask('/metrics', { headers: { 'X-Forwarded-For': '192.0.2.1' } });
    expect([status, headers['www-authenticate']]).toEqual([403, undefined]);
  });

  it('are for whoever has the token, by whatever name', async () => {
    const { ask } = await scene({ ...SIGN_IN, METRICS_TOKEN: 'abc' });
    const from = { 'X-Forwarded-For': '192.0.2.1' };
    const known = { ...from, Authorization: 'Bearer abc', Host: 'worker-1.example.org' };
    expect((await ask('/metrics', { headers: known })).status).toBe(200);
    expect((await ask('/metrics', { headers: { ...known, Authorization: 'Bearer abd' } })).status).toBe(403);
    const wrong = await ask('/metrics', { headers: { ...from, Authorization: 'Bearer abd' } });
    expect(wrong).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer realm="staging"' } });
    expect(JSON.parse(wrong.body)).toMatchObject({ code: 'unauthorized' });
  });
});

describe('what a worker does not answer', () => {
  it('is a problem document, as at the API', async () => {
    const { ask } = await scene();
    const answer = await ask('/stage_data/?username=jane');
    expect(answer).toMatchObject({
      status: 404,
      headers: { 'content-type': 'application/problem+json', 'x-content-type-options': 'nosniff' },
    });
    expect(JSON.parse(answer.body)).toEqual({
      type: '/docs#not_found',
      title: 'Not found',
      status: 404,
      detail: 'There is nothing at this address.',
      instance: '/stage_data/',
      code: 'not_found',
      operation_id: null,
    });
  });

  it('is another method', async () => {
    const { ask } = await scene();
    for (const method of ['POST', 'DELETE', 'OPTIONS', 'TRACE']) {
      const answer = await ask('/metrics', { method });
      expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'method_not_allowed' });
    }
  });

  it('is a page of another site', async () => {
    const { ask } = await scene();
    for (const path of ['/health/ready', '/metrics']) {
      expect((await ask(path, { headers: { Origin: 'https://evil.example.com' } })).status).toBe(403);
    }
  });

  it('is more than a few lines', async () => {
    const { ask } = await scene();
    expect((await ask('/health/live', { headers: { 'X-Long': 'x'.repeat(20_000) } })).status).toBe(431);
    const answer = await ask('/health/live', { method: 'GET', headers: { 'Content-Length': '4' }, body: 'four' });
    expect(answer.headers.connection).toBe('close');
  });

  it('is who takes long to say what they want', async () => {
    const { port } = await scene();
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /health/live HTTP/1.1\r\nHost: loc');
    // Node tells why, and closes.
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 /);
  }, 20_000);
});

describe('WatchServer', () => {
  it('does not listen where no port is set', async () => {
    const { lines } = await scene({ WORKER_HTTP_PORT: '' });
    expect(lines).toEqual([]);
  });

  it('ends the start when the port is taken', async () => {
    const { port } = await scene();
    await expect(scene({ WORKER_HTTP_PORT: String(port) })).rejects.toThrow('EADDRINUSE');
  });

  it('closes what is open, and answers no more', async () => {
    const { server, port } = await scene();
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    await server.onApplicationShutdown();
    await closed;
    await expect(ask(port, '/health/live', {})).rejects.toThrow('ECONNREFUSED');
  });
});
