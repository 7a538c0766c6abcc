import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket as TcpSocket } from 'node:net';
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { onCleanup } from '../support/cleanups';
import { type Answer, send } from '../support/http-client';
import { OpenIdProvider } from '../support/openid-provider';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

/** The log as it happens: for operators, filtered, each line once. */

type Line = Answer['body'];
type Options = Partial<ManagerOptions & SocketOptions>;

const open: Socket[] = [];
afterEach(() => open.splice(0).forEach((socket) => socket.close()));

/** A client, and what it was told so far. */
class Client {
  readonly lines: Line[] = [];
  readonly dropped: number[] = [];
  ends: { code: string; detail: string }[] = [];

  private constructor(readonly socket: Socket) {
    open.push(socket);
    socket.on('log', (line: Line) => this.lines.push(line));
    socket.on('dropped', ({ count }: { count: number }) => this.dropped.push(count));
    socket.on('end', (told: { code: string; detail: string }) => this.ends.push(told));
  }

  static to(url: string, options: Options = {}): Client {
    return new Client(
      io(`${url}/logs`, { forceNew: true, reconnection: false, transports: ['websocket'], ...options }),
    );
  }

  static async connected(url: string, options: Options = {}): Promise<Client> {
    const client = Client.to(url, options);
    const refused = await client.refusal();
    if (refused) throw new Error(`Refused: ${JSON.stringify(refused)}`);
    return client;
  }

  /** Why it was not let in; null when it was. */
  async refusal(): Promise<{ message: string; data?: { code: string; detail: string } } | null> {
    if (this.socket.connected) return null;
    return new Promise((resolve) => {
      this.socket.once('connect', () => resolve(null));
      this.socket.once('connect_error', (error: Error & { data?: { code: string; detail: string } }) =>
        resolve({ message: error.message, data: error.data }),
      );
    });
  }

  gone(): Promise<unknown> {
    return new Promise((resolve) => this.socket.once('disconnect', resolve));
  }

  async subscribe(wanted?: unknown): Promise<Answer['body']> {
    return this.socket.timeout(10_000).emitWithAck('subscribe', wanted);
  }

  messages(): string[] {
    return this.lines.map(({ message }) => message as string);
  }
}

describe('where nobody signs in', () => {
  let service: RunningService;
  beforeAll(async () => {
    service = await startService({
      files: { file: 'data' },
      env: { LOGGING_LEVEL: 'DEBUG', MAX_EVENT_STREAMS_PER_USER: '40' },
    });
  });
  const ping = (id: string) => service.get('/config', { 'x-request-id': id });
  const stage = (destination: string) => service.stage({ local_path_on_storage: 'file', relative_path: destination });

  it.each([['websocket'], ['polling']])('lines come as they happen, by %s', async (transport) => {
    const client = await Client.connected(service.url, { transports: [transport] });
    const { ok, items } = await client.subscribe({ level: 'INFO' });
    expect(ok).toBe(true);
    expect(items.at(0)).toMatchObject({
      level: expect.any(String),
      message: expect.any(String),
      time: expect.any(String),
    });
    const { body } = await stage(`live-${transport}`);
    const ofIt = () => client.lines.filter(({ operation_id: id }) => id === body.operation.id);
    await until(() => ofIt().some(({ message }) => message === 'POST /stage_data'), 'the lines do not come');
    const { items: told } = (await service.get(`/operations/${body.operation.id}/log`)).body;
    expect(ofIt()).toEqual(told.reverse().filter(({ level }: Line) => level !== 'DEBUG'));
  });

  it('only those of a level, or with a text, come; another subscription takes the place of the one before', async () => {
    const client = await Client.connected(service.url);
    await client.subscribe({ level: 'WARNING', backlog: 0 });
    await ping('unseen');
    await client.subscribe({ q: 'needle', backlog: 0 });
    await ping('hay');
    await ping('the-needle');
    await until(() => client.lines.length > 0, 'no line comes');
    expect(client.lines).toMatchObject([{ request_id: 'the-needle' }]);
    const { items } = await client.subscribe({ q: 'needle', level: 'info' });
    expect(items.map(({ request_id: id }: Line) => id as string)).toEqual(['the-needle']);
  });

  it('each line comes once, in order, while others keep coming', async () => {
    let isOver = false;
    let count = 0;
    const asking = (async () => {
      for (; !isOver; count += 1) await ping(`steady-${count}`);
    })();
    const seen = new Set<number>();
    for (let round = 0; round < 15; round += 1) {
      const client = await Client.connected(service.url);
      const { items } = await client.subscribe({ q: 'steady-', backlog: 1000 });
      const begun = count;
      await until(() => client.lines.length > 5, 'no lines come');
      const ids = [...items, ...client.lines].map(({ request_id: id }: Line) => Number((id as string).slice(7)));
      expect(ids).toEqual(Array.from({ length: ids.length }, (_none, index) => ids[0]! + index));
      expect(ids.at(-1)).toBeGreaterThanOrEqual(begun);
      for (const id of ids) seen.add(id);
      client.socket.close();
    }
    isOver = true;
    await asking;
    expect(seen.size).toBeGreaterThan(20);
  });

  it.each([
    ['another level', { level: 'LOUD' }, 'level'],
    ['a text that is none', { q: 5 }, 'q'],
    ['too long a text', { q: 'x'.repeat(1001) }, 'q'],
    ['too much of before', { backlog: 1001 }, 'backlog'],
    ['a part of a line', { backlog: 1.5 }, 'backlog'],
    ['an unknown field', { more: 1 }, 'more'],
    ['a list', [], 'body'],
    ['a word', 'INFO', 'body'],
  ])('%s is refused', async (_what, wanted, field) => {
    const client = await Client.connected(service.url);
    expect(await client.subscribe(wanted)).toMatchObject({ ok: false, code: 'validation_failed', errors: [{ field }] });
    expect(await client.subscribe(undefined)).toMatchObject({ ok: true });
  });

  it('what is not asked for, or without wanting to know, harms nobody', async () => {
    const client = await Client.connected(service.url);
    client.socket.emit('nothing', { much: 'ado' });
    client.socket.emit('subscribe', { level: 'NONE' });
    client.socket.emit('subscribe', { q: 'Listening on' }, 'no function');
    await until(() => client.messages().some((message) => message.startsWith('Listening on')), 'no line comes');
  });

  it('a message over 16 KiB ends the connection, and nothing else', async () => {
    for (const transport of ['websocket', 'polling']) {
      const client = await Client.connected(service.url, { transports: [transport] });
      const other = await Client.connected(service.url);
      const ended = client.gone();
      client.socket.emit('subscribe', { q: 'x'.repeat(17_000) });
      await ended;
      expect(await other.subscribe({ backlog: 1 })).toMatchObject({ ok: true });
    }
  });

  it('who takes nothing is told how much was left out, and keeps nobody waiting', async () => {
    const link = await slowLinkTo(service.url);
    const slow = await Client.connected(link.url);
    await slow.subscribe({ q: 'flood', backlog: 0 });
    const quick = await Client.connected(service.url);
    await quick.subscribe({ q: 'flood', backlog: 0 });
    link.pause();
    // Lines of a kilobyte or two, more than sockets hold by themselves.
    const much = 'm'.repeat(1500);
    const total = 6000;
    for (let sent = 0; sent < total; sent += 50) {
      await Promise.all(Array.from({ length: 50 }, () => service.get(`/no-such-flood-${much}`)));
    }
    await until(() => quick.lines.length === total, 'the quick one is kept waiting');
    expect(slow.lines.length).toBeLessThan(total);
    link.resume();
    const told = () => slow.lines.length + slow.dropped.reduce((sum, count) => sum + count, 0);
    await until(() => told() === total, 'what was dropped is not told');
    expect(slow.dropped.length).toBeGreaterThan(0);
    expect(quick.dropped).toEqual([]);
  }, 120_000);

  it('pages of other sites, and other names for it, are refused, by polling as by WebSocket', async () => {
    const foreign = { extraHeaders: { origin: 'https://evil.example' } };
    const renamed = { extraHeaders: { host: 'evil.example' } };
    for (const options of [foreign, renamed]) expect(await Client.to(service.url, options).refusal()).not.toBeNull();
    const own = { extraHeaders: { origin: service.url } };
    expect(await Client.to(service.url, own).refusal()).toBeNull();
    const polling = `${service.url}/socket.io/?EIO=4&transport=polling`;
    expect((await send(polling, { headers: { origin: 'null' } })).status).toBe(403);
    expect((await send(polling, { headers: { host: 'evil.example' } })).status).toBe(403);
    expect((await send(polling)).status).toBe(200);
    expect((await send(`${service.url}/socket.io/socket.io.js`)).status).toBe(400);
  });
});

it('so many may be open at once', async () => {
  const service = await startService({ env: { MAX_EVENT_STREAMS_PER_USER: '2' } });
  const first = await Client.connected(service.url);
  await Client.connected(service.url);
  expect(await Client.to(service.url).refusal()).toMatchObject({ data: { code: 'quota_exceeded' } });
  first.socket.close();
  await until(async () => (await Client.to(service.url).refusal()) === null, 'the place is not free again');
});

it('a service that stops does not wait for those who read', async () => {
  const service = await startService();
  for (const transports of [['websocket'], ['polling']]) await Client.connected(service.url, { transports });
  const ended = once(service.process, 'close');
  service.process.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});

it('behind a proxy the path has a prefix, which it may take away', async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  const service = await startService({ env: { PUBLIC_URL: `http://127.0.0.1:${port}/preparedata` } });
  for (const path of ['/socket.io', '/preparedata/socket.io']) {
    for (const transports of [['websocket'], ['polling']]) {
      expect(await Client.to(service.url, { path, transports }).refusal()).toBeNull();
    }
  }
});

describe('where users sign in', () => {
  const PEOPLE = {
    olga: { preferred_username: 'olga', groups: ['operators'] },
    alice: { preferred_username: 'alice' },
  };
  let provider: OpenIdProvider;
  let service: RunningService;
  beforeAll(async () => {
    provider = await OpenIdProvider.start(PEOPLE);
    service = await startService({ env: { ...provider.settings, OIDC_OPERATOR_GROUPS: 'operators' } });
  });

  const refusalOf = async (options: Options) => {
    const client = Client.to(service.url, options);
    const refusal = await client.refusal();
    expect(client.lines).toEqual([]);
    return refusal;
  };

  it('an operator reads it', async () => {
    const client = await Client.connected(service.url, { auth: { token: await provider.token('olga') } });
    expect((await client.subscribe({})).items.length).toBeGreaterThan(0);
  });

  it('nobody else does, and a token counts in its place alone', async () => {
    const olga = await provider.token('olga');
    const denied = (code: string) => ({ data: { code, detail: expect.any(String) as string } });
    expect(await refusalOf({})).toMatchObject(denied('unauthorized'));
    expect(await refusalOf({ query: { token: olga } })).toMatchObject(denied('unauthorized'));
    expect(await refusalOf({ extraHeaders: { authorization: `Bearer ${olga}` } })).toMatchObject(
      denied('unauthorized'),
    );
    for (const token of ['', 'x', 5, { a: 1 }, `${olga}x`]) {
      expect(await refusalOf({ auth: { token } })).toMatchObject(denied('unauthorized'));
    }
    expect(await refusalOf({ auth: { token: await provider.token('alice') } })).toMatchObject(denied('forbidden'));
    const now = Math.floor(Date.now() / 1000);
    const expired = await provider.sign(provider.claims('olga', { exp: now - 60 }));
    expect(await refusalOf({ auth: { token: expired } })).toMatchObject(denied('unauthorized'));
    const { body } = await service.get('/audit?decision=denied', { authorization: `Bearer ${olga}` });
    await until(async () => {
      const { body: now } = await service.get('/audit?decision=denied', { authorization: `Bearer ${olga}` });
      return now.items.some(({ request: asked }: Line) => asked === 'SOCKET /logs');
    }, 'it is not in the audit');
    expect(JSON.stringify(body) + service.logText()).not.toContain(olga);
  });

  it('it ends with the token', async () => {
    const soon = Math.floor(Date.now() / 1000) + 3;
    const token = await provider.sign(provider.claims('olga', { exp: soon }));
    const client = await Client.connected(service.url, { auth: { token } });
    await client.subscribe({});
    await client.gone();
    expect(client.ends).toMatchObject([{ code: 'unauthorized' }]);
  });
});

/** A way to a service that can be blocked: what the service sends stays in its own socket then. */
async function slowLinkTo(url: string) {
  const { port, hostname } = new URL(url);
  const ends: TcpSocket[] = [];
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    near.pipe(far);
    far.pipe(near);
    for (const one of [near, far]) one.on('error', () => undefined);
    ends.push(far);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onCleanup(() => {
    server.close();
    for (const far of ends) far.destroy();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pause: () => ends.forEach((far) => far.pause()),
    resume: () => ends.forEach((far) => far.resume()),
  };
}
