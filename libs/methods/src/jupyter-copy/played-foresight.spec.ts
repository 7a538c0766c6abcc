import { utimesSync } from 'node:fs';
import { type ManifestRow } from '@app/files';
import { type TestSite } from '@app/files/testing';
import { type StagedOperation, type StagingOperation } from '@app/staging';
import { type JupyterCopyMethod } from './jupyter-copy.method';
import { PlayedScene } from './testing/played-scene';
import { type PlayedSite } from './testing/played-site';

describe('jupyter_copy before and after staging, with a site that is played', () => {
  const scene = new PlayedScene();
  let site: TestSite;
  let played: PlayedSite;
  let method: JupyterCopyMethod;
  beforeEach(async () => ({ site, played, method } = await scene.open()));
  afterEach(() => scene.close());

  const operation = scene.operation.bind(scene);
  const context = scene.context.bind(scene);
  const { signal } = new AbortController();

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
      method = scene.methodWith({ hubToken: undefined });
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
      return method.release(release, { signal, note: () => undefined, rows: parts, traceParent: null });
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
      method = scene.methodWith({ hubToken: undefined });
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
