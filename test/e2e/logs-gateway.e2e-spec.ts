import { flood, LogSocket, type Line, type Options, rawSocketTo, slowLinkTo } from '../support/log-socket';
import { OpenIdProvider } from '../support/openid-provider';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

/** The log as it happens: for operators, filtered, each line once. */

describe('where nobody signs in', () => {
  let service: RunningService;
  beforeAll(async () => {
    service = await startService({
      files: { file: 'data' },
      env: { LOGGING_LEVEL: 'DEBUG', MAX_EVENT_STREAMS_PER_USER: '40' },
    });
  });
  const ping = (id: string) => service.get('/operations?limit=1', { 'x-request-id': id });
  const stage = (destination: string) => service.stage({ local_path_on_storage: 'file', relative_path: destination });

  it.each([['websocket'], ['polling']])('lines come as they happen, by %s', async (transport) => {
    const client = await LogSocket.connected(service.url, { transports: [transport] });
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
    const client = await LogSocket.connected(service.url);
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
      const client = await LogSocket.connected(service.url);
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
    const client = await LogSocket.connected(service.url);
    expect(await client.subscribe(wanted)).toMatchObject({ ok: false, code: 'validation_failed', errors: [{ field }] });
    expect(await client.subscribe(undefined)).toMatchObject({ ok: true });
  });

  it('what is not asked for, or without wanting to know, harms nobody', async () => {
    const client = await LogSocket.connected(service.url);
    client.socket.emit('nothing', { much: 'ado' });
    client.socket.emit('subscribe', { level: 'NONE' });
    client.socket.emit('subscribe', { q: 'Listening on' }, 'no function');
    await until(() => client.messages().some((message) => message.startsWith('Listening on')), 'no line comes');
  });

  it('who asks again before the answer is told so, and gets the lines of the last one alone', async () => {
    const client = await LogSocket.connected(service.url);
    await ping('overtaken');
    const asked = ['no such text', 'nor this', 'overtaken'].map((q) => client.subscribe({ q }));
    const [first, second, third] = await Promise.all(asked);
    for (const one of [first, second]) expect(one).toMatchObject({ ok: false, code: 'superseded' });
    expect(third).toMatchObject({ ok: true, items: [{ request_id: 'overtaken' }] });
  });

  it('without a wish all lines come', async () => {
    const client = await LogSocket.connected(service.url);
    const answer: Line = await client.socket.timeout(10_000).emitWithAck('subscribe');
    expect(answer.ok).toBe(true);
    expect(answer.items.length).toBeGreaterThan(0);
  });

  it('a message over 16 KiB ends the connection, and nothing else', async () => {
    for (const transport of ['websocket', 'polling']) {
      const client = await LogSocket.connected(service.url, { transports: [transport] });
      const other = await LogSocket.connected(service.url);
      const ended = client.gone();
      client.socket.emit('subscribe', { q: 'x'.repeat(17_000) });
      await ended;
      expect(await other.subscribe({ backlog: 1 })).toMatchObject({ ok: true });
    }
  });

  it('who takes nothing is told how much was left out, and keeps nobody waiting', async () => {
    const link = await slowLinkTo(service.url);
    const slow = await LogSocket.connected(link.url);
    await slow.subscribe({ q: 'flood', backlog: 0 });
    const quick = await LogSocket.connected(service.url);
    await quick.subscribe({ q: 'flood', backlog: 0 });
    link.pause();
    const total = 6000;
    await flood(service, total);
    await until(() => quick.lines.length === total, 'the quick one is kept waiting');
    expect(slow.lines.length).toBeLessThan(total);
    link.resume();
    const told = () => slow.lines.length + slow.dropped.reduce((sum, count) => sum + count, 0);
    await until(() => told() === total, 'what was dropped is not told');
    expect(slow.dropped.length).toBeGreaterThan(0);
    expect(quick.dropped).toEqual([]);
  }, 120_000);
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
    const client = LogSocket.to(service.url, options);
    const refusal = await client.refusal();
    expect(client.lines).toEqual([]);
    return refusal;
  };

  it('an operator reads it', async () => {
    const client = await LogSocket.connected(service.url, { auth: { token: await provider.token('olga') } });
    expect((await client.subscribe({})).items.length).toBeGreaterThan(0);
    const listed = async () => {
      const { body } = await service.get('/audit?decision=allowed', await provider.bearer('olga'));
      return body.items.find(({ request: asked }: Line) => asked === 'SOCKET /logs');
    };
    await until(async () => (await listed()) !== undefined, 'it is not in the audit');
    expect(await listed()).toMatchObject({ caller_name: 'olga', role: 'operator', status: 101, code: null });
  });

  it('nobody else does, and a token counts in its place alone', async () => {
    const olga = await provider.token('olga');
    const denied = (code: string) => ({ data: { code, detail: expect.any(String) as string } });
    expect(await refusalOf({})).toMatchObject(denied('unauthorized'));
    expect(await refusalOf({ transports: ['polling'] })).toMatchObject(denied('unauthorized'));
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
    await until(async () => {
      const { body: now } = await service.get('/audit?decision=denied', { authorization: `Bearer ${olga}` });
      return now.items.some(({ request: asked }: Line) => asked === 'SOCKET /logs');
    }, 'it is not in the audit');
    const { body } = await service.get('/audit', { authorization: `Bearer ${olga}` });
    expect(JSON.stringify(body) + service.logText()).not.toContain(olga);
  });

  it('a connection is good for one try', async () => {
    const { socket, told, ended } = await rawSocketTo(service.url);
    for (let tries = 0; tries < 50; tries += 1) socket.send('40/logs,{"token":"x"}');
    await ended;
    expect(told.filter((message) => message.startsWith('44/logs')).length).toBeLessThanOrEqual(1);
    const patient = await rawSocketTo(service.url);
    patient.socket.send('40/logs,{"token":"x"}');
    await patient.ended;
    expect(patient.told.at(-1)).toMatch(/^44\/logs,.*"unauthorized"/);
  });

  it('it ends with the token', async () => {
    const soon = Math.floor(Date.now() / 1000) + 3;
    const token = await provider.sign(provider.claims('olga', { exp: soon }));
    const client = await LogSocket.connected(service.url, { auth: { token } });
    await client.subscribe({});
    await client.gone();
    expect(client.ends).toMatchObject([{ code: 'unauthorized' }]);
  });
});

it('while the provider is away, nobody can tell who an operator is', async () => {
  const provider = await OpenIdProvider.start({ olga: {} });
  await provider.stop();
  const service = await startService({ env: { ...provider.settings, OIDC_OPERATOR_GROUPS: 'operators' } });
  const token = await provider.sign(provider.claims('olga', { preferred_username: 'olga', groups: ['operators'] }));
  const client = LogSocket.to(service.url, { auth: { token } });
  expect(await client.refusal()).toMatchObject({ data: { code: 'auth_unavailable' } });
});
