import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import path from 'node:path';
import { cleanUpAfterEach, onCleanup } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import { bytesOf, makeSparseFile, makeTree, patchFile, writeFiles } from '../support/files';
import { type Answer } from '../support/http-client';
import { type Jupyterhub, jupyterhubMissing, startJupyterhub } from '../support/jupyterhub';
import { mariadbMissing, startMariadb } from '../support/mariadb';
import { mountingMissing, mountTmpfs } from '../support/mounts';
import { operations } from '../support/operations';
import { type RunningService, type ServiceEnvironment, startService } from '../support/service';
import { until } from '../support/until';

const MIB = 1024 ** 2;
/** Its upload takes some ten seconds. */
const LARGE = 400 * MIB;

const visible = (directory: string) => readdirSync(directory).filter((name) => !name.startsWith('.'));

describeWhere(jupyterhubMissing(), 'Faults of Jupyter', () => {
  cleanUpAfterEach();
  let hub: Jupyterhub;
  let service: RunningService;
  const home = (name: string, user = 'jane') => path.join(hub.home(user), name);

  const start = async (env: ServiceEnvironment = {}) => {
    const started = await startService({ env: { JUPYTERHUB_URL: hub.url, JUPYTERHUB_TOKEN: hub.token, ...env } });
    makeSparseFile(`${started.storage}/large`, LARGE);
    patchFile(`${started.storage}/large`, 0, 'not a hole');
    patchFile(`${started.storage}/large`, LARGE - 9, 'the end');
    writeFiles(started.storage, { small: 'small' });
    makeTree(`${started.storage}/tree`, { files: 1200, sizes: [10, 20_000] });
    return started;
  };
  const stage = (from: string, to: string, username = 'jane', by = service) => {
    return by.stage({ local_path_on_storage: from, relative_path: to }, { method: 'jupyter_copy', username });
  };
  /** Waits until some of what is staged below a directory has arrived. */
  const arriving = (directory: string, user = 'jane') => {
    const hasBegun = () => {
      if (!existsSync(home(directory, user))) return false;
      const [name] = visible(home(directory, user));
      if (name === undefined) return false;
      const stat = statSync(home(`${directory}/${name}`, user));
      return stat.isDirectory() ? existsSync(home(`${directory}/${name}/d003`, user)) : stat.size > 10 * MIB;
    };
    return until(hasBegun, 'Nothing arrives', 60);
  };
  const expectSame = (copy: string) => {
    const [now, original] = [readFileSync(copy), readFileSync(`${service.storage}/large`)];
    expect(now.equals(original)).toBe(true);
  };

  beforeAll(async () => {
    hub = await startJupyterhub({ users: ['jane', 'bob', 'mortal'], startSeconds: 20 });
    plantDeath(hub, 'mortal');
    service = await start();
    await stage('small', 'first');
  }, 60_000);

  it('of the server in the middle of a file and of a tree: it is started again, and the upload goes on', async () => {
    const file = stage('large', 'killed/file');
    await arriving('killed');
    await hub.killServer('jane');
    expect(await file).toMatchObject({ status: 200, body: { operation: { outcome: 'staged', warning: null } } });
    expectSame(home('killed/file'));

    const tree = stage('tree', 'killed too/tree');
    await arriving('killed too');
    await hub.killServer('jane');
    expect(await tree).toMatchObject({ status: 200, body: { operation: { files_done: 1200, warning: null } } });
    expect((await stage('tree', 'killed too/tree')).body).toMatchObject({ operation: { matches_source: true } });
  }, 90_000);

  it('of a server that dies with whatever it is sent: given up after some tries, with nothing left', async () => {
    const answer = await stage('small', 'new/file', 'mortal');
    expect(answer).toMatchObject({ status: 503, body: { code: 'jupyter_unavailable' } });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(visible(hub.home('mortal'))).toEqual([]);
  }, 90_000);

  it('of the start: refused, too slow, for nobody, with a wrong token', async () => {
    expect(await stage('small', 'x', 'fails')).toMatchObject({ status: 502, body: { code: 'jupyter_rejected' } });
    expect(await stage('small', 'x', 'nobody')).toMatchObject({
      status: 404,
      body: { code: 'jupyter_user_not_found' },
    });
    await service.restart({ JUPYTER_START_TIMEOUT_SECONDS: '5' });
    expect(await stage('small', 'x', 'hangs')).toMatchObject({ status: 504, body: { code: 'jupyter_timeout' } });
    await service.restart({ JUPYTERHUB_TOKEN: 'wrong' });
    expect(await stage('small', 'x')).toMatchObject({ status: 502, body: { code: 'jupyter_rejected' } });
    await service.restart({ JUPYTERHUB_TOKEN: hub.token, JUPYTER_START_TIMEOUT_SECONDS: undefined });
    expect(existsSync(home('x'))).toBe(false);
  }, 60_000);

  it('of the service, which is told to stop in the middle: nothing is left', async () => {
    for (const source of ['large', 'tree']) {
      const other = await start({ SHUTDOWN_GRACE_SECONDS: '0' });
      const attempt = stage(source, `stopped/deep/${source}`, 'jane', other).catch(() => undefined);
      await arriving('stopped/deep');
      expect(await other.stop()).toBe(0);
      await attempt;
      expect(existsSync(home('stopped'))).toBe(false);
      await expectNoTokens();
    }
  }, 90_000);

  /** What the service had made for its operations is taken back. */
  const expectNoTokens = async () => {
    const { body } = await hub.admin('GET', '/users/jane/tokens');
    const notes = (body as { api_tokens: { note: string }[] }).api_tokens.map(({ note }) => note);
    expect(notes).not.toContainEqual(expect.stringContaining('data staging'));
  };

  it('at one destination that two ask for at once, or that somebody takes in the middle', async () => {
    const both = await Promise.all([stage('tree', 'twice/tree'), stage('tree', 'twice/tree')]);
    const outcomes = both.map(({ body }) => (body as { operation: { outcome: string } }).operation.outcome);
    expect(outcomes.sort()).toEqual(['already_present', 'staged']);

    const late = stage('large', 'taken/file');
    await arriving('taken');
    writeFiles(hub.home('jane'), { 'taken/file': 'of jane' });
    expect(await late).toMatchObject({
      status: 200,
      body: { operation: { outcome: 'already_present', matches_source: false } },
    });
    expect(readFileSync(home('taken/file'), 'utf8')).toBe('of jane');
    expect(visible(home('taken'))).toEqual(['file']);
  }, 120_000);

  it('of a destination below a file, or where jane may not write', async () => {
    expect(await stage('small', 'first/below')).toMatchObject({ status: 409, body: { code: 'destination_conflict' } });
    mkdirSync(home('closed'), { mode: 0o555 });
    if (hub.account) chownSync(home('closed'), hub.account.uid, hub.account.gid);
    expect(await stage('small', 'closed/file')).toMatchObject({ status: 502, body: { code: 'jupyter_rejected' } });
    expect(visible(home('closed'))).toEqual([]);
  });

  it('is no reason to hold much memory', async () => {
    makeSparseFile(`${service.storage}/huge`, 1024 * MIB);
    await stage('small', 'warm');
    const resident = (what: string) => {
      const status = readFileSync(`/proc/${service.process.pid}/status`, 'utf8');
      return Number(new RegExp(`${what}:\\s+(\\d+)`).exec(status)![1]) * 1024;
    };
    const idle = resident('VmRSS');
    expect(await stage('huge', 'huge')).toMatchObject({ status: 200, body: { operation: { bytes_done: 1024 * MIB } } });
    // The most since the start, which may have been before.
    expect(resident('VmHWM') - idle).toBeLessThan(100 * MIB);
  }, 120_000);

  describeWhere(mariadbMissing(), 'in company of a database that goes away', () => {
    it('before publishing: nothing appears', async () => {
      const database = await startMariadb();
      const other = await start({ DATABASE_URL: database.url });
      const attempt = stage('large', 'unrecorded/file', 'jane', other);
      await arriving('unrecorded');
      await database.kill9();
      expect(await attempt).toMatchObject({ status: 503, body: { code: 'database_unavailable' } });
      expect(existsSync(home('unrecorded'))).toBe(false);
    }, 90_000);
  });

  it('of the hub, which goes away in the middle and comes back', async () => {
    const attempt = stage('large', 'gone/file');
    await arriving('gone');
    await hub.stop();
    expect(await attempt).toMatchObject({ status: 503, body: { code: 'jupyter_unavailable' } });
    expect(existsSync(home('gone/file'))).toBe(false);
    expect(await stage('small', 'gone/file')).toMatchObject({ status: 503, body: { code: 'jupyter_unavailable' } });
    await hub.restart();
    expect(await stage('small', 'gone/file')).toMatchObject({ status: 200 });
    expect(readFileSync(home('gone/file'), 'utf8')).toBe('small');
  }, 90_000);
});

describeWhere(jupyterhubMissing() ?? mountingMissing(), 'Staging to a home that is full', () => {
  cleanUpAfterEach();

  it('is told as such, before and in the middle, and leaves nothing', async () => {
    const small = mountTmpfs(24 * MIB);
    const hub = await startJupyterhub({ users: ['jane'], homeOf: { jane: small.path }, startSeconds: 20 });
    const service = await startService({ env: { JUPYTERHUB_URL: hub.url, JUPYTERHUB_TOKEN: hub.token } });
    writeFiles(service.storage, { large: bytesOf('large', 30 * MIB), fits: bytesOf('fits', 15 * MIB) });
    const stage = (from: string, username = 'jane') => {
      const body = { local_path_on_storage: from, relative_path: `in/${from}` };
      return service.stage(body, { method: 'jupyter_copy', username });
    };
    const noSpace = { status: 507, body: { code: 'insufficient_storage' } };
    expect(await stage('large')).toMatchObject(noSpace);
    expect(visible(small.path)).toEqual([]);
    expect(await stage('fits')).toMatchObject({ status: 200, body: { operation: { warning: null } } });
  }, 60_000);
});

describe('Paths that Jupyter cannot hold', () => {
  cleanUpAfterEach();

  it('are refused before the hub is asked for anything', async () => {
    const asked: string[] = [];
    const hub = createServer((request, response) => {
      asked.push(request.url!);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"version":"3.0.0"}');
    });
    await new Promise<void>((resolve) => hub.listen(0, '127.0.0.1', resolve));
    onCleanup(() => void hub.close());
    onCleanup(() => hub.closeAllConnections());
    const url = `http://127.0.0.1:${(hub.address() as AddressInfo).port}`;
    const service = await startService({ env: { JUPYTERHUB_URL: url, JUPYTERHUB_TOKEN: 'token' } });
    writeFiles(service.storage, {
      small: 'x',
      '.hidden': 'x',
      'tree/a/.hidden': 'x',
      'tricks/a%2fb': 'x',
      'new\nline': 'x',
    });
    const stage = (from: string, to: string, more = {}, headers = {}): Promise<Answer> => {
      const body = { local_path_on_storage: from, relative_path: to, ...more };
      return service.stage(body, { method: 'jupyter_copy', username: 'jane' }, headers);
    };
    const malformed = { status: 422, body: { code: 'validation_failed', errors: [{ field: 'relative_path' }] } };
    for (const to of ['..%2fx', 'a/..%2F..%2Fbob', 'a%5cb', '.ssh/authorized_keys', 'a/.b', 'tab\there', 'del\x7f']) {
      expect(await stage('small', to)).toMatchObject(malformed);
      expect(await stage('small', to, {}, { Prefer: 'respond-async' })).toMatchObject(malformed);
    }
    expect(await stage('small', 'caf%E9', { name_encoding: 'percent' })).toMatchObject(malformed);
    for (const from of ['.hidden', 'tricks/a%2fb', 'new\nline'])
      expect(await stage(from, 'in/')).toMatchObject(malformed);
    for (const to of ['../bob', '/etc/x', 'a/../../b']) {
      expect(await stage('small', to)).toMatchObject({ status: 400, body: { code: 'path_outside_user_area' } });
    }
    for (const [from, name] of [
      ['tree', 'a/.hidden'],
      ['tricks', 'a%2fb'],
    ] as const) {
      const body = { code: 'source_unsupported', detail: expect.stringContaining(name) };
      expect(await stage(from, 'in/tree')).toMatchObject({ status: 400, body });
    }
    expect(await operations(service, 'status=success')).toEqual([]);
    expect(asked.filter((address) => !/^\/hub\/api\/(user)?$/.test(address))).toEqual([]);
  });
});

/** A user's server that ends as soon as it is sent a file. */
function plantDeath(hub: Jupyterhub, user: string): void {
  const config = `
import os, tornado.web
original = tornado.web.RequestHandler.__init__
def dying(self, application, request, **kwargs):
    if request.method == "PUT" and b"base64" in request.body[:200]:
        os._exit(1)
    original(self, application, request, **kwargs)
tornado.web.RequestHandler.__init__ = dying
`;
  for (const name of ['jupyter_server_config.py', 'jupyter_notebook_config.py']) {
    writeFiles(hub.home(user), { [`.jupyter/${name}`]: config });
  }
  const { account } = hub;
  if (account) chownSync(path.join(hub.home(user), '.jupyter'), account.uid, account.gid);
}
