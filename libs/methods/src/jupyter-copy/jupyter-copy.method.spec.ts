import { appendFileSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createTestSite, type TestSite } from '@app/files/testing';
import { type StagingContext } from '@app/staging';
import { contextOf, describeStagingMethod } from '@app/staging/testing';
import { cleanUpAfterEach } from '../../../../test/support/cleanups';
import { describeWhere } from '../../../../test/support/describe-where';
import { makeTree, writeFiles } from '../../../../test/support/files';
import { type Jupyterhub, jupyterhubMissing, startJupyterhub } from '../../../../test/support/jupyterhub';
import { JupyterCopyMethod } from './jupyter-copy.method';
import { type JupyterOptions } from './jupyter-copy.options';

const OPTIONS = { startTimeoutMs: 30_000, fileMode: 0o400, dirMode: 0o500, requireReadOnly: false };

describeWhere(jupyterhubMissing(), 'jupyter_copy with a real hub', () => {
  cleanUpAfterEach();
  let hub: Jupyterhub;

  beforeAll(async () => {
    hub = await startJupyterhub({ users: ['jane', 'bob', 'astray'] });
  }, 60_000);

  /** Names in a user's home that Jupyter shows. */
  const visible = (user: string) => readdirSync(hub.home(user)).filter((name) => !name.startsWith('.'));

  const methodOn = (site: TestSite, options: Partial<JupyterOptions> = {}) => {
    return new JupyterCopyMethod(site.reader, { hubUrl: hub.url, hubToken: hub.token, ...OPTIONS, ...options });
  };

  describeStagingMethod('jupyter_copy', {
    destination: 'remote',
    create: (site) => {
      for (const name of visible('jane')) rmSync(path.join(hub.home('jane'), name), { recursive: true });
      return methodOn(site);
    },
    landing: () => hub.home('jane'),
    tells: ['plan', 'release'],
    leftOvers: () => visible('jane').filter((name) => name.startsWith('staging-')),
  });

  describe('besides', () => {
    let site: TestSite;
    let method: JupyterCopyMethod;
    beforeEach(async () => {
      site = await createTestSite();
      method = methodOn(site);
    });
    afterEach(async () => {
      await method.onApplicationShutdown();
      await site.close();
    });

    const stage = (source: string, destination: string, username = 'jane', context: Partial<StagingContext> = {}) => {
      const { operationId: id, ...rest } = site.request(source, destination, { username });
      return method.stage({ id, server: null, ...rest }, contextOf(site, context));
    };
    const own = (user: string, name: string) => {
      if (hub.account) chownSync(path.join(hub.home(user), name), hub.account.uid, hub.account.gid);
    };

    it('lacks a setting where the site has no Jupyter', () => {
      expect(new JupyterCopyMethod(site.reader, OPTIONS).requires).toBe('JUPYTERHUB_URL or JUPYTER_SERVER_URL');
    });

    it.each(['Upload begins', 'Uploaded, verified by sha256 and sealed'])(
      'refuses a source that changes, also when it was read already (%s)',
      async (moment) => {
        writeFiles(site.storage, { file: 'before', 'tree/file': 'before' });
        for (const [source, file] of [
          ['file', 'file'],
          ['tree', 'tree/file'],
        ] as const) {
          const note: StagingContext['note'] = (message) => {
            if (message === moment) appendFileSync(path.join(site.storage, file), 'more');
          };
          const attempt = stage(source, 'changing/out', 'jane', { note });
          await expect(attempt).rejects.toMatchObject({ code: 'source_changed' });
        }
        expect(visible('jane')).not.toContain('changing');
      },
    );

    it('uploads once when two ask for one destination', async () => {
      writeFiles(site.storage, { file: 'content' });
      const notes: string[] = [];
      const note: StagingContext['note'] = (message) => void notes.push(message);
      await Promise.all([stage('file', 'wanted', 'jane', { note }), stage('file', './wanted', 'jane', { note })]);
      expect(notes.filter((message) => message === 'Upload begins')).toHaveLength(1);
    });

    it('refuses what arrived as something else, of the same size', async () => {
      // The server of this user changes a letter on the way to the disk.
      const config = `
import tornado.web
original = tornado.web.RequestHandler.__init__
def spoiling(self, application, request, **kwargs):
    request.body = request.body.replace(b"c3BvaWxlZA", b"c3BvaWxlZQ")
    original(self, application, request, **kwargs)
tornado.web.RequestHandler.__init__ = spoiling
`;
      const names = ['jupyter_server_config.py', 'jupyter_notebook_config.py'];
      writeFiles(hub.home('bob'), Object.fromEntries(names.map((name) => [`.jupyter/${name}`, config])));
      own('bob', '.jupyter');
      writeFiles(site.storage, { file: 'spoiled', 'tree/inner/file': 'spoiled', 'tree/other': 'other' });
      await expect(stage('file', 'out', 'bob')).rejects.toMatchObject({ code: 'checksum_mismatch' });
      await expect(stage('tree', 'out', 'bob')).rejects.toMatchObject({
        code: 'checksum_mismatch',
        message: expect.stringContaining('inner/file'),
      });
      expect(visible('bob')).toEqual([]);
    });

    it('removes what an earlier try of the same operation left', async () => {
      writeFiles(site.storage, { file: 'content' });
      const { operationId: id, ...rest } = site.request('file', 'again');
      for (const left of [`staging-${id}.part`, `staging-${id}.part/inner/file`]) {
        writeFiles(hub.home('jane'), { [left]: 'left' });
        for (const name of ['', '/inner']) {
          const directory = `staging-${id}.part${name}`;
          if (existsSync(path.join(hub.home('jane'), directory))) own('jane', directory);
        }
        const outcome = await method.stage({ id, server: null, ...rest }, contextOf(site));
        expect(outcome).toMatchObject({ outcome: 'staged' });
        expect(readFileSync(path.join(hub.home('jane'), 'again'), 'utf8')).toBe('content');
        rmSync(path.join(hub.home('jane'), 'again'));
      }
      expect(visible('jane').filter((name) => name.startsWith('staging-'))).toEqual([]);
    });

    it('leaves alone what it did not make, when it fails', async () => {
      writeFiles(site.storage, { file: 'x' });
      mkdirSync(path.join(hub.home('jane'), 'there'));
      own('jane', 'there');
      const reason = new Error('no');
      const beforePublish = async () => {
        writeFiles(hub.home('jane'), { 'there/made/by jane': 'mine' });
        await Promise.reject(reason);
      };
      await expect(stage('file', 'there/made/here/too', 'jane', { beforePublish })).rejects.toBe(reason);
      expect(readdirSync(path.join(hub.home('jane'), 'there'), { recursive: true }).sort()).toEqual([
        'made',
        'made/by jane',
      ]);
    });

    it('warns where the kernel sees other files than the server', async () => {
      writeFiles(hub.home('astray'), { '.ipython/profile_default/startup/00.py': 'import os; os.chdir("/")' });
      for (const name of ['', '/profile_default', '/profile_default/startup']) own('astray', `.ipython${name}`);
      makeTree(site.storage, { files: 3, sizes: [5] });
      await expect(stage('d000', 'out', 'astray')).resolves.toMatchObject({
        outcome: 'staged',
        warning: expect.stringContaining('no kernel'),
      });
      await expect(stage('d000', 'out', 'astray')).resolves.toMatchObject({ matchesSource: null });
    });
  });
});
