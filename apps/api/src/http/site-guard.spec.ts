import { type AddressInfo } from 'node:net';
import { request as send, type IncomingMessage, type OutgoingHttpHeaders, type Server } from 'node:http';
import { ExpressAdapter } from '@nestjs/platform-express';
import { type Express, type NextFunction, type Request, type Response } from 'express';
import { AppError, loadSettings } from '@app/core';
import { createApiServer, SERVER_LIMITS } from './api-server';
import { siteGuard, siteOptions, SiteRules } from './site-guard';

let server: Server;

/** A server of which every request passes the guard; what the guard refuses is answered by its code. */
async function site(environment: Record<string, string>): Promise<void> {
  const settings = loadSettings(environment);
  const app = new ExpressAdapter().getInstance<Express>();
  app.set('trust proxy', settings.get('TRUST_PROXY'));
  app.use(siteGuard(new SiteRules(siteOptions(settings))));
  app.use((_request: Request, response: Response) => response.end('passed'));
  app.use((error: AppError, _request: Request, response: Response, _next: NextFunction) => {
    response.status(403).end(error.code);
  });
  server = createApiServer(app, SERVER_LIMITS);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
}

function ask(headers: OutgoingHttpHeaders | string[], method = 'GET'): Promise<IncomingMessage> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    send({ port, host: '127.0.0.1', method, headers, agent: false, setHost: false }, (answer) => {
      answer.resume().once('end', () => resolve(answer));
    })
      .once('error', reject)
      .end();
  });
}

const statusFor = async (headers: OutgoingHttpHeaders | string[], method?: string) =>
  (await ask(headers, method)).statusCode;

afterEach(() => new Promise((resolve) => server.close(resolve)));

describe('Host', () => {
  it.each([
    ['localhost', 200],
    ['LocalHost:8000', 200],
    ['127.0.0.1:1', 200],
    ['127.200.3.4', 200],
    ['[::1]:8000', 200],
    ['evil.example', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['evil.example:8000', 403],
    ['localhost:8000:1', 403],
    ['localhost@evil.example', 403],
    ['localhost/', 403],
    ['[::1', 403],
    ['::1', 403],
    ['', 403],
    ['localhost evil.example', 403],
    ['http://localhost', 403],
  ])('%j at a site with defaults: %d', async (host, status) => {
    await site({});
    expect(await statusFor({ host })).toBe(status);
  });

  it('must be there, and once', async () => {
    await site({});
    expect(await statusFor({})).toBe(403);
    expect(await statusFor(['Host', 'localhost', 'Host', 'localhost'])).toBe(403);
  });

  it('may be the address that the service listens on, and its public name', async () => {
    await site({ HOST: '10.1.2.3', AUTH_NONE_ACKNOWLEDGED: 'true', PUBLIC_URL: 'https://Data.example/preparedata' });
    expect(await statusFor({ host: '10.1.2.3:8000' })).toBe(200);
    expect(await statusFor({ host: 'data.example' })).toBe(200);
    expect(await statusFor({ host: '10.1.2.4' })).toBe(403);
  });

  it('must be one of ALLOWED_HOSTS when the site lists them', async () => {
    await site({ ALLOWED_HOSTS: 'Data.example, [::1]:80' });
    expect(await statusFor({ host: 'data.example:443' })).toBe(200);
    expect(await statusFor({ host: '[::1]' })).toBe(200);
    expect(await statusFor({ host: 'localhost' })).toBe(403);
  });

  it('counts twice behind a trusted proxy, and only there', async () => {
    await site({ TRUST_PROXY: '1', PUBLIC_URL: 'https://data.example' });
    const forwarded = (name: string) => ({ host: 'localhost', 'x-forwarded-host': name });
    expect(await statusFor(forwarded('data.example'))).toBe(200);
    expect(await statusFor(forwarded('evil.example'))).toBe(403);
    const origin = 'https://data.example';
    expect(await statusFor({ ...forwarded('data.example'), 'x-forwarded-proto': 'https', origin })).toBe(200);
  });
});

describe('Origin', () => {
  it.each([
    ['http://localhost:8000', 200],
    ['http://LOCALHOST:8000', 200],
    ['https://localhost:8000', 403],
    ['http://localhost:8001', 403],
    ['http://localhost', 403],
    ['http://evil.example', 403],
    ['http://127.0.0.1:8000', 403],
    ['null', 403],
    ['', 403],
    ['file://', 403],
    ['http://localhost:8000/', 403],
    ['http://evil.example@localhost:8000', 403],
    ['http://localhost:8000, http://evil.example', 403],
  ])('%j at http://localhost:8000: %d, whatever the method', async (origin, status) => {
    await site({});
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE']) {
      expect([method, await statusFor({ host: 'localhost:8000', origin }, method)]).toEqual([method, status]);
    }
  });

  it('may leave out the usual port, as browsers do', async () => {
    await site({});
    expect(await statusFor({ host: 'localhost:80', origin: 'http://localhost' })).toBe(200);
  });

  it('may be that of the public address', async () => {
    await site({ PUBLIC_URL: 'https://data.example/preparedata' });
    expect(await statusFor({ host: '127.0.0.1:8000', origin: 'https://data.example' })).toBe(200);
    expect(await statusFor({ host: '127.0.0.1:8000', origin: 'http://data.example' })).toBe(403);
  });

  it('cannot be claimed to be forwarded where no proxy is trusted', async () => {
    await site({});
    const claimed = { host: 'localhost:8000', 'x-forwarded-host': 'evil.example', origin: 'http://evil.example' };
    expect(await statusFor(claimed)).toBe(403);
  });
});

describe('CORS_ORIGINS', () => {
  const friend = 'https://portal.example';
  const preflight = { host: 'localhost', 'access-control-request-method': 'POST' };

  it('may call the service, and are told so', async () => {
    await site({ CORS_ORIGINS: `${friend},https://other.example` });
    const answer = await ask({ host: 'localhost', origin: friend });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({ 'access-control-allow-origin': friend, vary: 'Origin' });
    expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
    const before = await ask({ ...preflight, origin: friend }, 'OPTIONS');
    expect(before.statusCode).toBe(204);
    expect(before.headers['access-control-allow-methods']).toContain('POST');
    expect(before.headers['access-control-allow-headers']).toContain('Content-Type');
    for (const name of ['Range', 'Prefer', 'X-JupyterHub-Token', 'traceparent']) {
      expect(before.headers['access-control-allow-headers']).toContain(name);
    }
    for (const name of ['Content-Disposition', 'ETag', 'Accept-Ranges', 'Content-Range', 'Repr-Digest']) {
      expect(answer.headers['access-control-expose-headers']).toContain(name);
    }
  });

  it.each(['https://evil.example', 'null', 'https://portal.example.evil.example'])(
    'are the only others: not %s',
    async (origin) => {
      await site({ CORS_ORIGINS: `${friend},null` });
      const answer = await ask({ ...preflight, origin }, 'OPTIONS');
      expect(answer.statusCode).toBe(403);
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    },
  );

  it('get nothing for requests of the site itself', async () => {
    await site({ CORS_ORIGINS: friend });
    const answer = await ask({ host: 'localhost', origin: 'http://localhost' });
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    expect(answer.headers.vary).toBe('Origin');
  });
});
