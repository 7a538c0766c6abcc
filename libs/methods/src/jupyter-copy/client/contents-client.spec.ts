import { inspect } from 'node:util';
import { Agent } from 'undici';
import { WrongLength } from './base64-body';
import { ContentsClient } from './contents-client';
import { ServerDown, ServerRefused } from './server-errors';
import { always, endless, scriptedServer, type ScriptedServer } from './testing/scripted-server';
import { Token } from './token';

const SECRET = 'user-secret';
const { signal } = new AbortController();

async function* pieces(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield await Promise.resolve(Buffer.from(text));
}

describe('ContentsClient', () => {
  let server: ScriptedServer;
  let agent: Agent;
  let contents: ContentsClient;
  const put = (source: AsyncIterable<Buffer>, length: number) =>
    contents.putPiece('a', { chunk: 1, pieces: source, length }, signal);

  beforeEach(async () => {
    server = await scriptedServer();
    agent = new Agent({ headersTimeout: 200, bodyTimeout: 200 });
    contents = new ContentsClient({ url: `${server.url}user/jane/`, token: new Token(SECRET), agent });
  });

  afterEach(async () => {
    await agent.destroy();
    await server.close();
  });

  it.each([
    [302, ''],
    [405, '<html>'],
    [424, '<html>'],
    [502, 'Bad gateway'],
    [503, '<html>'],
    [504, '<html>'],
  ])('takes status %d with %j for a server that is down', async (status, body) => {
    server.answer = always(status, body, { location: '/hub/login' });
    await expect(contents.stat('a', signal)).rejects.toBeInstanceOf(ServerDown);
    await expect(put(pieces('abc'), 3)).rejects.toBeInstanceOf(ServerDown);
    expect(server.received.map(({ url }) => url)).toEqual([
      '/user/jane/api/contents/a?content=0',
      '/user/jane/api/contents/a',
    ]);
  });

  it('takes a refused and a broken connection for a server that is down', async () => {
    server.answer = (request) => void request.socket.destroy();
    await expect(contents.stat('a', signal)).rejects.toBeInstanceOf(ServerDown);
    await server.close();
    const error: unknown = await contents.stat('a', signal).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ServerDown);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(SECRET);
  });

  it.each([
    [403, { message: "'_xsrf' argument missing" }, 'jupyter_rejected', 403],
    [500, { message: 'Unexpected error' }, 'jupyter_rejected', 500],
    [503, { message: 'Busy' }, 'jupyter_unavailable', 503],
    [429, '<html>', 'jupyter_unavailable', 429],
    [500, { message: '[Errno 28] No space left on device' }, 'insufficient_storage', 500],
    [404, '<html>', 'jupyter_rejected', 404],
    [200, '<html>', 'jupyter_rejected', 200],
    [200, { type: 'no such type' }, 'jupyter_rejected', 200],
  ])('takes status %d with %j for a no: %s', async (status, body, code, told) => {
    server.answer = always(status, body);
    const error: unknown = await contents.stat('a', signal).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ServerRefused);
    expect(error).toMatchObject({ code, status: told });
    expect(String(error)).not.toMatch(/_xsrf|Unexpected|Busy|Errno/);
  });

  it('says a time-out when nothing comes back, and gives up on a reply without end', async () => {
    server.answer = () => undefined;
    await expect(contents.stat('a', signal)).rejects.toMatchObject({ code: 'jupyter_timeout' });
    server.answer = endless({ 'content-type': 'application/json' });
    await expect(contents.stat('a', signal)).rejects.toBeInstanceOf(ServerRefused);
    await expect(contents.list('a', signal)).rejects.toBeInstanceOf(ServerRefused);
  });

  it('asks without content, and tells what is not there as null', async () => {
    server.answer = always(404, { message: 'No such file' });
    expect(await contents.stat('a b/%', signal)).toBeNull();
    expect(await contents.list('a', signal)).toBeNull();
    await contents.remove('a', signal);
    expect(server.received.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /user/jane/api/contents/a%20b/%25?content=0',
      'GET /user/jane/api/contents/a?type=directory',
      'DELETE /user/jane/api/contents/a',
    ]);
  });

  it('sends nothing for a path that is none', async () => {
    for (const path of ['..', 'a/../b', '/a', 'a\0']) {
      await expect(contents.stat(path, signal)).rejects.toThrow(RangeError);
      await expect(contents.rename('a', path, signal)).rejects.toThrow(RangeError);
    }
    expect(server.received).toEqual([]);
  });

  it('sends content with its exact length', async () => {
    let body = '';
    server.answer = (request, response) => {
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.once('end', () => always(201, { type: 'file', name: 'a', size: 5, writable: true })(request, response));
    };
    expect(await put(pieces('ab', 'cde'), 5)).toMatchObject({ size: 5 });
    expect(JSON.parse(body)).toEqual({ type: 'file', format: 'base64', chunk: 1, content: 'YWJjZGU=' });
    const { headers } = server.received[0]!;
    expect(headers).toMatchObject({ 'content-length': String(body.length), authorization: `token ${SECRET}` });
    expect(headers['transfer-encoding']).toBeUndefined();
  });

  it('tells a failure of the source as that failure, and breaks the request off', async () => {
    const failure = new Error('The source is gone');
    let wasBroken: Promise<void> | undefined;
    server.answer = (request) => {
      wasBroken = new Promise((resolve) => request.resume().once('close', resolve));
    };
    const failing = async function* () {
      yield await Promise.resolve(Buffer.alloc(300_000));
      throw failure;
    };
    await expect(put(failing(), 600_000)).rejects.toBe(failure);
    await wasBroken;
    await expect(put(pieces('ab'), 3)).rejects.toBeInstanceOf(WrongLength);
    await expect(put(pieces('abcd'), 3)).rejects.toBeInstanceOf(WrongLength);
  });

  it('ends an upload with the reason of its signal', async () => {
    const reason = new Error('Cancelled by the test');
    const controller = new AbortController();
    server.answer = () => controller.abort(reason);
    const call = contents.putPiece('a', { chunk: 1, pieces: pieces('abc'), length: 3 }, controller.signal);
    await expect(call).rejects.toBe(reason);
  });
});
