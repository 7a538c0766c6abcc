import { createHash } from 'node:crypto';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { cleanUpAfterEach } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import { bytesOf, contentOf, makeTree, snapshot, writeFiles } from '../support/files';
import { send } from '../support/http-client';
import { type Jupyterhub, jupyterhubMissing, startJupyterhub, startJupyterServer } from '../support/jupyterhub';
import { logOf, manifestOf } from '../support/operations';
import { type RunningService, type ServiceEnvironment, startService } from '../support/service';

const MIB = 1024 ** 2;
const OLD = new Date('2001-02-03T04:05:06Z');
const METHOD = { method: 'jupyter_copy', username: 'jane' };
const NAMES = [
  'with space',
  ' at both ends ',
  'Ümläut ß 😀',
  '50%',
  '%2e%2e',
  'a#b',
  'a?b=c&d',
  'back\\slash',
  'it\'s "quoted"',
  'notebook.ipynb',
  `${'long '.repeat(39)}name`,
];

const sha256 = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

/** Names in a directory that Jupyter shows. */
const visible = (directory: string) => readdirSync(directory).filter((name) => !name.startsWith('.'));

describeWhere(jupyterhubMissing(), 'Staging to a real JupyterHub', () => {
  cleanUpAfterEach();
  let hub: Jupyterhub;
  let service: RunningService;
  const home = (name: string) => path.join(hub.home('jane'), name);
  const source = (name: string) => path.join(service.storage, name);

  const start = async (env: ServiceEnvironment = {}) => {
    return startService({ env: { JUPYTERHUB_URL: hub.url, JUPYTERHUB_TOKEN: hub.token, ...env } });
  };
  const stage = (from: string, to: string, query: Record<string, string> = {}, headers = {}) => {
    return service.stage({ local_path_on_storage: from, relative_path: to }, { ...METHOD, ...query }, headers);
  };

  beforeAll(async () => {
    hub = await startJupyterhub({ namedServers: true, startSeconds: 20 });
    plantRecorder(hub, 'jane');
    service = await start();
    writeFiles(service.storage, { small: 'small', 'tree/inner/file': 'in a tree' });
  }, 60_000);

  it('brings a large file into a server that is down, verified and read-only, and finds it there again', async () => {
    writeFileSync(source('large.bin'), bytesOf('large', 300 * MIB));
    utimesSync(source('large.bin'), OLD, OLD);
    const answer = await stage('large.bin', 'data/new/');
    const sum = sha256(source('large.bin'));
    expect(answer).toMatchObject({
      status: 200,
      body: {
        message: 'Data staged for user jane with method jupyter_copy',
        operation: {
          outcome: 'staged',
          staged_path: 'data/new/large.bin',
          bytes_done: 300 * MIB,
          files_done: 1,
          warning: null,
          checksum: { algorithm: 'sha256', value: sum },
        },
      },
    });
    const { mode, mtimeMs, size } = statSync(home('data/new/large.bin'));
    expect({ mode: mode & 0o777, mtimeMs, size }).toEqual({ mode: 0o400, mtimeMs: OLD.getTime(), size: 300 * MIB });
    expect(sha256(home('data/new/large.bin'))).toBe(sum);
    expect(visible(home('data/new'))).toEqual(['large.bin']);
    expect(await overwrite('data/new/large.bin')).toBe(403);

    expect(await stage('large.bin', 'data/new/large.bin')).toMatchObject({
      status: 200,
      body: { operation: { outcome: 'already_present', matches_source: true } },
    });
    const { id } = (answer.body as { operation: { id: string } }).operation;
    expect(await manifestOf(service, id)).toMatchObject([{ path: 'large.bin', size: 300 * MIB, checksum: sum }]);
    expect((await logOf(service, id)).map(({ message }) => message as string)).toEqual(
      expect.arrayContaining(['The Jupyter server runs', 'Upload begins', 'Uploaded, verified by sha256 and sealed']),
    );
  }, 90_000);

  /** What the server answers to its own user who wants to write to a file. */
  const overwrite = async (name: string): Promise<number> => {
    const headers = { authorization: `token ${await hub.tokenOf('jane')}` };
    const body = { type: 'file', format: 'text', content: 'changed' };
    return (await send(`${hub.url}user/jane/api/contents/${name}`, { method: 'PUT', headers, body })).status;
  };

  it('brings a tree whole, with links, empty directories and times, sealed, and finds it there again', async () => {
    mkdirSync(source('set'));
    makeTree(source('set'), { files: 600, sizes: [0, 10, 5000, MIB], perDirectory: 100 });
    writeFiles(source('set'), { 'large.bin': bytesOf('in a tree', 20 * MIB), 'b/notebook.ipynb': 'no JSON' });
    mkdirSync(source('set/empty/deep'), { recursive: true });
    symlinkSync('../large.bin', source('set/b/link'));
    symlinkSync('d001', source('set/linked'));
    symlinkSync('nowhere', source('set/dangling'));
    for (const name of ['b/notebook.ipynb', 'b', 'empty', '']) utimesSync(source(`set/${name}`), OLD, OLD);

    const answer = await stage('set', 'trees/set');
    expect(answer).toMatchObject({
      status: 200,
      body: { operation: { outcome: 'staged', kind: 'directory', files_done: 605, warning: null } },
    });
    const [copy, original] = [snapshot(home('trees/set')), snapshot(source('set'))];
    expect(contentOf(copy)).toEqual(contentOf(original));
    const modes = { file: '0400', directory: '0500', link: '0777', other: '' };
    for (const { kind, mode } of Object.values(copy)) expect(mode).toBe(modes[kind]);
    for (const name of ['.', 'b', 'empty', 'b/notebook.ipynb', 'd000', 'd000/f000003']) {
      expect(copy[name]!.mtimeNs).toBe(original[name]!.mtimeNs);
    }
    expect(visible(home('trees'))).toEqual(['set']);
    const { id } = (answer.body as { operation: { id: string } }).operation;
    const rows = await manifestOf(service, id);
    expect(rows).toHaveLength(605);
    expect(rows.find((row: { path: string }) => row.path === 'large.bin')).toMatchObject({
      size: 20 * MIB,
      checksum: sha256(source('set/large.bin')),
    });

    const again = () => stage('set', 'trees/set');
    expect((await again()).body).toMatchObject({ operation: { outcome: 'already_present', matches_source: true } });
    writeFileSync(source('set/d003/f000301'), '9 letters!');
    expect((await again()).body).toMatchObject({ operation: { matches_source: false } });
  }, 90_000);

  it('tells when what is there has the size of the source, and other content', async () => {
    writeFiles(hub.home('jane'), {
      'differs/file': 'SMALL',
      'differs/more/inner/file': 'in a tree',
      'differs/more/x': '',
    });
    const present = async (from: string, to: string) => (await stage(from, to)).body as unknown;
    expect(await present('small', 'differs/file')).toMatchObject({ operation: { matches_source: false } });
    expect(await present('tree', 'differs/more')).toMatchObject({ operation: { matches_source: false } });
    expect(readFileSync(home('differs/file'), 'utf8')).toBe('SMALL');
  });

  it.each(NAMES)('keeps the name %j, of files and directories', async (name) => {
    writeFiles(service.storage, { [`named/${name}/${name}`]: name });
    const answer = await stage(`named/${name}`, `named ${name}/`);
    expect(answer).toMatchObject({ status: 200, body: { operation: { staged_path: `named ${name}/${name}` } } });
    expect(readFileSync(home(`named ${name}/${name}/${name}`), 'utf8')).toBe(name);
    await stage(`named/${name}/${name}`, `single/${name}`);
    expect(readFileSync(home(`single/${name}`), 'utf8')).toBe(name);
  });

  it('puts a tree in the place of an empty directory, never of one with something in it', async () => {
    for (const name of ['empty', 'hidden']) {
      mkdirSync(home(name));
      if (hub.account) chownSync(home(name), hub.account.uid, hub.account.gid);
    }
    writeFileSync(home('hidden/.keep'), '');
    expect((await stage('tree', 'empty')).body).toMatchObject({ operation: { outcome: 'staged' } });
    expect(existsSync(home('empty/inner/file'))).toBe(true);
    expect((await stage('tree', 'hidden')).body).toMatchObject({ code: 'destination_conflict' });
    expect(readdirSync(home('hidden'))).toEqual(['.keep']);
    expect(visible(hub.home('jane')).filter((name) => name.startsWith('staging-'))).toEqual([]);
  });

  it('uses a named server', async () => {
    const answer = await stage('small', 'at the lab', { server: 'lab 2' });
    expect(answer).toMatchObject({ status: 200, body: { operation: { outcome: 'staged', warning: null } } });
    const { body } = await hub.admin('GET', '/users/jane');
    expect(Object.keys((body as { servers: object }).servers)).toContain('lab 2');
  });

  it('warns where the server has no kernel, unless the site wants results read-only', async () => {
    const kernelless = { username: 'kernelless' };
    const answer = await stage('tree', 'in/tree', kernelless);
    expect(answer).toMatchObject({
      status: 200,
      body: { operation: { outcome: 'staged', warning: expect.stringContaining('no kernel') } },
    });
    expect(readFileSync(path.join(hub.home('kernelless'), 'in/tree/inner/file'), 'utf8')).toBe('in a tree');
    expect((await stage('tree', 'in/tree', kernelless)).body).toMatchObject({ operation: { matches_source: null } });
    writeFileSync(path.join(hub.home('kernelless'), 'in/tree/inner/more'), '');
    expect((await stage('tree', 'in/tree', kernelless)).body).toMatchObject({ operation: { matches_source: false } });

    mkdirSync(source('linked'));
    symlinkSync('nowhere', source('linked/link'));
    expect((await stage('linked', 'in/linked', kernelless)).body).toMatchObject({ code: 'source_unsupported' });
    await service.restart({ JUPYTER_REQUIRE_READ_ONLY: 'true' });
    expect(await stage('small', 'in/small', kernelless)).toMatchObject({
      status: 502,
      body: { code: 'jupyter_rejected' },
    });
    expect(visible(path.join(hub.home('kernelless'), 'in'))).toEqual(['tree']);
    await service.restart({ JUPYTER_REQUIRE_READ_ONLY: undefined });
  });

  describe('tokens', () => {
    it('of callers work for their own servers only, also at a site without one', async () => {
      const own = { 'X-JupyterHub-Token': await hub.tokenOf('bob') };
      await service.restart({ JUPYTERHUB_TOKEN: undefined });
      expect(await stage('small', 'own', { username: 'bob' }, own)).toMatchObject({ status: 200 });
      expect(readFileSync(path.join(hub.home('bob'), 'own'), 'utf8')).toBe('small');
      for (const [headers, words] of [
        [own, 'does not belong to jane'],
        [{ 'X-JupyterHub-Token': 'wrong' }, 'does not confirm'],
        [{ 'X-JupyterHub-Token': hub.token }, 'does not belong to jane'],
        [{}, 'X-JupyterHub-Token'],
      ] as const) {
        expect(await stage('small', 'other', {}, headers)).toMatchObject({
          status: 403,
          body: { code: 'forbidden', detail: expect.stringContaining(words) },
        });
      }
      expect(existsSync(home('other'))).toBe(false);
      await service.restart({ JUPYTERHUB_TOKEN: hub.token });
    });

    it('that reach a server open nothing of anybody else, and nothing afterwards', async () => {
      await stage('small', 'recorded');
      const seen = recordedTokens(hub, 'jane').filter((token) => token !== '');
      expect(seen.length).toBeGreaterThan(0);
      expect(seen).not.toContain(hub.token);
      await stage('small', 'of bob', { username: 'bob' });
      const callers = await hub.tokenOf('jane');
      for (const token of seen.filter((each) => each !== callers)) {
        const headers = { authorization: `token ${token}` };
        for (const address of ['user/bob/api/contents', 'hub/api/users/bob']) {
          expect([403, 404]).toContain((await send(hub.url + address, { headers })).status);
        }
      }
      const { body } = await hub.admin('GET', '/users/jane/tokens');
      const notes = (body as { api_tokens: { note: string }[] }).api_tokens.map(({ note }) => note);
      expect(notes).not.toContainEqual(expect.stringContaining('data staging'));
      const kernels = await send(`${hub.url}user/jane/api/kernels`, { headers: { authorization: `token ${callers}` } });
      expect(kernels).toMatchObject({ status: 200, body: [] });
    });

    it('are in no log, no database and no answer', async () => {
      const own = await hub.tokenOf('jane');
      const answer = await stage('small', 'of jane', {}, { 'X-JupyterHub-Token': own });
      const tokens = [...new Set([hub.token, own, ...recordedTokens(hub, 'jane')])].filter((token) => token !== '');
      expect(tokens.length).toBeGreaterThan(2);
      const database = readdirSync(service.dir).filter((name) => name.startsWith('staging.sqlite'));
      const texts = [
        JSON.stringify(answer),
        JSON.stringify(await service.get('/operations?limit=500')),
        JSON.stringify(await service.get('/config')),
        service.logText(),
        service.output,
        ...database.map((name) => readFileSync(path.join(service.dir, name), 'latin1')),
      ];
      for (const token of tokens) for (const text of texts) expect(text.includes(token)).toBe(false);
    });
  });

  it('is told in /health/ready: whether the hub answers, and takes the token', async () => {
    const told = async () => (await service.get('/health/ready')).body as unknown;
    const methods = (status: string, detail: unknown) => ({
      checks: { methods: expect.arrayContaining([{ name: 'jupyter_copy', status, detail }]) },
    });
    expect(await told()).toMatchObject(methods('up', null));
    await service.restart({ JUPYTERHUB_TOKEN: 'wrong' });
    expect(await told()).toMatchObject(methods('down', expect.stringContaining('JUPYTERHUB_TOKEN')));
    await service.restart({ JUPYTERHUB_TOKEN: hub.token });
  });
});

describeWhere(jupyterhubMissing(), 'Staging to a Jupyter Server without a hub', () => {
  cleanUpAfterEach();

  it('works the same way, with the token of the site or of the caller', async () => {
    const server = await startJupyterServer({ basePath: '/base/' });
    const env = { JUPYTER_SERVER_URL: server.url, JUPYTER_SERVER_TOKEN: server.token };
    const service = await startService({ env, files: { small: 'small', 'tree/file': 'in a tree' } });
    const stage = (from: string, to: string, query = {}, headers = {}) => {
      return service.stage({ local_path_on_storage: from, relative_path: to }, { ...METHOD, ...query }, headers);
    };
    expect((await stage('tree', 'in/tree')).body).toMatchObject({ operation: { outcome: 'staged', warning: null } });
    expect(statSync(path.join(server.home, 'in/tree/file')).mode & 0o777).toBe(0o400);
    expect((await stage('tree', 'in/tree')).body).toMatchObject({ operation: { matches_source: true } });
    expect(await stage('small', 'x', { server: 'lab' })).toMatchObject({ status: 422 });
    await service.restart({ JUPYTER_SERVER_TOKEN: undefined });
    expect(await stage('small', 'x')).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    const own = { 'X-JupyterHub-Token': server.token };
    expect(await stage('small', 'x', {}, own)).toMatchObject({ status: 200 });
    await server.stop();
    expect(await stage('small', 'y', {}, own)).toMatchObject({ status: 503, body: { code: 'jupyter_unavailable' } });
  }, 60_000);
});

/** Has a user's server write down every token that it is sent, as a user could. */
function plantRecorder(hub: Jupyterhub, user: string): void {
  const config = `
import json, tornado.web
original = tornado.web.RequestHandler.__init__
def recording(self, application, request, **kwargs):
    with open(${JSON.stringify(recordOf(hub, user))}, "a") as record:
        record.write(json.dumps([list(request.headers.get_all()), request.uri]) + "\\n")
    original(self, application, request, **kwargs)
tornado.web.RequestHandler.__init__ = recording
`;
  for (const name of ['jupyter_server_config.py', 'jupyter_notebook_config.py']) {
    writeFiles(hub.home(user), { [`.jupyter/${name}`]: config });
  }
  const { account } = hub;
  if (account) chownSync(path.join(hub.home(user), '.jupyter'), account.uid, account.gid);
}

const recordOf = (hub: Jupyterhub, user: string) => path.join(hub.home(user), '.seen');

function recordedTokens(hub: Jupyterhub, user: string): string[] {
  const text = readFileSync(recordOf(hub, user), 'utf8');
  return [...new Set([...text.matchAll(/(?:token|bearer) ([\w-]+)/gi)].map((match) => match[1]!))];
}
