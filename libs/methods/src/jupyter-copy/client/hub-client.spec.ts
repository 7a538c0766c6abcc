import { type AppError } from '@app/core';
import { inspect } from 'node:util';
import { Agent } from 'undici';
import { HubClient } from './hub-client';
import { always, endless, scriptedServer, type ScriptedServer } from './testing/scripted-server';
import { Token } from './token';

const SECRET = 'service-secret';
const { signal } = new AbortController();

describe('HubClient', () => {
  let server: ScriptedServer;
  let elsewhere: ScriptedServer;
  let agent: Agent;
  const hub = (base = '') => new HubClient({ url: `${server.url}${base}`, token: new Token(SECRET), agent });
  const failure = (call: Promise<unknown>) =>
    call.then(
      () => {
        throw new Error('It did not fail');
      },
      (error: AppError) => error,
    );

  beforeEach(async () => {
    [server, elsewhere] = [await scriptedServer(), await scriptedServer()];
    agent = new Agent({ headersTimeout: 200, bodyTimeout: 200 });
  });

  afterEach(async () => {
    await agent.destroy();
    await Promise.all([server.close(), elsewhere.close()]);
  });

  const model = (url: string, more = {}) => ({
    name: 'jane',
    servers: { '': { pending: null, ready: true, url, ...more } },
  });

  it('sends its token below hub/api of its address only, also behind a path', async () => {
    server.answer = always(200, model('/jupyter/user/jane/'));
    await hub('jupyter').user('jane', signal);
    await hub('jupyter/').serverState('jane', '', signal);
    await hub().owner(signal);
    expect(server.received.map(({ url }) => url)).toEqual([
      '/jupyter/hub/api/users/jane',
      '/jupyter/hub/api/users/jane',
      '/hub/api/user',
    ]);
    expect(server.received.every(({ headers }) => headers.authorization === `token ${SECRET}`)).toBe(true);
  });

  it('follows no redirect', async () => {
    server.answer = always(302, '', { location: `${elsewhere.url}hub/api/users/jane` });
    const error = await failure(hub().user('jane', signal));
    expect(error).toMatchObject({ code: 'jupyter_rejected' });
    expect(server.received).toHaveLength(1);
    expect(elsewhere.received).toHaveLength(0);
  });

  it.each([
    'https://elsewhere.example/user/jane/',
    '//elsewhere.example/user/jane/',
    '/other/user/jane/',
    'http://[',
    '/jupyter/hub/x',
  ])('does not take %s as the address of a server', async (url) => {
    server.answer = always(200, model(url));
    expect(await failure(hub('jupyter/').serverState('jane', '', signal))).toMatchObject({ code: 'jupyter_rejected' });
    server.answer = always(200, `data: ${JSON.stringify({ ready: true, url })}\n\n`, {
      'content-type': 'text/event-stream',
    });
    const frames = hub('jupyter/').progress('jane', '', signal);
    expect(await failure(frames.next())).toMatchObject({ code: 'jupyter_rejected' });
  });

  it.each([
    [{}, 'running'],
    [{ pending: 'spawn', ready: false }, 'starting'],
    [{ pending: 'stop' }, 'stopping'],
    [{ ready: false, stopped: true }, 'down'],
  ])('reads %j as %s', async (more, phase) => {
    server.answer = always(200, model('/user/jane/', more));
    expect(await hub().serverState('jane', '', signal)).toMatchObject({ phase });
    expect(await hub().serverState('jane', 'lab', signal)).toEqual({ phase: 'down', url: null });
  });

  it.each([
    [404, { status: 404 }, 'jupyter_user_not_found'],
    [404, '<html>', 'jupyter_rejected'],
    [403, { status: 403 }, 'jupyter_rejected'],
    [401, '', 'jupyter_rejected'],
    [500, { message: SECRET }, 'jupyter_rejected'],
    [503, '<html>', 'jupyter_unavailable'],
    [429, { status: 429 }, 'jupyter_unavailable'],
    [200, '<html>', 'jupyter_rejected'],
    [200, { name: 'jane' }, 'jupyter_rejected'],
  ])('tells status %d with %j as %s', async (status, body, code) => {
    server.answer = always(status, body);
    const error = await failure(hub().user('jane', signal));
    expect(error).toMatchObject({ code });
    expect(inspect(error, { depth: 9 })).not.toContain(SECRET);
  });

  it('names nothing that the hub wrote, and encodes what it is asked for', async () => {
    server.answer = always(400, { message: 'Secret words' });
    expect((await failure(hub().mintToken('a b', '', 60, signal))).message).not.toContain('Secret');
    expect(await hub().startServer('jane', 'x/../y'.replaceAll('/', '%'), signal)).toBe('refused');
    server.answer = always(400, { message: 'jane is pending stop' });
    expect(await hub().startServer('jane', '', signal)).toBe('pending');
    expect(server.received.map(({ url }) => url)).toEqual([
      '/hub/api/users/a%20b/tokens',
      '/hub/api/users/jane/servers/x%25..%25y',
      '/hub/api/users/jane/server',
    ]);
    await expect(hub().user('..', signal)).rejects.toThrow(RangeError);
    await expect(hub().user('a/b', signal)).rejects.toThrow(RangeError);
  });

  it('reads no more than a megabyte', async () => {
    server.answer = endless({ 'content-type': 'application/json' });
    expect(await failure(hub().user('jane', signal))).toMatchObject({ code: 'jupyter_rejected' });
    server.answer = endless({ 'content-type': 'text/event-stream' });
    expect(await failure(hub().progress('jane', '', signal).next())).toMatchObject({ code: 'jupyter_rejected' });
  });

  it('tells silence as a time-out, before an answer and in the middle of one', async () => {
    server.answer = () => undefined;
    expect(await failure(hub().check(signal))).toMatchObject({ code: 'jupyter_timeout' });
    server.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"progress": 1}\n\ndata: {"ready"');
    };
    const frames = hub().progress('jane', '', signal);
    expect((await frames.next()).value).toMatchObject({ ready: false, failed: false });
    expect(await failure(frames.next())).toMatchObject({ code: 'jupyter_timeout' });
  });

  it('tells a hub that is gone, and one that breaks the connection, as unavailable for a while', async () => {
    server.answer = (request) => void request.socket.destroy();
    const expected = { code: 'jupyter_unavailable', retryAfterSeconds: 30 };
    expect(await failure(hub().check(signal))).toMatchObject(expected);
    await server.close();
    const error = await failure(hub().check(signal));
    expect(error).toMatchObject(expected);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(SECRET);
  });

  it('ends a stream at its last frame, and where nothing starts', async () => {
    const text = ['{"message":"one"}', '{"failed":true}', '{"message":"after"}'].map((each) => `data: ${each}\n\n`);
    server.answer = always(200, text.join(''), { 'content-type': 'text/event-stream' });
    const frames = [];
    for await (const frame of hub().progress('jane', '', signal)) frames.push(frame.failed);
    expect(frames).toEqual([false, true]);
    server.answer = always(404, { status: 404 });
    expect(await hub().progress('jane', '', signal).next()).toMatchObject({ done: true });
  });

  it.each(['before', 'while'])('ends with the reason of its signal that is given %s it asks', async (when) => {
    const reason = new Error('Cancelled by the test');
    const controller = new AbortController();
    server.answer = () => controller.abort(reason);
    if (when === 'before') controller.abort(reason);
    await expect(hub().user('jane', controller.signal)).rejects.toBe(reason);
    await expect(hub().progress('jane', '', controller.signal).next()).rejects.toBe(reason);
  });

  it('makes a token that prints itself nowhere and takes back one that is gone', async () => {
    server.answer = always(201, { id: 'a7', token: 'minted-secret' });
    const minted = await hub().mintToken('jane', 'lab', 60, signal);
    expect(minted.token.authorization).toBe('token minted-secret');
    expect(JSON.stringify(minted)).toBe('{"id":"a7","token":"[token]"}');
    server.answer = always(404, { status: 404 });
    await hub().revokeToken('jane', minted.id, signal);
    expect(server.received.at(-1)).toMatchObject({ method: 'DELETE', url: '/hub/api/users/jane/tokens/a7' });
  });
});
