import { once } from 'node:events';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import path from 'node:path';
import { describeWhere } from '../support/describe-where';
import { type Answer, send } from '../support/http-client';
import { type Nginx, nginxMissing, startNginx } from '../support/nginx';
import { metric, operationOf } from '../support/operations';
import { type RunningService, startService } from '../support/service';
import { temporaryFolder } from '../support/temporary-folder';
import { until } from '../support/until';

const CONTENT = '0123456789';
const ADDRESS = '/stage_data?method=direct_download&username=ana';

/** As docs/operating.md has it. */
const locations = (service: RunningService) => `
  location / {
    proxy_pass ${service.url};
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_read_timeout 1d;
    proxy_max_temp_file_size 0;
    client_max_body_size 64m;
  }
  location /storages/default/ {
    internal;
    alias ${service.storage}/;
    disable_symlinks on from=${service.storage};
    add_header X-Operation-Id $upstream_http_x_operation_id always;
    add_header X-Request-Id $upstream_http_x_request_id always;
    add_header X-Content-Type-Options $upstream_http_x_content_type_options always;
    add_header X-Frame-Options $upstream_http_x_frame_options always;
    add_header Content-Security-Policy $upstream_http_content_security_policy always;
    add_header Referrer-Policy $upstream_http_referrer_policy always;
    add_header Repr-Digest $upstream_http_repr_digest always;
    add_header Vary $upstream_http_vary always;
  }`;

describeWhere(nginxMissing(), 'downloads that nginx sends', () => {
  let service: RunningService;
  let nginx: Nginx;

  beforeAll(async () => {
    const env = { DOWNLOAD_ACCEL_PREFIX: '/storages', TRUST_PROXY: 'loopback', DOWNLOAD_SECRET: 'x'.repeat(32) };
    service = await startService({ env, files: { 'obs/42.fits': CONTENT, 'tree/one': '1', empty: '' } });
    nginx = await startNginx(locations(service));
  });

  const inStorage = (name: string) => path.join(service.storage, name);
  const ask = (address: string, headers = {}, method = 'GET') => send(nginx.url + address, { method, headers });
  const post = (name: string, headers = {}, more = {}) =>
    send(nginx.url + ADDRESS, { method: 'POST', headers, body: { local_path_on_storage: name, ...more } });
  const linkOf = async (name: string): Promise<string> =>
    (await post(name, { Accept: 'application/json' })).body.operation.download_url;

  const SAFE = {
    'content-type': 'application/octet-stream',
    'content-disposition': 'attachment; filename="42.fits"',
    'cache-control': 'private, no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': 'sandbox',
    'referrer-policy': 'no-referrer',
    'x-operation-id': expect.any(String),
    'accept-ranges': 'bytes',
  };

  it('come by a link, with all their headers', async () => {
    const answer = await ask(await linkOf('obs/42.fits'));
    expect({ status: answer.status, content: answer.body.toString() }).toEqual({ status: 200, content: CONTENT });
    expect(answer.headers).toMatchObject({ ...SAFE, 'content-length': '10' });
    expect(answer.headers).not.toHaveProperty('x-accel-redirect');
    const head = await ask(await linkOf('obs/42.fits'), {}, 'HEAD');
    expect(head.headers).toMatchObject({ ...SAFE, 'content-length': '10' });
  });

  it('come as the answer to a POST, whose operation ends when the file is handed over', async () => {
    const before = await metric(service, 'staging_downloads_total{result="handed_over"}');
    const checksum = { algorithm: 'md5', value: '781e5e245d69b566979b86e28d23f2c7' };
    const answer = await post('obs/42.fits', {}, { checksum });
    expect({ status: answer.status, content: answer.body.toString() }).toEqual({ status: 200, content: CONTENT });
    expect(answer.headers).toMatchObject({ ...SAFE, vary: expect.stringContaining('Accept') });
    expect(answer.headers['repr-digest']).toBe(`md5=:${Buffer.from(checksum.value, 'hex').toString('base64')}:`);
    const id = String(answer.headers['x-operation-id']);
    await until(async () => (await operationOf(service, id)).status === 'success', 'It does not end');
    expect(await operationOf(service, id)).toMatchObject({ bytes_done: 10, files_done: 1 });
    expect(await metric(service, 'staging_downloads_total{result="handed_over"}')).toBe(before + 1);
    expect(await metric(service, 'staging_bytes_total{method="direct_download"}')).toBe(0);
  });

  it('have the ranges and conditions of nginx', async () => {
    const link = await linkOf('obs/42.fits');
    const part = await ask(link, { Range: 'bytes=2-4' });
    expect({ status: part.status, content: part.body.toString() }).toEqual({ status: 206, content: '234' });
    expect({ 'accept-ranges': 'bytes', ...part.headers }).toMatchObject({ ...SAFE, 'content-range': 'bytes 2-4/10' });
    expect((await ask(link, { Range: 'bytes=10-' })).status).toBe(416);
    expect((await ask(link, { 'If-None-Match': part.headers.etag })).status).toBe(304);
    expect((await ask(link, { 'If-Range': part.headers.etag, Range: 'bytes=2-4' })).status).toBe(206);
    expect((await ask(link, { 'If-Range': '"x"', Range: 'bytes=2-4' })).status).toBe(200);
  });

  it.each([
    'with space',
    'Grüße',
    '50%41 %2F',
    'what?#now',
    'two\nlines',
    'a..b',
    '...',
    'quote"\\s',
    'semi;colon&amp',
    '🔭',
    '+plus',
    'x'.repeat(250),
  ])('are found by the name %j', async (name) => {
    writeFileSync(inStorage(name), name);
    const answer = await ask(await linkOf(name));
    expect({ status: answer.status, content: answer.body.toString() }).toEqual({ status: 200, content: name });
  });

  it('are found by a name that is not UTF-8', async () => {
    writeFileSync(Buffer.concat([Buffer.from(`${service.storage}/caf`), Buffer.from([0xff])]), CONTENT);
    const answer = await post('caf%FF', {}, { name_encoding: 'percent' });
    expect({ status: answer.status, content: answer.body.toString() }).toEqual({ status: 200, content: CONTENT });
  });

  it('come by their real path where a link inside the storage leads to them', async () => {
    symlinkSync('obs', inStorage('link'));
    const answer = await ask(await linkOf('link/42.fits'));
    expect({ status: answer.status, content: answer.body.toString() }).toEqual({ status: 200, content: CONTENT });
  });

  it.each([
    ['the file', 'file', 'file', 403],
    ['a directory on the way', '.', '.', 404],
  ])('are refused by nginx where a link takes the place of %s after our answer', async (what, name, target, status) => {
    const outside = temporaryFolder();
    writeFileSync(path.join(outside, 'file'), 'a secret');
    mkdirSync(inStorage(what));
    writeFileSync(inStorage(`${what}/file`), CONTENT);
    // What nginx would be told, asked of the service itself; then nginx is told it when the link is there.
    const { headers } = await service.stage({ local_path_on_storage: `${what}/file` }, { method: 'direct_download' });
    const address = String(headers['x-accel-redirect']);
    expect((await redirected(address)).body.toString()).toBe(CONTENT);
    swap(path.join(what, name), path.join(outside, target));
    const answer = await redirected(address);
    expect({ status: answer.status, leaked: answer.body.toString().includes('secret') }).toEqual({
      status,
      leaked: false,
    });
  });

  function swap(name: string, target: string): void {
    renameSync(inStorage(name), inStorage(`${name}.moved`));
    symlinkSync(target, inStorage(name));
  }

  /** What nginx answers when a backend tells it to send what lies at an internal address. */
  async function redirected(address: string): Promise<Answer> {
    const backend = createServer((_request, response) => {
      response.setHeader('X-Accel-Redirect', address).end();
    });
    await once(backend.listen(0, '127.0.0.1'), 'listening');
    const { port } = backend.address() as AddressInfo;
    const of = { url: `http://127.0.0.1:${port}`, storage: service.storage } as RunningService;
    const other = await startNginx(locations(of));
    try {
      return await send(`${other.url}/any`);
    } finally {
      backend.close();
    }
  }

  it('cannot be asked for from outside', async () => {
    for (const address of ['/storages/default/obs/42.fits', '/storages/default/', '//storages/default/obs/42.fits']) {
      const answer = await ask(address);
      expect({ address, status: answer.status }).toEqual({ address, status: 404 });
      expect(answer.body.toString()).not.toContain(CONTENT);
    }
  });

  it('are sent by the service itself where they are archives', async () => {
    const answer = await ask(await linkOf('tree'));
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/zip' } });
    expect(answer.body.subarray(0, 2).toString()).toBe('PK');
    expect((await ask(await linkOf('empty'))).headers['content-length']).toBe('0');
  });

  it('are not sent by nginx either when their link does not work', async () => {
    const answer = await ask(`/downloads/${'A'.repeat(72)}`);
    expect(answer).toMatchObject({ status: 403, body: { code: 'link_invalid' } });
  });
});
