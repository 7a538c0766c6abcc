import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { cleanUpAfterEach } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import { makeSparseFile, makeTree, patchFile, snapshot, writeFiles } from '../support/files';
import { send } from '../support/http-client';
import { type Jupyterhub, jupyterhubMissing, startJupyterhub } from '../support/jupyterhub';
import { operationOf } from '../support/operations';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

const MIB = 1024 ** 2;
/** Its upload takes some ten seconds. */
const LARGE = 400 * MIB;
const BACKGROUND = { Prefer: 'respond-async' };

/** Operations with a life of their own whose data goes to a real hub: watched, cancelled, killed, planned, released. */
describeWhere(jupyterhubMissing(), 'The life of operations at a real JupyterHub', () => {
  cleanUpAfterEach();
  let hub: Jupyterhub;
  let service: RunningService;
  const home = (name: string, user = 'jane') => path.join(hub.home(user), name);
  const visible = (directory: string) => readdirSync(directory).filter((name) => !name.startsWith('.'));

  const ask = (what: string, from: string, to: string, username = 'jane', headers = {}) => {
    const search = new URLSearchParams({ method: 'jupyter_copy', username });
    const body = { local_path_on_storage: from, relative_path: to };
    return service.post(`/${what}?${search.toString()}`, body, headers);
  };
  const idOf = ({ body }: { body: unknown }) => (body as { operation: { id: string } }).operation.id;
  const staged = async (from: string, to: string, username = 'jane'): Promise<string> => {
    const answer = await ask('stage_data', from, to, username);
    expect(answer).toMatchObject({ status: 200, body: { operation: { outcome: 'staged' } } });
    return idOf(answer);
  };
  const begun = async (from: string, to: string, username = 'jane'): Promise<string> => {
    const answer = await ask('stage_data', from, to, username, BACKGROUND);
    expect(answer).toMatchObject({ status: 202 });
    return idOf(answer);
  };
  const ended = async (id: string, seconds = 60) => {
    const hasEnded = async () => !['queued', 'running'].includes((await operationOf(service, id)).status as string);
    await until(hasEnded, `${id} does not end`, seconds);
    return operationOf(service, id);
  };
  const releasing = async (id: string) => {
    expect(await service.post(`/operations/${id}/release`)).toMatchObject({ status: 202 });
  };
  /** Releases, and returns what the operation says then. */
  const release = async (id: string) => {
    await releasing(id);
    const isOver = async () => {
      const { released_at: at, warning } = await operationOf(service, id);
      return at !== null || String(warning).startsWith('Not released');
    };
    await until(isOver, `${id} is not released`, 60);
    return operationOf(service, id);
  };
  /** What the service had made for its operations is taken back: tokens a moment after the end, and kernels. */
  const expectNoTrace = async () => {
    const isNew = (id: string) => !ofKilled.has(id);
    await until(async () => !(await tokens()).some(isNew), 'Tokens stay');
    await until(async () => !(await kernels()).some(isNew), 'Kernels stay');
  };
  /** Tokens and kernels of services that were killed: the tokens end by themselves. */
  const ofKilled = new Set<string>();
  const killService = async () => {
    await service.kill9();
    for (const id of [...(await tokens()), ...(await kernels())]) ofKilled.add(id);
  };
  const tokens = async () => {
    const { body } = await hub.admin('GET', '/users/jane/tokens');
    const all = (body as { api_tokens: { id: string; note: string }[] }).api_tokens;
    return all.filter(({ note }) => note.includes('data staging')).map(({ id }) => id);
  };
  const kernels = async () => {
    own ??= await hub.tokenOf('jane');
    const { body } = await send(`${hub.url}user/jane/api/kernels`, { headers: { authorization: `token ${own}` } });
    return (body as { id: string }[]).map(({ id }) => id);
  };
  let own: string | undefined;

  beforeAll(async () => {
    hub = await startJupyterhub({ users: ['jane', 'bob'], startSeconds: 60 });
    service = await startService({ env: { JUPYTERHUB_URL: hub.url, JUPYTERHUB_TOKEN: hub.token } });
    makeSparseFile(`${service.storage}/large`, LARGE);
    patchFile(`${service.storage}/large`, LARGE - 9, 'the end');
    writeFiles(service.storage, { small: 'small', 'set/inner/file': 'in a tree', 'set/other': '' });
    mkdirSync(`${service.storage}/set/empty`);
    symlinkSync('other', `${service.storage}/set/link`);
    mkdirSync(`${service.storage}/many`);
    makeTree(`${service.storage}/many`, { files: 3000, sizes: [1, 10] });
    await staged('small', 'first');
  }, 60_000);

  it('shows steady progress up to the end', async () => {
    const id = await begun('large', 'watched/file');
    const seen: { bytes_done: number; bytes_total: number | null }[] = [];
    let status = 'running';
    await until(
      async () => {
        const now = await operationOf(service, id);
        status = now.status as string;
        seen.push(now);
        return status === 'success';
      },
      'It does not end',
      60,
    );
    const done = seen.map(({ bytes_done }) => bytes_done ?? 0);
    expect(done).toEqual([...done].sort((one, other) => one - other));
    expect(new Set(done).size).toBeGreaterThan(5);
    expect(seen.at(-1)).toMatchObject({ bytes_done: LARGE, bytes_total: LARGE, files_done: 1 });
  }, 90_000);

  it('is cancelled in the middle of a file, of a tree, and of a start that takes long, with nothing left', async () => {
    for (const source of ['large', 'many']) {
      const id = await begun(source, 'cancelled/deep/out');
      const moves = async () =>
        Number((await operationOf(service, id))[source === 'many' ? 'files_done' : 'bytes_done']) > 9;
      await until(moves, 'Nothing is brought');
      expect(await service.post(`/operations/${id}/cancel`)).toMatchObject({ status: 202 });
      expect(await ended(id)).toMatchObject({ status: 'cancelled' });
      await until(() => !existsSync(home('cancelled')), 'Something is left');
      await expectNoTrace();
    }
    const id = await begun('small', 'out', 'hangs');
    const waits = async () => (await operationOf(service, id)).wait_reason === "The user's Jupyter server is starting.";
    await until(waits, 'It does not say what it waits for');
    await service.post(`/operations/${id}/cancel`);
    expect(await ended(id)).toMatchObject({ status: 'cancelled', wait_reason: null });
  }, 90_000);

  it('goes on after the service was killed in the middle, and leaves nothing beside the result', async () => {
    const id = await begun('large', 'killed/file');
    const part = home(`killed/staging-${id}.part`);
    await until(() => existsSync(part) && statSync(part).size > 20 * MIB, 'Nothing arrives');
    await killService();
    await service.restart();
    expect(await ended(id)).toMatchObject({ status: 'success', attempts: 2 });
    expect(visible(home('killed'))).toEqual(['file']);
    expect(readFileSync(home('killed/file')).equals(readFileSync(`${service.storage}/large`))).toBe(true);
  }, 120_000);

  it('is planned without a trace', async () => {
    const plan = async (from: string, to: string, username?: string) => {
      const { status, body } = await ask('stage_data/plan', from, to, username);
      expect(status).toBe(200);
      return (body as { items: unknown[] }).items[0];
    };
    await staged('small', 'planned/file');
    await staged('set', 'planned/set');
    const before = snapshot(hub.home('jane'));
    expect(await plan('set', 'planned/new')).toMatchObject({ action: 'upload', files_total: 3, remark: null });
    const present = { action: 'none', matches_source: true };
    expect(await plan('small', 'planned/file')).toMatchObject(present);
    // Whether links are the same is a kernel's to see.
    expect(await plan('set', 'planned/set')).toMatchObject({ action: 'none', matches_source: null });
    expect(await plan('set/inner', 'planned/set')).toMatchObject({ action: 'none', matches_source: false });
    const refused = (error_code: string) => ({ action: 'refused', error_code });
    expect(await plan('set', 'planned/file')).toMatchObject(refused('destination_conflict'));
    expect(await plan('small', 'x', 'nobody')).toMatchObject(refused('jupyter_user_not_found'));
    expect(snapshot(hub.home('jane'))).toEqual(before);
    await expectNoTrace();

    expect(await plan('small', 'x', 'bob')).toMatchObject({
      action: 'upload',
      bytes_total: 5,
      remark: expect.stringContaining('it would be started'),
    });
    expect((await hub.admin('GET', '/users/bob')).body).toMatchObject({ servers: {} });
  }, 60_000);

  describe('is released', () => {
    it('as it was staged: a file and a tree, also when the server is down, and can be staged again', async () => {
      for (const source of ['small', 'set']) {
        const id = await staged(source, 'undone/out');
        if (source === 'set') await hub.stopServer('jane');
        expect(await release(id)).toMatchObject({ status: 'success', warning: null });
        expect(visible(home('undone'))).toEqual([]);
        await staged(source, 'undone/out');
        expect(await service.post(`/operations/${id}/release`)).toMatchObject({ status: 409 });
        await release((await latest()).id);
      }
      await expectNoTrace();
    }, 120_000);

    const latest = async () => {
      const { body } = await service.get('/operations?status=success&limit=1');
      return (body as { items: { id: string }[] }).items[0]!;
    };

    it('only when nothing differs and nothing was added: else all of it stays as it was', async () => {
      const sealed = (name: string) => statSync(home(name)).mode & 0o777;
      const cases: [string, string, () => void, string][] = [
        ['small', 'kept/file', () => writeFileSync(home('kept/file'), 'SMALL'), 'file is not'],
        ['set', 'kept/changed', () => writeFileSync(home('kept/changed/inner/file'), 'IN A TREE'), 'inner/file is not'],
        ['set', 'kept/added', () => writeFileSync(home('kept/added/empty/mine'), ''), 'Something was added'],
        ['set', 'kept/made', () => mkdirSync(home('kept/made/inner/mine')), 'inner/mine was added'],
      ];
      for (const [source, to, change, reason] of cases) {
        const id = await staged(source, to);
        change();
        const before = snapshot(home(to));
        expect(await release(id)).toMatchObject({
          released_at: null,
          warning: expect.stringContaining(`Not released: ${reason}`),
        });
        expect(snapshot(home(to))).toEqual(before);
      }
      expect(sealed('kept/changed')).toBe(0o500);
      expect(visible(home('kept')).sort()).toEqual(['added', 'changed', 'file', 'made']);
      // What is there no more is released.
      const id = await staged('set', 'gone/set');
      rmSync(home('gone/set'), { recursive: true });
      expect(await release(id)).toMatchObject({ warning: null, released_at: expect.any(String) });
    }, 120_000);

    it.each(['release', 'released'])(
      'to the end, though the service is killed while it is called .%s',
      async (end) => {
        const id = await staged('many', `interrupted/${end}`);
        const between = home(`interrupted/staging-${id}.${end}`);
        await releasing(id);
        await until(() => existsSync(between) || !existsSync(home(`interrupted/${end}`)), 'It does not begin');
        await killService();
        await service.restart();
        await until(async () => (await operationOf(service, id)).released_at !== null, 'It is not released', 60);
        expect(visible(home('interrupted'))).toEqual([]);
      },
      120_000,
    );

    it('without a kernel: a file, but no tree', async () => {
      const file = await staged('small', 'in/file', 'kernelless');
      expect(await release(file)).toMatchObject({ warning: null });
      writeFiles(service.storage, { 'plain/file': 'x' });
      const tree = await staged('plain', 'in/tree', 'kernelless');
      expect(await release(tree)).toMatchObject({ warning: expect.stringContaining('no Python kernel') });
      expect(visible(home('in', 'kernelless'))).toEqual(['tree']);
    }, 60_000);
  });
});
