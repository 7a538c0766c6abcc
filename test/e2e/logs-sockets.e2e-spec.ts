import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describeWhere } from '../support/describe-where';
import { freePort } from '../support/free-port';
import { send } from '../support/http-client';
import { flood, type Line, LogSocket, rawSocketTo, slowLinkTo } from '../support/log-socket';
import { nginxMissing, startNginx } from '../support/nginx';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

/** The way to the live log: by which names, from whose pages, through which proxies, and how many. */

const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

describe('a service by itself', () => {
  let service: RunningService;
  beforeAll(async () => {
    service = await startService();
  });

  it('there is nothing but the log', async () => {
    for (const name of ['/', '/other']) expect(await LogSocket.to(service.url, {}, name).refusal()).not.toBeNull();
  });

  it.each([['h2c'], ['websocket']])('a request that would rather speak %s elsewhere is answered', async (upgrade) => {
    const headers = { connection: 'Upgrade', upgrade };
    expect((await service.get('/ping', headers)).status).toBe(200);
    expect((await service.post('/stage_data', { unfit: true }, headers)).status).toBe(422);
  });

  it('pages of other sites, and other names for it, are refused, by polling as by WebSocket', async () => {
    const foreign = { extraHeaders: { origin: 'https://evil.example' } };
    const renamed = { extraHeaders: { host: 'evil.example' } };
    for (const options of [foreign, renamed]) expect(await LogSocket.to(service.url, options).refusal()).not.toBeNull();
    const own = { extraHeaders: { origin: service.url } };
    expect(await LogSocket.to(service.url, own).refusal()).toBeNull();
    const polling = `${service.url}/socket.io/?EIO=4&transport=polling`;
    const handshake = await send(polling);
    expect(handshake.status).toBe(200);
    const { sid } = JSON.parse((handshake.body as string).slice(1)) as { sid: string };
    for (const headers of [{ origin: 'null' }, { origin: 'https://evil.example' }, { host: 'evil.example' }]) {
      for (const method of ['GET', 'POST', 'OPTIONS']) {
        const body = method === 'POST' ? '40/logs,' : undefined;
        for (const address of [polling, `${polling}&sid=${sid}`]) {
          expect(await send(address, { method, headers, body })).toMatchObject({
            status: 403,
            body: { code: 'forbidden' },
          });
        }
      }
      const upgraded = `${service.url}/socket.io/?EIO=4&transport=websocket`;
      for (const address of [upgraded, `${upgraded}&sid=${sid}`]) {
        expect(await send(address, { headers: { ...headers, ...UPGRADE } })).toMatchObject({ status: 403 });
      }
    }
    expect((await send(`${service.url}/socket.io/socket.io.js`)).status).toBe(400);
  });
});

it('so many may be open at once', async () => {
  const service = await startService({ env: { MAX_EVENT_STREAMS_PER_USER: '2' } });
  const first = await LogSocket.connected(service.url);
  await LogSocket.connected(service.url);
  expect(await LogSocket.to(service.url).refusal()).toMatchObject({ data: { code: 'quota_exceeded' } });
  first.socket.close();
  await until(async () => (await LogSocket.to(service.url).refusal()) === null, 'the place is not free again');
});

it('who goes before they are let in takes nobody a place', async () => {
  const service = await startService({ env: { MAX_EVENT_STREAMS_PER_USER: '1' } });
  const polling = `${service.url}/socket.io/?EIO=4&transport=polling`;
  for (let hasty = 0; hasty < 5; hasty += 1) {
    const { body } = await send(polling);
    const { sid } = JSON.parse((body as string).slice(1)) as { sid: string };
    // To connect, and to close, in one body: what the service finds out about the caller comes too late.
    const headers = { 'content-type': 'text/plain' };
    await send(`${polling}&sid=${sid}`, { method: 'POST', headers, body: '40/logs,\x1e1' });
  }
  await LogSocket.connected(service.url);
});

it('who is not let in and takes no answers is cut, and nothing is kept for them', async () => {
  const service = await startService();
  const link = await slowLinkTo(service.url);
  const { socket, told, ended } = await rawSocketTo(link.url);
  link.pause();
  // Each is answered with the name in it: together far more than sockets hold by themselves.
  const total = 3000;
  for (let sent = 0; sent < total; sent += 1) socket.send(`40/${'n'.repeat(15_000)},`);
  await until(() => socket.bufferedAmount === 0, 'it is not read');
  link.resume();
  await ended;
  expect(told.length).toBeLessThan(total);
}, 120_000);

it('a service that stops does not wait for those who read', async () => {
  const service = await startService();
  for (const transports of [['websocket'], ['polling']]) await LogSocket.connected(service.url, { transports });
  expect(await service.stop()).toBe(0);
});

it('nor for one who takes nothing', async () => {
  const service = await startService();
  const link = await slowLinkTo(service.url);
  const slow = await LogSocket.connected(link.url);
  await slow.subscribe({ q: 'flood', backlog: 0 });
  link.pause();
  await flood(service, 6000);
  service.process.kill('SIGTERM');
  // Its WebSocket would be waited for, for half a minute.
  expect(await service.ending(20)).toEqual({ code: 0, signal: null });
}, 120_000);

it('pages of sites that may call the service may read the log', async () => {
  const friend = 'https://friend.example';
  const service = await startService({ env: { CORS_ORIGINS: friend } });
  const polling = `${service.url}/socket.io/?EIO=4&transport=polling`;
  const headers = { origin: friend };
  expect((await send(polling, { headers })).headers).toMatchObject({ 'access-control-allow-origin': friend });
  const preflight = { ...headers, 'access-control-request-method': 'POST' };
  expect((await send(polling, { method: 'OPTIONS', headers: preflight })).status).toBe(204);
  expect(await LogSocket.to(service.url, { extraHeaders: headers }).refusal()).toBeNull();
});

it('who reads through a proxy is told apart by their own address', async () => {
  const service = await startService({ env: { TRUST_PROXY: '1' } });
  const extraHeaders = { 'x-forwarded-for': '192.0.2.9' };
  await LogSocket.connected(service.url, { extraHeaders });
  // As nginx does it by default: each request comes over a connection of its own.
  const single = { ...extraHeaders, connection: 'close' };
  await LogSocket.connected(service.url, { transports: ['polling'], extraHeaders: single });
  const ofSockets = async () => {
    const { body } = await service.get('/audit');
    return body.items.filter(({ request: asked }: Line) => asked === 'SOCKET /logs');
  };
  await until(async () => (await ofSockets()).length > 0, 'it is not in the audit');
  for (const { address } of await ofSockets()) expect(address).toBe('192.0.2.9');
});

describeWhere(nginxMissing(), 'an nginx in front', () => {
  it('passes it on as the documentation says', async () => {
    const text = readFileSync(path.join(__dirname, '../../docs/operating.md'), 'utf8');
    const [, location] = /```nginx\n(location \/socket\.io\/ \{[^]*?\n\})\n```/.exec(text)!;
    const service = await startService({ env: { TRUST_PROXY: 'loopback' } });
    const nginx = await startNginx(location!.replace('http://127.0.0.1:8000', service.url));
    for (const transports of [['websocket'], ['polling']]) {
      const client = await LogSocket.connected(nginx.url, { transports });
      expect(await client.subscribe({ q: 'through-nginx' })).toMatchObject({ ok: true });
      await service.get('/operations?limit=1', { 'x-request-id': 'through-nginx' });
      await until(() => client.lines.length > 0, 'no line comes');
    }
  });
});

it('behind a proxy the path has a prefix, which it may take away', async () => {
  const service = await startService({ env: { PUBLIC_URL: `http://127.0.0.1:${await freePort()}/preparedata` } });
  for (const path of ['/socket.io', '/preparedata/socket.io']) {
    for (const transports of [['websocket'], ['polling']]) {
      expect(await LogSocket.to(service.url, { path, transports }).refusal()).toBeNull();
    }
  }
});
