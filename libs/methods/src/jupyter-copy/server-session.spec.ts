import { type Agent } from 'undici';
import { createAgent } from './client/http';
import { ServerDown } from './client/server-errors';
import { always, scriptedServer, type ScriptedServer } from './client/testing/scripted-server';
import { Token } from './client/token';
import { type ServerSource } from './client/user-server';
import { ServerSession } from './server-session';

const { signal } = new AbortController();
const MINUTE = 60_000;

/** Tells what it was asked for; its tokens are numbered. */
class Servers implements ServerSource {
  starts = 0;
  readonly granted: number[] = [];
  readonly revoked: string[] = [];
  isGone = false;

  constructor(private readonly url: string) {}

  ensure(): Promise<{ url: string }> {
    this.starts += 1;
    return Promise.resolve({ url: this.url });
  }

  find = () => this.ensure();

  grant(_user: string, _server: string, seconds: number) {
    const name = `t${this.granted.push(seconds)}`;
    const revoke = async () => {
      if (this.isGone) await Promise.reject(new Error('the hub is gone'));
      this.revoked.push(name);
    };
    return Promise.resolve({ token: new Token(name), revoke });
  }
}

describe('a session with a server', () => {
  let server: ScriptedServer;
  let agent: Agent;
  let servers: Servers;
  let session: ServerSession;

  beforeAll(async () => {
    server = await scriptedServer();
    agent = createAgent();
  });
  afterAll(async () => {
    await agent.destroy();
    await server.close();
  });
  beforeEach(async () => {
    server.received.length = 0;
    server.answer = always(200, { name: '', type: 'directory' });
    servers = new Servers(server.url);
    const options = { user: 'jane', server: '', startTimeoutMs: 1000, agent, note: () => undefined };
    session = new ServerSession(servers, options);
    await session.start(signal);
  });
  afterEach(() => jest.restoreAllMocks());

  const look = () => session.attempt((contents) => contents.stat('', signal), signal);

  it('uses one token until half of its time is over, then another, and takes all back', async () => {
    const begin = performance.now();
    const clock = jest.spyOn(performance, 'now').mockReturnValue(begin);
    await look();
    clock.mockReturnValue(begin + 29 * MINUTE);
    await look();
    clock.mockReturnValue(begin + 31 * MINUTE);
    await look();
    expect(server.received.map(({ headers }) => headers.authorization)).toEqual(['token t1', 'token t1', 'token t2']);
    expect(servers.granted).toEqual([3600, 3600]);
    await session.close();
    expect(servers.revoked).toEqual(['t1', 't2']);
  });

  it('has the server started again three times, and again for whoever tidies up', async () => {
    let calls = 0;
    const dying = () => session.attempt(() => Promise.reject(new ServerDown(`call ${(calls += 1)}`)), signal);
    await expect(dying()).rejects.toMatchObject({ code: 'jupyter_unavailable', retryAfterSeconds: 30 });
    expect([calls, servers.starts]).toEqual([4, 4]);
    await expect(dying()).rejects.toMatchObject({ code: 'jupyter_unavailable' });
    expect(servers.starts).toBe(4);
    session.forgetRevivals();
    await expect(look()).resolves.toMatchObject({ type: 'directory' });
    await expect(dying()).rejects.toMatchObject({ code: 'jupyter_unavailable' });
    expect(servers.starts).toBe(7);
  });

  it('does not have a server started for somebody who has gone', async () => {
    const controller = new AbortController();
    const reason = new Error('cancelled');
    const dying = session.attempt(() => {
      controller.abort(reason);
      return Promise.reject(new ServerDown('down'));
    }, controller.signal);
    await expect(dying).rejects.toBe(reason);
    expect(servers.starts).toBe(1);
  });

  it('gives a kernel that has much to read a token for longer', async () => {
    server.answer = always(200, { kernelspecs: {} });
    expect(await session.hasKernel(signal, 36_000_000_000)).toBe(false);
    expect(servers.granted).toEqual([3600, 7200]);
    expect(await session.hasKernel(signal)).toBe(false);
    expect(server.received).toHaveLength(1);
  });

  describe('whose kernel dies as it starts', () => {
    const spec = { language: 'python' };
    const KERNEL: ScriptedServer['answer'] = (request, response) => {
      const kernels = { default: 'python3', kernelspecs: { python3: { spec } }, id: 'k', type: 'directory' };
      always(request.method === 'POST' ? 201 : 200, kernels)(request, response);
    };

    it('counts as without one, while the server answers otherwise', async () => {
      server.answer = KERNEL;
      expect(await session.hasKernel(signal)).toBe(false);
      expect(servers.starts).toBe(1);
      expect(server.received.map(({ method, url }) => `${method} ${url.split('?')[0]}`)).toEqual([
        'GET /api/kernelspecs',
        'POST /api/kernels',
        'GET /api/kernels/k/channels',
        'DELETE /api/kernels/k',
        'GET /api/contents/',
      ]);
    });

    it('is started again where it does not answer at all', async () => {
      server.answer = (request, response) => {
        if (!request.url!.startsWith('/api/contents')) return KERNEL(request, response);
        server.answer = always(200, { kernelspecs: {} });
        response.destroy();
      };
      expect(await session.hasKernel(signal)).toBe(false);
      expect(servers.starts).toBe(2);
    });
  });

  it('closes all the same when tokens cannot be taken back', async () => {
    await look();
    servers.isGone = true;
    await expect(session.close()).resolves.toBeUndefined();
  });
});
