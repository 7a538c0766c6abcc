import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Agent } from 'undici';
import { ContentsClient } from '../../libs/methods/src/jupyter-copy/client/contents-client';
import { createAgent } from '../../libs/methods/src/jupyter-copy/client/http';
import { HubClient } from '../../libs/methods/src/jupyter-copy/client/hub-client';
import { findKernel, type Kernel, type StartKernelOptions } from '../../libs/methods/src/jupyter-copy/client/kernel';
import { ServerDown, ServerRefused } from '../../libs/methods/src/jupyter-copy/client/server-errors';
import { Token } from '../../libs/methods/src/jupyter-copy/client/token';
import { HubServers, SingleServer } from '../../libs/methods/src/jupyter-copy/client/user-server';
import { cleanUpAfterEach, onCleanup } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import {
  type Jupyterhub,
  jupyterhubMissing,
  type JupyterServer,
  startJupyterhub,
  startJupyterServer,
} from '../support/jupyterhub';
import { mountingMissing, mountTmpfs } from '../support/mounts';

const MIB = 1024 ** 2;
const PIECE = 9 * MIB;
const NAMES = [
  'with space',
  'Ümläut ß 😀',
  '50%',
  '%2e%2e%2fup',
  'a#b',
  'a?b=c&d',
  'back\\slash',
  'it\'s "quoted"',
  'x.ipynb',
];

const { signal } = new AbortController();

async function* cut(content: Buffer, size = 1_000_001): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += size) yield await Promise.resolve(content.subarray(at, at + size));
}

/** Uploads as the method does: 1 begins, the others append; resolves with the last size that the server told. */
async function upload(contents: ContentsClient, name: string, content: Buffer, size = PIECE): Promise<number> {
  let told = -1;
  let chunk = 0;
  for (let at = 0; at === 0 || at < content.length; at += size) {
    const part = content.subarray(at, at + size);
    chunk += 1;
    told = (await contents.putPiece(name, { chunk, pieces: cut(part), length: part.length }, signal)).size;
    expect(told).toBe(at + part.length);
  }
  return told;
}

/** Starts a kernel; null where the server has none. */
async function openKernel(options: StartKernelOptions): Promise<Kernel | null> {
  const kernel = await findKernel(options);
  return (await kernel?.open(options.signal)) ? kernel : null;
}

const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

describeWhere(jupyterhubMissing(), 'The clients with a real hub', () => {
  cleanUpAfterEach();

  let agent: Agent;
  let site: Jupyterhub;
  let hub: HubClient;
  let servers: HubServers;
  const hubAs = (token: string) => new HubClient({ url: site.url, token: new Token(token), agent });
  const ensure = (user: string, server = '', timeoutMs = 30_000) => servers.ensure(user, server, { timeoutMs, signal });

  const open = async (user: string, server = '') => {
    const { url } = await ensure(user, server);
    const { token } = await servers.grant(user, server, 900, signal);
    return { url, token, agent };
  };
  const contentsOf = async (user: string) => new ContentsClient(await open(user));
  const kernelOf = async (user: string, more = {}): Promise<Kernel | null> => {
    const kernel = await openKernel({ ...(await open(user)), signal, ...more });
    onCleanup(() => kernel?.close());
    return kernel;
  };

  beforeAll(async () => {
    agent = createAgent();
    onCleanup(() => agent.destroy());
    site = await startJupyterhub({ basePath: '/site/', namedServers: true, startSeconds: 12 });
    hub = hubAs(site.token);
    servers = new HubServers(hub, agent);
  }, 60_000);

  describe('the hub', () => {
    it('answers, takes the token and tells whose it is', async () => {
      const checked = await hub.check(signal);
      expect(checked).toMatchObject({ kind: 'service', name: 'staging', version: expect.stringMatching(/^\d/) });
      expect(checked.scopes).toEqual(expect.arrayContaining(['servers', 'tokens', 'access:servers', 'read:servers']));
      expect(await hubAs(await site.tokenOf('jane')).owner(signal)).toMatchObject({ kind: 'user', name: 'jane' });
    });

    it('refuses a wrong token and knows nobody by a wrong name', async () => {
      await expect(hubAs('wrong').check(signal)).rejects.toMatchObject({ code: 'jupyter_rejected' });
      await expect(hub.user('nobody', signal)).rejects.toMatchObject({ code: 'jupyter_user_not_found' });
      await expect(ensure('Jane')).rejects.toMatchObject({ code: 'jupyter_user_not_found' });
    });

    it('starts a server and tells how that goes until it is ready', async () => {
      await ensure('bob');
      await site.stopServer('bob');
      expect(await hub.serverState('bob', '', signal)).toEqual({ phase: 'down', url: null });
      const starting = hub.startServer('bob', '', signal);
      const frames = [];
      while (frames.length === 0) {
        for await (const frame of hub.progress('bob', '', signal)) frames.push(frame);
      }
      expect(frames.at(-1)).toMatchObject({ ready: true, failed: false, url: `${site.url}user/bob/` });
      expect(await starting).toBe('ready');
      expect(await hub.startServer('bob', '', signal)).toBe('refused');
      expect(await hub.serverState('bob', '', signal)).toEqual({ phase: 'running', url: `${site.url}user/bob/` });
    });

    it('makes a token that opens one server and nothing else, until it is taken back', async () => {
      const { url } = await ensure('jane');
      const { url: lab } = await ensure('jane', 'lab 2');
      const { url: bobs } = await ensure('bob');
      const { id, token } = await hub.mintToken('jane', '', 900, signal);
      const at = (address: string) => new ContentsClient({ url: address, token, agent }).stat('', signal);
      expect(await at(url)).toMatchObject({ type: 'directory' });
      await expect(at(bobs)).rejects.toMatchObject({ status: 403 });
      // What answers for another server of the same user differs by version: 403, or 503 from the proxy.
      await expect(at(lab)).rejects.toThrow(/^The user's Jupyter server/);
      const minted = new HubClient({ url: site.url, token, agent });
      await expect(minted.serverState('jane', '', signal)).rejects.toMatchObject({ code: 'jupyter_rejected' });
      await expect(minted.mintToken('jane', '', 60, signal)).rejects.toMatchObject({ code: 'jupyter_rejected' });

      const named = new ContentsClient(await open('jane', 'lab 2'));
      expect(await named.stat('', signal)).toMatchObject({ type: 'directory' });

      await hub.revokeToken('jane', id, signal);
      await hub.revokeToken('jane', id, signal);
      const { body } = await site.admin('GET', '/users/jane/tokens');
      expect((body as { api_tokens: { id: string }[] }).api_tokens.map((each) => each.id)).not.toContain(id);
    });
  });

  describe('a server that must run', () => {
    it('is started again after it was killed, although the hub still calls it running', async () => {
      await ensure('jane');
      await site.killServer('jane');
      expect(await hub.serverState('jane', '', signal)).toMatchObject({ phase: 'running' });
      const { url } = await ensure('jane');
      expect(await (await contentsOf('jane')).stat('', signal)).toMatchObject({ type: 'directory' });
      expect(url).toBe(`${site.url}user/jane/`);
    });

    it('is waited for by all who need it, also while it is being stopped', async () => {
      await ensure('jane');
      const stopping = site.stopServer('jane');
      const addresses = await Promise.all([ensure('jane'), ensure('jane'), ensure('jane')]);
      await stopping.catch(() => undefined);
      expect(new Set(addresses.map(({ url }) => url))).toEqual(new Set([`${site.url}user/jane/`]));
    });

    it('is told as refused when its program ends, and when it never listens', async () => {
      const notes: string[] = [];
      const options = { timeoutMs: 25_000, signal, note: (message: string) => void notes.push(message) };
      await Promise.all([
        expect(servers.ensure('fails', '', options)).rejects.toMatchObject({ code: 'jupyter_rejected' }),
        expect(servers.ensure('hangs', '', options)).rejects.toMatchObject({ code: 'jupyter_rejected' }),
      ]);
      expect(notes).toContainEqual(expect.stringContaining('was down'));
      expect(notes.join()).toContain('Spawn failed');
    });

    it('is told as too late, and the waiting ends with its signal', async () => {
      await expect(ensure('hangs', '', 1000)).rejects.toMatchObject({ code: 'jupyter_timeout' });
      const controller = new AbortController();
      const waiting = servers.ensure('hangs', '', { timeoutMs: 30_000, signal: controller.signal });
      const reason = new Error('Cancelled by the test');
      controller.abort(reason);
      await expect(waiting).rejects.toBe(reason);
    });
  });

  describe('contents', () => {
    it.each(NAMES)('takes the name %j as it is, in files and directories', async (name) => {
      const contents = await contentsOf('jane');
      await contents.makeDirectory(name, signal);
      await contents.makeDirectory(name, signal);
      const file = `${name}/${name}`;
      expect(await upload(contents, file, Buffer.from('content'))).toBe(7);
      expect(await contents.stat(file, signal)).toMatchObject({ name, size: 7 });
      expect(readFileSync(path.join(site.home('jane'), file), 'utf8')).toBe('content');
      expect((await contents.list(name, signal))!.map((entry) => entry.name)).toEqual([name]);
      expect(await contents.rename(file, `${name}/+${name}`, signal)).toBe('renamed');
      expect(await contents.stat(file, signal)).toBeNull();
      await contents.remove(`${name}/+${name}`, signal);
      await contents.remove(name, signal);
      expect(existsSync(path.join(site.home('jane'), name))).toBe(false);
    });

    it('brings 20 MB in three pieces, identical', async () => {
      const contents = await contentsOf('jane');
      const content = randomBytes(20_000_003);
      expect(await upload(contents, 'large.bin', content)).toBe(content.length);
      expect(sha256(readFileSync(path.join(site.home('jane'), 'large.bin')))).toBe(sha256(content));
      expect(await contents.stat('large.bin', signal)).toMatchObject({ type: 'file', size: content.length });
      await contents.remove('large.bin', signal);
    });

    it('holds a small part of what it sends', async () => {
      const contents = await contentsOf('jane');
      const piece = Buffer.alloc(64 * 1024, 'x');
      let most = 0;
      const source = async function* () {
        for (let sent = 0; sent < 120 * MIB; sent += piece.length) {
          yield await Promise.resolve(piece);
          const { external, heapUsed } = process.memoryUsage();
          most = Math.max(most, external + heapUsed);
        }
      };
      const { external, heapUsed } = process.memoryUsage();
      const sent = { chunk: 1, pieces: source(), length: 120 * MIB };
      const { size: told } = await contents.putPiece('flat.bin', sent, signal);
      expect(told).toBe(120 * MIB);
      expect(most - external - heapUsed).toBeLessThan(60 * MIB);
      await contents.remove('flat.bin', signal);
    }, 60_000);

    it('brings empty files and notebooks as plain files', async () => {
      const contents = await contentsOf('jane');
      expect(await upload(contents, 'empty', Buffer.alloc(0))).toBe(0);
      expect(await contents.stat('empty', signal)).toMatchObject({ type: 'file', size: 0 });
      expect(await upload(contents, 'broken.ipynb', Buffer.from('no JSON'))).toBe(7);
      expect(readFileSync(path.join(site.home('jane'), 'broken.ipynb'), 'utf8')).toBe('no JSON');
    });

    it('never renames over something', async () => {
      const contents = await contentsOf('jane');
      await upload(contents, 'new.txt', Buffer.from('new'));
      await upload(contents, 'old.txt', Buffer.from('old'));
      expect(await contents.rename('new.txt', 'old.txt', signal)).toBe('exists');
      expect(readFileSync(path.join(site.home('jane'), 'old.txt'), 'utf8')).toBe('old');
    });

    it('tells a no from a server that is gone', async () => {
      const contents = await contentsOf('jane');
      await expect(upload(contents, 'no such directory/file', Buffer.from('x'))).rejects.toBeInstanceOf(ServerRefused);
      await upload(contents, 'taken', Buffer.from('x'));
      await expect(contents.makeDirectory('taken', signal)).rejects.toBeInstanceOf(ServerRefused);
      await expect(contents.list('taken', signal)).rejects.toBeInstanceOf(ServerRefused);
      const closed = path.join(site.home('jane'), 'closed');
      mkdirSync(closed, { mode: 0o555 });
      await expect(upload(contents, 'closed/file', Buffer.from('x'))).rejects.toMatchObject({ status: 403 });
      chmodSync(closed, 0o755);

      await site.killServer('jane');
      for (const call of [
        () => contents.stat('taken', signal),
        () => upload(contents, 'taken', Buffer.from('x')),
        () => contents.rename('taken', 'other', signal),
      ]) {
        await expect(call()).rejects.toBeInstanceOf(ServerDown);
      }
      await ensure('jane');
      expect(await contents.stat('taken', signal)).toMatchObject({ size: 1 });
    });

    it('tells a server that is killed in the middle of an upload', async () => {
      const contents = await contentsOf('jane');
      const source = async function* () {
        yield Buffer.alloc(MIB);
        await site.killServer('jane');
        yield Buffer.alloc(8 * MIB);
      };
      const call = contents.putPiece('broken.bin', { chunk: 1, pieces: source(), length: 9 * MIB }, signal);
      await expect(call).rejects.toBeInstanceOf(ServerDown);
      const again = await contentsOf('jane');
      expect(await again.stat('broken.bin', signal)).toBeNull();
    });

    it('lists ten thousand files', async () => {
      const many = path.join(site.home('jane'), 'many');
      mkdirSync(many);
      for (let each = 0; each < 10_000; each += 1)
        writeFileSync(path.join(many, `a file with a longer name ${each}`), '');
      expect(await (await contentsOf('jane')).list('many', signal)).toHaveLength(10_000);
      rmSync(many, { recursive: true });
    });
  });

  describe('kernels', () => {
    const CHMOD = `
import os
os.chmod(data["path"], data["mode"])
info = os.stat(data["path"])
result = {"mode": info.st_mode & 0o7777, "size": info.st_size}
`;

    it('makes a file read-only, whatever its name', async () => {
      const name = `tricky '"\\ {x} \u2028 😀.txt`;
      const contents = await contentsOf('jane');
      await upload(contents, name, Buffer.from('content'));
      const kernel = (await kernelOf('jane'))!;
      expect(await kernel.run(CHMOD, { path: name, mode: 0o444 }, { signal })).toEqual({ mode: 0o444, size: 7 });
      expect(statSync(path.join(site.home('jane'), name)).mode & 0o777).toBe(0o444);
      await expect(upload(contents, name, Buffer.from('x'))).rejects.toMatchObject({ status: 403 });
      expect(await contents.stat(name, signal)).toMatchObject({ writable: false });
    });

    it('runs one program after the other, and goes on after one that failed', async () => {
      const kernel = (await kernelOf('jane'))!;
      expect(await kernel.run('result = data', ['a', 1, null, { b: true }], { signal })).toEqual([
        'a',
        1,
        null,
        { b: true },
      ]);
      const failing = kernel.run('raise ValueError("secret words")', null, { signal });
      await expect(failing).rejects.toMatchObject({
        code: 'jupyter_rejected',
        message: expect.stringMatching(/ValueError(?!.*secret)/),
      });
      await expect(kernel.run('result = object()', null, { signal })).rejects.toMatchObject({
        code: 'jupyter_rejected',
      });
      expect(await kernel.run('result = "x" * 500_000', null, { signal })).toBe('x'.repeat(500_000));
      expect(await kernel.run('print("much " * 1000); result = 2', null, { signal })).toBe(2);
    });

    it('waits for a long run as long as the server answers pings', async () => {
      const kernel = (await kernelOf('jane', { pingMs: 1000 }))!;
      expect(await kernel.run('import time; time.sleep(4); result = "done"', null, { signal })).toBe('done');
    });

    it('ends a run that takes too long, and leaves no kernel behind', async () => {
      const options = await open('jane');
      const kernel = (await openKernel({ ...options, signal }))!;
      const running = kernel.run('import time; time.sleep(600); result = 1', null, { signal, timeoutMs: 300 });
      await expect(running).rejects.toMatchObject({ code: 'jupyter_timeout' });
      await kernel.close();
      const other = (await openKernel({ ...options, signal }))!;
      const listing = `
import os, urllib.request
pids = [pid for pid in os.listdir("/proc") if pid.isdigit()]
lines = [open(f"/proc/{pid}/cmdline").read() for pid in pids if os.path.exists(f"/proc/{pid}/cmdline")]
result = len([line for line in lines if "ipykernel" in line and data in line])
`;
      expect(await other.run(listing, path.join(site.home('jane')), { signal })).toBe(1);
      await other.close();
    });

    it('tells a kernel that kills itself and a server that is killed', async () => {
      const kernel = (await kernelOf('jane'))!;
      const dying = kernel.run('import os; os.kill(os.getpid(), 9)', null, { signal });
      await expect(dying).rejects.toMatchObject({ code: 'jupyter_rejected', message: expect.stringContaining('died') });

      const other = (await kernelOf('jane'))!;
      const running = other.run('import time; time.sleep(600); result = 1', null, { signal });
      await Promise.all([expect(running).rejects.toBeInstanceOf(ServerDown), site.killServer('jane')]);
      await expect(openKernel({ ...(await downOptions()), signal })).rejects.toBeInstanceOf(ServerDown);
    });

    const downOptions = async () => ({
      url: `${site.url}user/jane/`,
      token: (await servers.grant('jane', '', 60, signal)).token,
      agent,
    });

    it('are not there at a site without any', async () => {
      expect(await kernelOf('kernelless')).toBeNull();
    });
  });

  it('tells a hub that goes away, and one that came back', async () => {
    const before = await contentsOf('jane');
    await site.stop();
    await expect(hub.check(signal)).rejects.toMatchObject({ code: 'jupyter_unavailable', retryAfterSeconds: 30 });
    await expect(ensure('jane')).rejects.toMatchObject({ code: 'jupyter_unavailable' });
    await expect(before.stat('', signal)).rejects.toBeInstanceOf(ServerDown);
    await site.restart();
    expect(await (await contentsOf('jane')).stat('', signal)).toMatchObject({ type: 'directory' });
    expect(await before.stat('', signal)).toMatchObject({ type: 'directory' });
  });
});

describeWhere(jupyterhubMissing() ?? mountingMissing(), 'The clients with a home that is full', () => {
  cleanUpAfterEach();

  it('tells that there is no space, and can remove what was begun', async () => {
    const agent = createAgent();
    onCleanup(() => agent.destroy());
    const small = mountTmpfs(24 * MIB);
    const site = await startJupyterhub({ users: ['jane'], homeOf: { jane: small.path } });
    const servers = new HubServers(new HubClient({ url: site.url, token: new Token(site.token), agent }), agent);
    const { url } = await servers.ensure('jane', '', { timeoutMs: 20_000, signal });
    const { token } = await servers.grant('jane', '', 900, signal);
    const contents = new ContentsClient({ url, token, agent });
    await expect(upload(contents, 'large', randomBytes(30 * MIB))).rejects.toMatchObject({
      code: 'insufficient_storage',
    });
    await contents.remove('large', signal);
    expect(existsSync(path.join(small.path, 'large'))).toBe(false);
    expect(await upload(contents, 'fits', randomBytes(12 * MIB))).toBe(12 * MIB);
  }, 60_000);
});

describeWhere(jupyterhubMissing(), 'The clients with one server and no hub', () => {
  cleanUpAfterEach();

  let agent: Agent;
  let server: JupyterServer;

  beforeAll(async () => {
    agent = createAgent();
    onCleanup(() => agent.destroy());
    server = await startJupyterServer({ basePath: '/alone/' });
  }, 40_000);

  it('work in the same way', async () => {
    const single = new SingleServer({ url: server.url.slice(0, -1), token: new Token(server.token), agent });
    const { url } = await single.ensure('jane', '', { timeoutMs: 5000, signal });
    const { token, revoke } = await single.grant();
    const contents = new ContentsClient({ url, token, agent });
    await upload(contents, 'a file', randomBytes(100_000), 30_000);
    const kernel = (await openKernel({ url, token, agent, signal }))!;
    expect(await kernel.run('import os; result = os.path.getsize(data)', 'a file', { signal })).toBe(100_000);
    await kernel.close();
    await contents.remove('a file', signal);
    expect(await contents.stat('a file', signal)).toBeNull();
    await revoke(signal);

    const wrong = new ContentsClient({ url, token: new Token('wrong'), agent });
    await expect(wrong.stat('', signal)).rejects.toMatchObject({ status: 403 });
    await server.stop();
    const ensuring = single.ensure('jane', '', { timeoutMs: 5000, signal });
    await expect(ensuring).rejects.toMatchObject({ code: 'jupyter_unavailable' });
    await server.restart();
    await single.ensure('jane', '', { timeoutMs: 5000, signal });
  });
});
