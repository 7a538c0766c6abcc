import { type Line, LogSocket, type Options, rawSocketTo } from '../support/log-socket';
import { OpenIdProvider } from '../support/openid-provider';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

/** What sockets take of the requests that a caller may make in a minute. */

const TRANSPORTS = [['websocket'], ['polling']];
const LIMITED = {
  code: 'rate_limited',
  detail: expect.stringMatching(/^More than 3 requests in a minute\. Try again in \d+ s\.$/) as string,
};
const from = (address: string) => ({ 'x-forwarded-for': address });
const refusalOf = (service: RunningService, options: Options) => LogSocket.to(service.url, options).refusal();

describe('where nobody signs in', () => {
  let service: RunningService;
  beforeAll(async () => {
    service = await startService({ env: { RATE_LIMIT_PER_MINUTE: '3', TRUST_PROXY: 'loopback' } });
  });

  it('a connection and each subscription are one of an address, whatever becomes of them', async () => {
    const extraHeaders = from('192.0.2.1');
    const client = await LogSocket.connected(service.url, { extraHeaders });
    expect(await client.subscribe({ backlog: 1 })).toMatchObject({ ok: true });
    expect(await client.subscribe({ level: 'LOUD' })).toMatchObject({ ok: false, code: 'validation_failed' });
    expect(await client.subscribe({ backlog: 1 })).toEqual({ ok: false, ...LIMITED });
    expect(await service.get('/operations', extraHeaders)).toMatchObject({ status: 429, body: LIMITED });
    for (const transports of TRANSPORTS) {
      expect(await refusalOf(service, { extraHeaders, transports })).toMatchObject({ data: LIMITED });
    }
    let asked = 0;
    await until(async () => {
      const { body } = await service.get('/audit?decision=denied', from(`198.51.100.${(asked += 1)}`));
      return body.items.some(
        ({ request, address, code }: Line) =>
          request === 'SOCKET /logs' && address === '192.0.2.1' && code === 'rate_limited',
      );
    }, 'it is not in the audit');
  });

  it.each(TRANSPORTS)('requests leave less for connections by %s', async (transport) => {
    const extraHeaders = from(`192.0.2.2${TRANSPORTS.flat().indexOf(transport)}`);
    const options = { extraHeaders, transports: [transport] };
    for (let asked = 0; asked < 2; asked += 1) await service.get('/operations', extraHeaders);
    expect(await refusalOf(service, options)).toBeNull();
    expect(await refusalOf(service, options)).toMatchObject({ data: LIMITED });
  });

  it('a connection counts also when it asks for nothing, and is cut then', async () => {
    const extraHeaders = from('192.0.2.3');
    const { ended } = await rawSocketTo(service.url, extraHeaders);
    for (let more = 0; more < 2; more += 1) expect(await refusalOf(service, { extraHeaders })).toBeNull();
    expect(await refusalOf(service, { extraHeaders })).toMatchObject({ data: LIMITED });
    await ended;
  });
});

describe('where users sign in', () => {
  let provider: OpenIdProvider;
  let service: RunningService;
  beforeAll(async () => {
    provider = await OpenIdProvider.start({
      olga: { preferred_username: 'olga', groups: ['operators'] },
      oleg: { preferred_username: 'oleg', groups: ['operators'] },
    });
    const env = { OIDC_OPERATOR_GROUPS: 'operators', RATE_LIMIT_PER_MINUTE: '3', TRUST_PROXY: 'loopback' };
    service = await startService({ env: { ...provider.settings, ...env } });
  });

  it('they are counted by user, from wherever they come', async () => {
    const auth = { token: await provider.token('olga') };
    const client = await LogSocket.connected(service.url, { auth, extraHeaders: from('192.0.2.4') });
    expect(await client.subscribe({ backlog: 1 })).toMatchObject({ ok: true });
    const bearer = await provider.bearer('olga');
    expect((await service.get('/operations', { ...bearer, ...from('192.0.2.5') })).status).toBe(200);
    expect(await client.subscribe({ backlog: 1 })).toEqual({ ok: false, ...LIMITED });
    expect(await refusalOf(service, { auth, extraHeaders: from('192.0.2.6') })).toMatchObject({ data: LIMITED });
  });

  it('strangers are by address, for which users do not pay, nor it for them', async () => {
    const extraHeaders = from('192.0.2.7');
    const auth = { token: await provider.token('oleg') };
    const guess = { auth: { token: 'guess' }, extraHeaders };
    expect(await refusalOf(service, { auth, extraHeaders })).toBeNull();
    for (let tries = 0; tries < 3; tries += 1) {
      expect(await refusalOf(service, guess)).toMatchObject({ data: { code: 'unauthorized' } });
    }
    expect(await refusalOf(service, guess)).toMatchObject({ data: LIMITED });
    expect(await refusalOf(service, { auth, extraHeaders })).toBeNull();
  });
});
