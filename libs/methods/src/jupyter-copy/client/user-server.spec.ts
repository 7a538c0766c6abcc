import { type ServerResponse } from 'node:http';
import { Agent } from 'undici';
import { HubClient } from './hub-client';
import { always, scriptedServer, type ScriptedServer } from './testing/scripted-server';
import { Token } from './token';
import { ensureServer, SingleServer } from './user-server';

const { signal } = new AbortController();
const RUNNING = { ready: true, pending: null, url: '/user/jane/' };

/** A hub and its user's server, told in steps: each kind of request gets its answers in turn, the last one for ever. */
interface Script {
  state: (object | null)[];
  probe?: number[];
  start?: number[];
  progress?: string[];
}

describe('ensureServer', () => {
  let site: ScriptedServer;
  let agent: Agent;

  beforeEach(async () => {
    site = await scriptedServer();
    agent = new Agent({ headersTimeout: 5000, bodyTimeout: 5000 });
  });

  afterEach(async () => {
    await agent.destroy();
    await site.close();
  });

  const next = <T>(answers: T[] | undefined): T => {
    if (!answers || answers.length === 0) throw new Error('The script has no answer for this request');
    return answers.length > 1 ? answers.shift()! : answers[0]!;
  };

  const play = (script: Script) => {
    site.answer = (request, response: ServerResponse) => {
      const { method, url } = request;
      if (url === '/user/jane/api') return always(next(script.probe), { version: '1' })(request, response);
      if (url!.endsWith('/progress')) {
        const events = { 'content-type': 'text/event-stream' };
        return always(200, next(script.progress), events)(request, response);
      }
      if (method === 'POST') return always(next(script.start), {})(request, response);
      const state = next(script.state);
      return always(200, { name: 'jane', servers: state ? { '': state } : {} })(request, response);
    };
  };
  const ensure = (server = '', timeoutMs = 10_000) => {
    const hub = new HubClient({ url: site.url, token: new Token('secret'), agent });
    return ensureServer(hub, agent, 'jane', server, { timeoutMs, signal });
  };
  const asked = () => site.received.map(({ method, url }) => `${method} ${url.replace('/hub/api/users/jane', '')}`);

  it('asks once where the server runs, and shows the token to the hub only', async () => {
    play({ state: [RUNNING], probe: [200] });
    expect(await ensure()).toEqual({ url: `${site.url}user/jane/` });
    expect(asked()).toEqual(['GET ', 'GET /user/jane/api']);
    expect(site.received[1]!.headers.authorization).toBeUndefined();
  });

  it('waits out a stop before it starts', async () => {
    play({ state: [{ ...RUNNING, pending: 'stop' }, null, RUNNING], start: [201], probe: [200] });
    await ensure();
    expect(asked()).toEqual(['GET ', 'GET ', 'POST /server', 'GET ', 'GET /user/jane/api']);
  });

  it.each([302, 404, 424, 503])('does not believe a hub whose server answers with %d', async (status) => {
    play({ state: [RUNNING], probe: [status, 200], start: [400] });
    site.answer = ((play) => (request, response) => {
      // A page instead of JSON, as a proxy answers.
      if (request.url === '/user/jane/api' && site.received.length === 2) return always(status, '')(request, response);
      play(request, response);
    })(site.answer);
    await ensure();
    expect(asked().slice(0, 4)).toEqual(['GET ', 'GET /user/jane/api', 'POST /server', 'GET ']);
  });

  it('listens to a start that was begun by somebody else, and asks again when the stream breaks off', async () => {
    const starting = { ready: false, pending: 'spawn', url: '/user/jane/' };
    play({
      state: [starting, starting, RUNNING],
      probe: [200],
      progress: ['data: {"progress":1}\n\n', 'data: {"ready":true}\n\n'],
    });
    await ensure();
    expect(asked()).toEqual([
      'GET ',
      'GET /server/progress',
      'GET ',
      'GET /server/progress',
      'GET ',
      'GET /user/jane/api',
    ]);
  });

  it('tells a failed start, and does not try another', async () => {
    play({ state: [null], start: [202], progress: ['data: {"failed":true,"message":"http://10.0.0.7"}\n\n'] });
    const error: unknown = await ensure().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'jupyter_rejected' });
    expect(String(error)).not.toContain('10.0.0.7');
    expect(asked()).toEqual(['GET ', 'POST /server', 'GET /server/progress']);
    play({ state: [null], start: [500] });
    await expect(ensure()).rejects.toMatchObject({ code: 'jupyter_rejected' });
  });

  it('gives up on a hub that does not take the start', async () => {
    play({ state: [null], start: [400] });
    await expect(ensure('lab')).rejects.toMatchObject({
      code: 'jupyter_rejected',
      message: expect.stringMatching(/"lab"/),
    });
  });

  it('waits no longer than told', async () => {
    play({ state: [{ ...RUNNING, pending: 'stop' }] });
    await expect(ensure('', 50)).rejects.toMatchObject({ code: 'jupyter_timeout' });
  });
});

describe('SingleServer', () => {
  it('tells what is no Jupyter server', async () => {
    const [site, agent] = [await scriptedServer(), new Agent()];
    const single = new SingleServer({ url: site.url, token: new Token('secret'), agent });
    site.answer = always(200, '<html>');
    const ensuring = single.ensure('jane', '', { timeoutMs: 5000, signal });
    await expect(ensuring).rejects.toMatchObject({ code: 'jupyter_unavailable' });
    site.answer = always(200, { version: '1' });
    expect(await single.ensure('jane', '', { timeoutMs: 5000, signal })).toEqual({ url: site.url });
    expect(site.received.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    await agent.destroy();
    await site.close();
  });
});
