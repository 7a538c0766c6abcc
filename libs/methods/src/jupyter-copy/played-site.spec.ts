import { type PlaceProgress } from '@app/files';
import { type TestSite } from '@app/files/testing';
import { type StagingOperation } from '@app/staging';
import { WebSocketServer } from 'ws';
import { bytesOf, writeFiles } from '../../../../test/support/files';
import { until } from '../../../../test/support/until';
import { type JupyterCopyMethod } from './jupyter-copy.method';
import { type PlayedSite } from './testing/played-site';
import { PlayedScene } from './testing/played-scene';

const REASON = new Error('Cancelled by the test');
const STARTING = "The user's Jupyter server is starting.";

describe('jupyter_copy with a site that is played', () => {
  const scene = new PlayedScene();
  let site: TestSite;
  let played: PlayedSite;
  let method: JupyterCopyMethod;
  beforeEach(async () => ({ site, played, method } = await scene.open()));
  afterEach(() => scene.close());

  const operation = scene.operation.bind(scene);
  const context = scene.context.bind(scene);

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

  describe('passes the trace of its operation on', () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traceParent = `00-${traceId}-00f067aa0ba902b7-01`;
    const told = () => played.server.received.map(({ headers }) => headers.traceparent as string);

    it('with each call of the hub and of the server, each under a parent of its own', async () => {
      played.isRunning = false;
      played.hasKernel = true;
      await method.stage(operation('file', 'out'), context({ traceParent }));
      const form = new RegExp(`^00-${traceId}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`);
      for (const one of told()) expect(one).toMatch(form);
      expect(new Set(told()).size).toBe(told().length);
      const asked = played.server.received.map(({ method: verb, url }) => `${verb} ${url.split('?')[0]}`);
      expect(asked).toEqual(
        expect.arrayContaining([
          'GET /hub/api/users/jane',
          'POST /hub/api/users/jane/server',
          'POST /hub/api/users/jane/tokens',
          expect.stringMatching(/^PUT .user.jane.api.contents./),
          'GET /user/jane/api/kernels/k/channels',
        ]),
      );
    });

    it('when what it staged is released, and makes none up', async () => {
      await method.stage(operation('file', 'out'), context());
      expect(new Set(told())).toEqual(new Set([undefined]));
      played.server.received.length = 0;
      const staged = { operation: operation('file', 'out'), kind: 'file' as const, link: null, name: 'out' };
      const rows = async function* () {
        yield await Promise.resolve([]);
      };
      const signal = new AbortController().signal;
      await method.release(staged, { signal, note: () => undefined, rows, traceParent });
      expect(told().length).toBeGreaterThan(1);
      for (const one of told()) expect(one).toMatch(new RegExp(`^00-${traceId}-`));
    });
  });

  it('removes what an earlier attempt left, also when it finds the data there already', async () => {
    const again = operation('file', 'out');
    played.put(`staging-${again.id}.part`, 'hel');
    played.put('out', 'hello');
    await expect(method.stage(again, context())).resolves.toMatchObject({ outcome: 'already_present' });
    expect([...played.entries.keys()]).toEqual(['out']);
  });
});
