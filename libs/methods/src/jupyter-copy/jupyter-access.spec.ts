import { type Agent } from 'undici';
import { createAgent } from './client/http';
import { scriptedServer, type ScriptedServer } from './client/testing/scripted-server';
import { JupyterAccess } from './jupyter-access';
import { type JupyterOptions } from './jupyter-copy.options';

const { signal } = new AbortController();
const OPTIONS = { startTimeoutMs: 1000, fileMode: 0o400, dirMode: 0o500, requireReadOnly: false };

let hub: ScriptedServer;
let agent: Agent;

beforeAll(async () => {
  hub = await scriptedServer();
  agent = createAgent();
});
afterAll(async () => {
  await agent.destroy();
  await hub.close();
});

/** Answers by path; anything else is 404. */
const answers = (replies: Record<string, [status: number, json: unknown]>) => {
  hub.received.length = 0;
  hub.answer = (request, response) => {
    const [status, json] = replies[request.url!] ?? [404, {}];
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
  };
};
const access = (options: Partial<JupyterOptions>) => new JupyterAccess({ ...OPTIONS, ...options }, agent);
const VISITOR = { username: 'jane', server: null, callerToken: null };
const USER = '/hub/api/user';

describe('the way to a server', () => {
  it.each([
    ['somebody else', 200, { kind: 'user', name: 'bob' }],
    ['a service of the same name', 200, { kind: 'service', name: 'jane' }],
    ['nobody', 403, { message: 'Forbidden' }],
  ])('is closed to the token of %s', async (_whose, status, json) => {
    answers({ [USER]: [status, json] });
    const visit = access({ hubUrl: hub.url, hubToken: 'site' }).serversFor({ ...VISITOR, callerToken: 'own' }, signal);
    await expect(visit).rejects.toMatchObject({ code: 'forbidden' });
    expect(hub.received.map(({ headers }) => headers.authorization)).toEqual(['token own']);
  });

  it('leads through the own token of the user, which is what the server is sent', async () => {
    answers({ [USER]: [200, { kind: 'user', name: 'jane' }] });
    const servers = await access({ hubUrl: hub.url }).serversFor({ ...VISITOR, callerToken: 'own' }, signal);
    const { token } = await servers.grant('jane', '', 60, signal);
    expect(token.authorization).toBe('token own');
    expect(hub.received).toHaveLength(1);
  });

  it.each([{ hubUrl: 'http://hub' }, { serverUrl: 'http://server' }])('needs a token (%j)', async (options) => {
    await expect(access(options).serversFor(VISITOR, signal)).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('X-JupyterHub-Token'),
    });
  });

  it('does not go to named servers where there is no hub', async () => {
    const visit = access({ serverUrl: 'http://server', serverToken: 'x' }).serversFor(
      { ...VISITOR, server: 'lab' },
      signal,
    );
    await expect(visit).rejects.toMatchObject({ code: 'validation_failed', errors: [{ field: 'server' }] });
  });
});

describe('the check', () => {
  const ROOT = '/hub/api/';
  const all = ['servers', 'read:servers', 'tokens', 'access:servers!group=staff'];

  it('is content with a hub that answers and gives the token what it needs', async () => {
    answers({ [ROOT]: [200, { version: '3' }], [USER]: [200, { kind: 'service', name: 's', scopes: all }] });
    await expect(access({ hubUrl: hub.url, hubToken: 'site' }).check(signal)).resolves.toBeUndefined();
  });

  it('tells the scopes that are missing', async () => {
    answers({ [ROOT]: [200, { version: '3' }], [USER]: [200, { kind: 'service', name: 's', scopes: ['servers'] }] });
    await expect(access({ hubUrl: hub.url, hubToken: 'site' }).check(signal)).rejects.toMatchObject({
      code: 'jupyter_rejected',
      message: expect.stringContaining('read:servers, tokens, access:servers'),
    });
  });

  it('shows nobody a token where the site has none', async () => {
    answers({ [ROOT]: [200, { version: '3' }] });
    await expect(access({ hubUrl: hub.url }).check(signal)).resolves.toBeUndefined();
    expect(hub.received.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    answers({ [ROOT]: [500, {}] });
    await expect(access({ hubUrl: hub.url }).check(signal)).rejects.toMatchObject({ code: 'jupyter_rejected' });
  });

  it('looks for a single server, and tells when nothing is there', async () => {
    answers({ '/api': [200, { version: '1' }] });
    await expect(access({ serverUrl: hub.url }).check(signal)).resolves.toBeUndefined();
    for (const options of [{ serverUrl: 'http://127.0.0.1:9/' }, { hubUrl: 'http://127.0.0.1:9/' }]) {
      await expect(access(options).check(signal)).rejects.toMatchObject({ code: 'jupyter_unavailable' });
    }
  });
});
