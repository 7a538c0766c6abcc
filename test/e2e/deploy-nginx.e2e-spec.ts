import { once } from 'node:events';
import { request } from 'node:http';
import path from 'node:path';
import WebSocket from 'ws';
import { describeWhere } from '../support/describe-where';
import { EventStream } from '../support/event-stream';
import { makeEndlessFile } from '../support/files';
import { send } from '../support/http-client';
import { LogSocket } from '../support/log-socket';
import { type Nginx, nginxMissing } from '../support/nginx';
import { type RunningService, startService } from '../support/service';
import { startShippedNginx } from '../support/shipped-nginx';
import { until } from '../support/until';

/** Real: the service, and nginx with the configuration that compose.yaml gives it. */
describeWhere(nginxMissing(), 'the nginx of compose.yaml', () => {
  let service: RunningService;
  let nginx: Nginx & { accessLog: () => string };

  beforeAll(async () => {
    const env = { DOWNLOAD_ACCEL_PREFIX: '/storages', TRUST_PROXY: '1', DOWNLOAD_SECRET: 'x'.repeat(32) };
    service = await startService({
      env,
      files: { 'obs/42 %41?.fits': '0123456789', 'big.bin': Buffer.alloc(2 ** 24, 7) },
    });
    nginx = await startShippedNginx(service);
  });

  const stage = (body: object, method: string, headers = {}) =>
    send(`${nginx.url}/stage_data?method=${method}&username=ana`, { method: 'POST', body, headers });

  it('sends a file itself, and only when the service says so', async () => {
    const answer = await stage({ local_path_on_storage: 'obs/42 %41?.fits' }, 'direct_download');
    expect({ status: answer.status, content: String(answer.body) }).toEqual({ status: 200, content: '0123456789' });
    expect(answer.headers).toMatchObject({ 'content-security-policy': 'sandbox', etag: expect.any(String) });
    expect(answer.headers).not.toHaveProperty('x-accel-redirect');
    expect((await send(`${nginx.url}/storages/default/obs/42%20%2541%3F.fits`)).status).toBe(404);
  });

  it('sends parts of a file by a link, which its log does not keep', async () => {
    const asked = await stage({ local_path_on_storage: 'big.bin' }, 'direct_download', { Accept: 'application/json' });
    const link: string = asked.body.operation.download_url;
    expect(link).toMatch(/^\/downloads\//);
    const part = await send(nginx.url + link, { headers: { Range: 'bytes=10-19' } });
    expect({ status: part.status, content: part.body }).toEqual({ status: 206, content: Buffer.alloc(10, 7) });
    expect((await send(`${nginx.url}/ping?jupyter_token=secret`)).status).toBe(200);
    expect((await send(`${nginx.url}/downloads/${'A'.repeat(72)}`)).status).toBe(403);
    expect(nginx.accessLog()).toMatch(/"GET \/ping HTTP\/1\.1" 200/);
    expect(nginx.accessLog()).not.toMatch(/downloads|AAAA|secret/);
  });

  it('passes an archive on as it is made', async () => {
    const answer = await stage({ local_path_on_storage: 'obs' }, 'direct_download');
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/zip' } });
  });

  it('passes the end of an operation on', async () => {
    const { headers } = await stage({ local_path_on_storage: 'big.bin', relative_path: 'big' }, 'local_copy', {
      Prefer: 'respond-async',
    });
    const id = String(headers.location).split('/').pop()!;
    const stream = await EventStream.open(`${nginx.url}/operations/${id}/events`);
    expect(stream.answer.headers).toMatchObject({ 'content-type': expect.stringContaining('text/event-stream') });
    await until(() => stream.events.at(-1)?.event === 'end', 'The stream has no end');
    expect(stream.events.at(-1)!.data.status).toBe('success');
    stream.close();
  });

  it('passes an event on before the stream ends', async () => {
    makeEndlessFile(path.join(service.storage, 'endless.bin'));
    const { headers } = await stage({ local_path_on_storage: 'endless.bin', relative_path: 'endless' }, 'local_copy', {
      Prefer: 'respond-async',
    });
    const id = String(headers.location).split('/').pop()!;
    const stream = await EventStream.open(`${nginx.url}/operations/${id}/events`);
    await until(() => stream.events.length > 0, 'No event comes');
    const seen = { first: stream.events[0]!.event, isOver: stream.isOver };
    stream.close();
    expect(seen).toEqual({ first: 'progress', isOver: false });
    await send(`${nginx.url}/operations/${id}/cancel`, { method: 'POST' });
  });

  it('lets the live log through, by WebSocket and by polling', async () => {
    for (const transports of [['websocket'], ['polling']]) {
      const client = await LogSocket.connected(nginx.url, { transports });
      await client.subscribe({ level: 'INFO' });
      await send(`${nginx.url}/no-such-${transports[0]}`);
      await until(() => client.messages().some((text) => text.includes(`no-such-${transports[0]}`)), 'No line comes');
    }
    const socket = new WebSocket(`${nginx.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    const [first] = (await once(socket, 'message')) as [Buffer];
    expect(first.toString()).toMatch(/^0\{"sid"/);
    socket.terminate();
  });

  it('passes a body of 30 MB on, without a copy of its own first', async () => {
    // Refused for its last item, so that all of it must have come; nothing of it is looked for.
    const name = `none${`/${'n'.repeat(250)}`.repeat(15)}`;
    const items = Array.from({ length: 8000 }, (_, index) => ({
      local_path_on_storage: name,
      relative_path: index === 7999 ? '' : `set/${index}`,
    }));
    const body = JSON.stringify({ items });
    expect(body.length).toBeGreaterThan(30e6);
    const planned = await send(`${nginx.url}/stage_data/plan?method=local_copy&username=ana`, { method: 'POST', body });
    expect(planned).toMatchObject({ status: 422, body: { errors: [{ field: 'items[7999].relative_path' }] } });
  });

  it('lets the service refuse what is too large, in its own words, before all of it has come', async () => {
    const answer = await new Promise<{ status: number; body: string }>((resolve, reject) => {
      const sent = request(`${nginx.url}/create-file`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': 60 * 2 ** 20 },
      });
      sent.on('error', reject).on('response', (answer) => {
        let body = '';
        answer.on('data', (part: Buffer) => (body += part.toString()));
        answer.on('end', () => {
          sent.destroy();
          resolve({ status: answer.statusCode!, body });
        });
      });
      sent.write('{"filename": "');
    });
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'payload_too_large' });
  });

  it('is trusted to tell who asks, and nobody else is', async () => {
    await send(`${nginx.url}/no-such-address-either`, { headers: { 'X-Forwarded-For': '203.0.113.9' } });
    await until(() => service.logText().includes('no-such-address-either'), 'No line comes');
    const line = service
      .logText()
      .split('\n')
      .find((text) => text.includes('no-such-address-either'));
    expect(line).not.toContain('203.0.113.9');
  });

  it('has nothing to complain about', () => {
    expect(nginx.errors().replace(/.*\[(warn|notice)\].*\n/g, '')).toBe('');
  });
});
