import { utimesSync } from 'node:fs';
import { createTestSite, type TestSite } from '@app/files/testing';
import { type ManifestRow, type PlaceProgress } from '@app/files';
import { type StagedOperation, type StagingContext, type StagingOperation } from '@app/staging';
import { contextOf } from '@app/staging/testing';
import { WebSocketServer } from 'ws';
import { bytesOf, writeFiles } from '../../../../test/support/files';
import { until } from '../../../../test/support/until';
import { JupyterCopyMethod } from './jupyter-copy.method';
import { type JupyterOptions } from './jupyter-copy.options';
import { PlayedSite } from './testing/played-site';

const OPTIONS = { startTimeoutMs: 20_000, fileMode: 0o400, dirMode: 0o500, requireReadOnly: false };
const REASON = new Error('Cancelled by the test');
const STARTING = "The user's Jupyter server is starting.";

describe('jupyter_copy with a site that is played', () => {
  let site: TestSite;
  let played: PlayedSite;
  let method: JupyterCopyMethod;

  const methodWith = (options: Partial<JupyterOptions> = {}) => {
    return new JupyterCopyMethod(site.reader, { hubUrl: played.server.url, hubToken: 'site', ...OPTIONS, ...options });
  };
  beforeEach(async () => {
    site = await createTestSite();
    played = await PlayedSite.open();
    method = methodWith();
    writeFiles(site.storage, { file: 'hello', 'tree/a/one': '1', 'tree/two': '22' });
  });
  afterEach(async () => {
    await played.server.close();
    await method.onApplicationShutdown();
    await site.close();
  });

  const operation = (source: string, destination: string, more: Partial<StagingOperation> = {}): StagingOperation => {
    const { operationId: id, ...rest } = site.request(source, destination);
    return { id, server: null, ...rest, ...more };
  };
  const context = (more: Partial<StagingContext> = {}) => contextOf(site, more);
  const { signal } = new AbortController();

  describe('tells', () => {
    it('how far it is, up to the end, and counts a chunk that is sent again once', async () => {
      const content = bytesOf('progress', 25 * 1024 ** 2);
      writeFiles(site.storage, { 'tree/large': content });
      let broken = 0;
      played.interrupt = (request, response) => {
        if (request.method !== 'PUT' || !request.url!.endsWith('large') || ++broken !== 2) return false;
        // Nothing of it is kept, and no answer comes.
        request.resume().on('end', () => response.destroy());
        return true;
      };
      const told: PlaceProgress[] = [];
      const onProgress = (progress: PlaceProgress) => void told.push(progress);
      const outcome = await method.stage(operation('tree', 'out'), context({ onProgress }));
      expect(broken).toBeGreaterThan(2);
      const totals = { filesTotal: 3, bytesTotal: content.length + 3 };
      expect(told[0]).toEqual({ ...totals, filesDone: 0, bytesDone: 0, currentPath: null });
      expect(told.at(-1)).toEqual({ ...totals, filesDone: outcome.files, bytesDone: outcome.bytes, currentPath: null });
      for (const [index, { filesDone, bytesDone }] of told.slice(1).entries()) {
        expect(filesDone).toBeGreaterThanOrEqual(told[index]!.filesDone);
        expect(bytesDone).toBeGreaterThanOrEqual(told[index]!.bytesDone);
      }
      for (const { currentPath } of told) expect([null, 'a/one', 'two', 'large']).toContain(currentPath);
    });

    it.each([true, false])('that the server starts, and that this is over (well: %s)', async (goesWell) => {
      played.isRunning = false;
      const reasons: (string | null)[] = [];
      const waitsFor = (reason: string | null) => void reasons.push(reason);
      played.interrupt = ({ method: verb, url }, response) => {
        if (verb !== 'POST' || !url!.endsWith('/server') || goesWell) return false;
        response.writeHead(500, { 'content-type': 'application/json' }).end('{}');
        return true;
      };
      const attempt = method.stage(operation('file', 'out'), context({ waitsFor }));
      if (goesWell) await expect(attempt).resolves.toMatchObject({ outcome: 'staged' });
      else await expect(attempt).rejects.toMatchObject({ code: 'jupyter_rejected' });
      expect(reasons).toEqual([STARTING, null]);
    });

    it('nothing of the kind where the server runs', async () => {
      const waitsFor = jest.fn();
      await method.stage(operation('file', 'out'), context({ waitsFor }));
      expect(waitsFor).not.toHaveBeenCalled();
    });

    it('that another operation is at the same place, to whoever waits for it', async () => {
      let goOn!: () => void;
      const beforePublish = () => new Promise<void>((resolve) => (goOn = resolve));
      const first = method.stage(operation('file', 'out'), context({ beforePublish }));
      await until(() => goOn !== undefined, 'The first does not come to its end');
      const reasons: (string | null)[] = [];
      const waitsFor = (reason: string | null) => void reasons.push(reason);
      const second = method.stage(operation('file', './out'), context({ waitsFor }));
      const controller = new AbortController();
      const given: (string | null)[] = [];
      const third = method.stage(
        operation('file', 'out'),
        context({ waitsFor: (reason) => void given.push(reason), signal: controller.signal }),
      );
      const sentence = 'Another operation brings data to the same place.';
      await until(() => reasons.length === 1 && given.length === 1, 'They are not told');
      controller.abort(REASON);
      await expect(third).rejects.toBe(REASON);
      expect(given).toEqual([sentence, null]);
      goOn();
      await first;
      await second;
      expect(reasons).toEqual([sentence, null]);
    });
  });

  describe('when it is cancelled', () => {
    /** Stages until the condition holds, cancels, and expects the end although nothing more is ever answered. */
    const cancelled = async (source: string, when: () => boolean, more: Partial<StagingOperation> = {}) => {
      const controller = new AbortController();
      const attempt = method.stage(operation(source, 'out', more), context({ signal: controller.signal }));
      attempt.catch(() => undefined);
      await until(when, 'It does not come so far');
      controller.abort(REASON);
      await expect(attempt).rejects.toBe(REASON);
    };
    /** Answers nothing any more once a request comes that fits. */
    const hangFrom = (method: string, url: RegExp, only = false) => {
      let hangs = false;
      played.interrupt = (request) => {
        const fits = request.method === method && url.test(request.url!);
        hangs ||= fits;
        return only ? fits : hangs;
      };
      return () => hangs;
    };

    it('ends during a start that takes long', async () => {
      played.isRunning = false;
      const begun = hangFrom('POST', /\/server$/, true);
      await cancelled('file', begun);
      expect([...played.tokens]).toEqual([]);
    });

    it('ends during a start that the hub tells of for ever', async () => {
      played.isRunning = false;
      let listens = false;
      played.interrupt = ({ url }, response) => {
        if (url!.endsWith('/progress')) {
          listens = true;
          response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: {"progress": 1}\n\n');
          return true;
        }
        if (!url!.endsWith('/server')) return false;
        response.writeHead(202, { 'content-type': 'application/json' }).end('{}');
        return true;
      };
      await cancelled('file', () => listens);
    });

    it('ends at a hub that hangs', () => cancelled('file', hangFrom('GET', /\/users\/jane$/)));

    it('ends during a chunk that is never answered, and removes what is there', async () => {
      await cancelled('file', hangFrom('PUT', /contents/, true));
      await method.onApplicationShutdown();
      expect([...played.entries.keys()]).toEqual([]);
      expect([...played.tokens]).toEqual([]);
    });

    it('ends during a chunk that is never read, though the server hangs altogether', async () => {
      writeFiles(site.storage, { large: bytesOf('large', 20 * 1024 ** 2) });
      const begun = hangFrom('PUT', /contents/);
      await cancelled('large', begun);
    });

    it.each(['its program', 'its handshake'])('ends with a kernel that hangs at %s', async (where) => {
      played.hasKernel = true;
      const sockets = new WebSocketServer({ noServer: true });
      let hangs = false;
      played.server.onUpgrade((request, socket, head) => {
        if (where === 'its handshake') return void (hangs = true);
        sockets.handleUpgrade(request, socket, head, (client) => client.on('message', () => (hangs = true)));
      });
      await cancelled('file', () => hangs);
      await until(() => played.changes.includes('DELETE /user/jane/api/kernels/k'), 'The kernel stays');
      for (const client of sockets.clients) client.terminate();
    });
  });

  it('removes what an earlier attempt left, also when it finds the data there already', async () => {
    const again = operation('file', 'out');
    played.put(`staging-${again.id}.part`, 'hel');
    played.put('out', 'hello');
    await expect(method.stage(again, context())).resolves.toMatchObject({ outcome: 'already_present' });
    expect([...played.entries.keys()]).toEqual(['out']);
  });

  describe('plans', () => {
    const plan = (source: string, destination: string, more: Partial<StagingOperation> = {}) => {
      return method.plan(operation(source, destination, more), signal);
    };
    /** Nothing was changed but for tokens that are gone again. */
    const expectNoTrace = () => {
      expect(played.changes.filter((change) => !/\/tokens/.test(change))).toEqual([]);
      expect([...played.tokens]).toEqual([]);
    };

    it.each([
      ['file', 'file', 1, 5],
      ['tree', 'directory', 2, 3],
    ])('an upload of a %s to a free place', async (source, kind, files, bytes) => {
      played.hasKernel = true;
      played.put('in', null);
      for (const stagedPath of ['in/out', 'new/deep/out']) {
        const told = { kind, files, bytes, storage: 'default', stagedPath, matchesSource: null };
        const expected = { ...told, action: 'upload', spaceNeeded: bytes, spaceFree: null };
        expect(await plan(source, stagedPath)).toEqual(expected);
      }
      expectNoTrace();
    });

    it('one to a server that does not run, which is not started', async () => {
      played.isRunning = false;
      expect(await plan('file', 'out')).toMatchObject({
        action: 'upload',
        bytes: 5,
        remark:
          "The user's Jupyter server is not running; it would be started, and the destination could not be looked at.",
      });
      expectNoTrace();
      expect(played.isRunning).toBe(false);
    });

    it('one to a server that goes away meanwhile, which is not started again', async () => {
      let looks = 0;
      played.interrupt = ({ url }, response) => {
        if (!url!.includes('/contents/') || ++looks > 1) return false;
        played.isRunning = false;
        response.destroy();
        return true;
      };
      expect(await plan('file', 'out')).toMatchObject({ remark: expect.stringContaining('is not running') });
      expectNoTrace();
    });

    it('nothing where it is there already, and whether that equals the source', async () => {
      await method.stage(operation('file', 'out'), context());
      played.server.received.length = 0;
      const present = { action: 'none', spaceNeeded: 0 };
      expect(await plan('file', 'out')).toMatchObject({ ...present, matchesSource: null });
      played.put('other', 'hello, but longer');
      expect(await plan('file', 'other')).toMatchObject({ ...present, matchesSource: false });
      const old = new Date('2001-02-03T04:05:06.789Z');
      utimesSync(`${site.storage}/file`, old, old);
      played.put('same', 'hello', old.toISOString());
      expect(await plan('file', 'same')).toMatchObject({ ...present, matchesSource: true });
      expectNoTrace();
    });

    it.each<[string, Partial<StagingOperation>, string]>([
      ['taken', { ifExists: 'fail' }, 'already_exists'],
      ['directory', {}, 'destination_conflict'],
      ['taken/below', {}, 'destination_conflict'],
      ['free', { username: 'nobody' }, 'jupyter_user_not_found'],
      ['free', { expected: { algorithm: 'md5', value: '0'.repeat(32) } }, 'checksum_mismatch'],
      ['../free', {}, 'path_outside_user_area'],
      ['.hidden', {}, 'validation_failed'],
    ])('a refusal of %s (%j): %s, as staging would', async (destination, more, code) => {
      played.put('taken', 'x');
      played.put('directory', null);
      await expect(plan('file', destination, more)).rejects.toMatchObject({ code });
      await expect(method.stage(operation('file', destination, more), context())).rejects.toMatchObject({ code });
      expect([...played.tokens]).toEqual([]);
    });

    it.each([429, 503])('a refusal that passes, from a hub that answers %d', async (status) => {
      played.interrupt = (_request, response) => {
        response.writeHead(status).end();
        return true;
      };
      const expected = { code: 'jupyter_unavailable', retryAfterSeconds: 30, retryable: true };
      await expect(plan('file', 'out')).rejects.toMatchObject(expected);
      await expect(method.stage(operation('file', 'out'), context())).rejects.toMatchObject(expected);
    });

    it('what it can where the site has no token to look with', async () => {
      method = methodWith({ hubToken: undefined });
      expect(await plan('file', 'out')).toMatchObject({
        action: 'upload',
        remark: expect.stringContaining('no token of its own'),
      });
      expect(played.server.received).toEqual([]);
    });
  });

  describe('releases where there is no kernel', () => {
    const staged = (of: StagingOperation, kind: StagedOperation['kind'], rows: ManifestRow[]) => {
      const release = { operation: of, kind, link: null, name: 'out' };
      const parts = async function* () {
        yield await Promise.resolve(rows);
      };
      return method.release(release, { signal, note: () => undefined, rows: parts });
    };
    const stage = async () => {
      const of = operation('file', 'in/out');
      const { manifest } = await method.stage(of, context());
      return { of, manifest };
    };
    const names = () => [...played.entries.keys()];

    it('a file as it was staged, once, and starts the server for it', async () => {
      const { of, manifest } = await stage();
      played.isRunning = false;
      expect(await staged(of, 'file', manifest)).toEqual({ released: true, files: 1, bytes: 5 });
      expect(names()).toEqual(['in']);
      expect(await staged(of, 'file', manifest)).toEqual({ released: true, files: 0, bytes: 0 });
      expect([...played.tokens]).toEqual([]);
    });

    it.each([
      ['content', 'hello!', undefined],
      ['time', 'hello', '2026-01-02T03:04:05.678999Z'],
    ])('not a file with another %s', async (_what, content, modified) => {
      const { of, manifest } = await stage();
      played.put('in/out', content, modified);
      const reason = 'in/out is not as it was staged.';
      expect(await staged(of, 'file', manifest)).toEqual({ released: false, reason });
      expect(names()).toEqual(['in', 'in/out']);
    });

    it.each(['release', 'released'])('a file that an earlier call left as .%s', async (end) => {
      const { of, manifest } = await stage();
      played.entries.delete('in/out');
      played.put(`in/staging-${of.id}.${end}`, 'hello');
      played.put('in/out', 'of jane');
      expect(await staged(of, 'file', manifest)).toMatchObject({ released: true });
      expect(names()).toEqual(['in', 'in/out']);
    });

    it('not one that was changed since an earlier call took it: it is put back, beside its place if need be', async () => {
      const { of, manifest } = await stage();
      played.put(`in/staging-${of.id}.release`, 'changed');
      expect(await staged(of, 'file', manifest)).toEqual({
        released: false,
        reason: 'in/out is not as it was staged. Its place was taken meanwhile, so that it lies at in/out.restored.',
      });
      expect(names().sort()).toEqual(['in', 'in/out', 'in/out.restored']);
    });

    it('goes on after a break of the connection in the middle', async () => {
      const { of, manifest } = await stage();
      let breaks = 2;
      played.interrupt = ({ method: verb }, response) => {
        if (!['PATCH', 'DELETE'].includes(verb!) || breaks === 0) return false;
        breaks -= 1;
        response.destroy();
        return true;
      };
      expect(await staged(of, 'file', manifest)).toMatchObject({ released: true });
      expect(names()).toEqual(['in']);
    });

    it('not a tree, and says why', async () => {
      const of = operation('tree', 'in/out');
      const rows: ManifestRow[] = [];
      const onManifest = async (part: ManifestRow[]) => void rows.push(...(await Promise.resolve(part)));
      await method.stage(of, context({ onManifest }));
      const before = names();
      expect(await staged(of, 'directory', rows)).toEqual({
        released: false,
        reason: expect.stringContaining('no Python kernel'),
      });
      expect(names()).toEqual(before);
    });

    it('nothing at a site without a token, nor when nobody knows what was staged', async () => {
      const { of, manifest } = await stage();
      expect(await staged(of, 'file', [])).toEqual({
        released: false,
        reason: expect.stringContaining('not recorded'),
      });
      method = methodWith({ hubToken: undefined });
      expect(await staged(of, 'file', manifest)).toEqual({
        released: false,
        reason: expect.stringContaining('no token of its own'),
      });
      expect(names()).toEqual(['in', 'in/out']);
    });

    it('tells a hub that is away, for another try', async () => {
      const { of, manifest } = await stage();
      played.interrupt = (_request, response) => {
        response.writeHead(503).end();
        return true;
      };
      await expect(staged(of, 'file', manifest)).rejects.toMatchObject({
        code: 'jupyter_unavailable',
        retryable: true,
      });
    });
  });
});
