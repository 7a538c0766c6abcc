import { once } from 'node:events';
import { connect } from 'node:net';
import { ERROR_TITLES, type ErrorCode } from '@app/core';
import { type Answer } from '../support/http-client';
import { type RunningService, startService } from '../support/service';

const MIB = 1024 ** 2;
const STAGE = '/stage_data?method=local_copy&username=ana';

let service: RunningService;

beforeAll(async () => {
  service = await startService({ files: { 'a.fits': 'data' } });
});

function expectProblem(answer: Answer, status: number, code: ErrorCode, more: object = {}): void {
  expect(answer).toMatchObject({
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
    body: { type: `/docs#${code}`, title: ERROR_TITLES[code], status, code, detail: expect.any(String), ...more },
  });
}

describe('errors are problem documents', () => {
  it.each(['/nothing', '/operations/x/nothing', '/stage_data/nothing', '/jupyter', '/docs/LICENSE'])(
    '404 for %s',
    async (path) => {
      expectProblem(await service.get(path), 404, 'not_found', { instance: path, operation_id: null });
    },
  );

  it.each([
    ['GET', '/stage_data', 'OPTIONS, POST'],
    ['HEAD', '/stage_data', 'OPTIONS, POST'],
    ['DELETE', '/operations/x', 'GET, HEAD, OPTIONS'],
    ['GET', '/stage_data/batch', 'OPTIONS, POST'],
    ['POST', '/config', 'GET, HEAD, OPTIONS'],
    ['TRACE', '/ping', 'GET, HEAD, OPTIONS'],
  ])('405 with Allow for %s %s', async (method, path, allow) => {
    const answer = await service.request(path, { method });
    expect(answer.headers.allow).toBe(allow);
    if (method === 'HEAD') expect(answer.status).toBe(405);
    else expectProblem(answer, 405, 'method_not_allowed');
  });

  it('OPTIONS tells what an address takes', async () => {
    const answer = await service.request('/api/v1/operations', { method: 'OPTIONS' });
    expect(answer).toMatchObject({ status: 204, headers: { allow: 'GET, HEAD, OPTIONS' } });
    expectProblem(await service.request('/nothing', { method: 'OPTIONS' }), 404, 'not_found');
  });

  it.each(['/%E0%A4%A', '/storage?path=%FF', '/logs?q=%'])('422 for the malformed address %s', async (path) => {
    expectProblem(await service.get(path), 422, 'validation_failed', { errors: [{ field: 'address' }] });
  });

  it.each([
    ['no type', {}],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['text, which a page of another site may send', { 'content-type': 'text/plain' }],
    ['another charset', { 'content-type': 'application/json; charset=latin1' }],
    ['UTF-16', { 'content-type': 'application/json; charset=utf-16' }],
    ['compression', { 'content-type': 'application/json', 'content-encoding': 'gzip' }],
    ['JSON by its looks', { 'content-type': 'application/jsonx' }],
  ])('415 for a body with %s', async (_what, headers) => {
    const answer = await service.request(STAGE, { method: 'POST', headers, body: Buffer.from('{}') });
    // The client that tests use names JSON by itself where nothing else is said.
    if (Object.keys(headers).length === 0) {
      expectProblem(await rawPost(STAGE, 'Content-Length: 2\r\n', '{}'), 415, 'unsupported_media_type');
    } else expectProblem(answer, 415, 'unsupported_media_type');
  });

  it.each([
    ['half a text', '{"local_path_on_storage": "a'],
    ['nothing', undefined],
    ['null', 'null'],
    ['a list', '[]'],
    ['a text', '"a"'],
    ['bytes that are not UTF-8', Buffer.from([...Buffer.from('{"local_path_on_storage":"'), 0xff, 0x22, 0x7d])],
    ['a thousand levels', `${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`],
    ['a hundred thousand lists', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['__proto__', '{"__proto__":{"polluted":1},"local_path_on_storage":"a.fits","relative_path":"p"}'],
    ['an unknown field', '{"local_path_on_storage":"a.fits","relative_path":"p","more":1}'],
    ['a number for a path', '{"local_path_on_storage":1,"relative_path":"p"}'],
    ['no destination', '{"local_path_on_storage":"a.fits"}'],
  ])('422 for a body with %s', async (_what, body) => {
    const answer = await service.post(STAGE, body);
    expectProblem(answer, 422, 'validation_failed', { operation_id: null });
    expect(answer.body.errors.length).toBeGreaterThan(0);
    expect(answer.headers['x-operation-id']).toBeUndefined();
  });

  it.each([
    ['username=ana', 'method'],
    ['method=local_copy', 'username'],
    ['method=local_copy&username=ana&username=bob', 'username'],
    ['method=local_copy&method=local_copy&username=ana', 'method'],
    ['method[a]=local_copy&username=ana', 'method'],
    ['method=local_copy&username=../ana', 'username'],
  ])('422 for the query %s', async (query, field) => {
    const answer = await service.post(`/stage_data?${query}`, { local_path_on_storage: 'a.fits', relative_path: 'p' });
    expectProblem(answer, 422, 'validation_failed', { errors: [{ field, message: expect.any(String) }] });
  });

  it('413 for what is too large, told by its length or not', async () => {
    const large = Buffer.alloc(MIB + 1, ' ');
    expectProblem(await service.post(STAGE, large), 413, 'payload_too_large');
    expectProblem(await service.post(STAGE, large, { 'transfer-encoding': 'chunked' }), 413, 'payload_too_large');
    const inside = Buffer.alloc(MIB, ' ');
    inside.write('{"local_path_on_storage":"a.fits","relative_path":"large"}');
    expect(await service.post(STAGE, inside)).toMatchObject({ status: 200 });
  });

  it('answers at once to a length that is too large, without waiting for the body', async () => {
    const answer = await rawPost(STAGE, `Content-Type: application/json\r\nContent-Length: ${10 ** 12}\r\n`, '{');
    expectProblem(answer, 413, 'payload_too_large');
  });

  it('lets whoever still sends what was refused come to its end, so that they see why', async () => {
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
    const failed: string[] = [];
    socket.on('error', (error: NodeJS.ErrnoException) => failed.push(error.code ?? error.message));
    let received = '';
    socket.setEncoding('utf8').on('data', (text: string) => (received += text));
    const closed = once(socket, 'close');
    const head = [
      'POST /create-file HTTP/1.1',
      'Host: localhost',
      'Content-Type: application/json',
      'Connection: close',
    ];
    socket.write(`${[...head, `Content-Length: ${8 * MIB}`].join('\r\n')}\r\n\r\n`);
    for (let piece = 0; piece < 8; piece += 1) {
      await new Promise<void>((resolve) => {
        socket.write(Buffer.alloc(MIB, ' '), (error) => {
          if (error) failed.push(error.message);
          resolve();
        });
      });
    }
    await closed;
    expect(failed).toEqual([]);
    expect(received).toMatch(/^HTTP\/1\.1 413 [^]*payload_too_large/);
  });

  it('cuts whoever goes on sending for ever all the same', async () => {
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    const head = [
      'POST /create-file HTTP/1.1',
      'Host: localhost',
      'Content-Type: application/json',
      'Connection: close',
    ];
    socket.write(`${[...head, `Content-Length: ${10 ** 12}`].join('\r\n')}\r\n\r\n`);
    const closed = once(socket.resume(), 'close');
    await expect(closed).resolves.toBeDefined();
  });

  it('says what HTTP could not be read', async () => {
    expectProblem(await raw('NONSENSE\r\n\r\n'), 400, 'validation_failed');
    expectProblem(await raw(`GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`), 431, 'payload_too_large');
  });
});

describe('only the site itself may call', () => {
  it.each(['GET', 'POST', 'OPTIONS', 'DELETE'])(
    '%s by another name or from another page is refused',
    async (method) => {
      for (const path of ['/ping', '/config', '/nothing', '/docs', '/metrics', STAGE]) {
        for (const headers of [{ host: 'evil.example' }, { origin: 'http://evil.example' }, { origin: 'null' }]) {
          expectProblem(await service.request(path, { method, headers }), 403, 'forbidden');
        }
      }
    },
  );

  it('nothing was staged for a page of another site', async () => {
    const body = { local_path_on_storage: 'a.fits', relative_path: 'foreign' };
    expectProblem(await service.stage(body, {}, { origin: 'http://evil.example' }), 403, 'forbidden');
    const { items } = (await service.get('/operations?q=foreign')).body;
    expect(items).toEqual([]);
  });

  it('its own pages may', async () => {
    expect(await service.get('/ping', { origin: service.url })).toMatchObject({ status: 200 });
    expect(await service.get('/ping', { host: 'localhost', origin: 'http://localhost' })).toMatchObject({
      status: 200,
    });
  });
});

describe('every answer', () => {
  it('has an id, and headers that keep browsers from guessing, framing and telling', async () => {
    for (const path of ['/ping', '/nothing', '/docs']) {
      const { headers } = await service.get(path);
      expect(headers).toMatchObject({
        'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'x-frame-options': 'DENY',
      });
      expect(headers['x-powered-by']).toBeUndefined();
    }
    expect((await service.get('/ping')).headers['cache-control']).toBe('no-store');
  });

  it('repeats a plain X-Request-Id, and no other', async () => {
    expect((await service.get('/ping', { 'x-request-id': 'trace-42' })).headers['x-request-id']).toBe('trace-42');
    for (const odd of ['a b', 'x'.repeat(65), '<script>']) {
      expect((await service.get('/ping', { 'x-request-id': odd })).headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('is the same under /api/v1 and with slashes at the end', async () => {
    const { body } = await service.get('/config/allowed-methods');
    for (const path of [
      '/api/v1/config/allowed-methods',
      '/config/allowed-methods/',
      '/api/v1/config/allowed-methods//',
    ]) {
      expect(await service.get(path)).toMatchObject({ status: 200, body });
    }
  });
});

/** Sends bytes as they are, and reads the answer until it is whole. */
async function raw(text: string): Promise<Answer> {
  const { port } = new URL(service.url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.write(text);
  let received = '';
  for await (const chunk of socket.setEncoding('utf8') as AsyncIterable<string>) {
    received += chunk;
    const end = received.indexOf('\r\n\r\n');
    const length = Number(/^content-length: (\d+)/im.exec(received)?.[1] ?? Infinity);
    if (end >= 0 && received.length >= end + 4 + length) break;
  }
  const [head, body] = received.split('\r\n\r\n');
  const headers = head!
    .split('\r\n')
    .slice(1)
    .map((line) => line.split(': '));
  return {
    status: Number(head!.split(' ')[1]),
    headers: Object.fromEntries(headers.map(([name, value]) => [name!.toLowerCase(), value])),
    body: JSON.parse(body!),
  };
}

function rawPost(path: string, headers: string, body: string): Promise<Answer> {
  return raw(`POST ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n${body}`);
}
