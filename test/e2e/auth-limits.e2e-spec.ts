import { ASYNC, from, idOf, serviceWithEndless } from '../support/background-scene';
import { cleanUpAfterEach } from '../support/cleanups';
import { EventStream } from '../support/event-stream';
import { type Answer } from '../support/http-client';
import { AUDIENCE, OpenIdProvider } from '../support/openid-provider';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

/** How much one caller may ask for, and what browsers are told. */

cleanUpAfterEach();

const times = async (count: number, ask: () => Promise<Answer>) => {
  const statuses: number[] = [];
  for (let time = 0; time < count; time += 1) statuses.push((await ask()).status);
  return statuses;
};
const LIMITED = [200, 200, 200, 429, 429];

describe('requests in a minute', () => {
  it('are counted by address where nobody signs in', async () => {
    const env = { RATE_LIMIT_PER_MINUTE: '3', TRUST_PROXY: 'loopback' };
    const service = await startService({ env });
    const ask = (address: string) => () => service.get('/operations', { 'x-forwarded-for': address });
    const first = await ask('192.0.2.1')();
    expect(first.headers).toMatchObject({
      'ratelimit-policy': expect.stringMatching(/^"requests"; q=3; w=60/),
      ratelimit: expect.stringMatching(/^"requests"; r=2; t=\d+$/),
    });
    expect(await times(4, ask('192.0.2.1'))).toEqual(LIMITED.slice(1));
    expect(await ask('192.0.2.1')()).toMatchObject({
      body: {
        code: 'rate_limited',
        detail: expect.stringMatching(/^More than 3 requests in a minute\. Try again in \d+ s\.$/),
      },
      headers: { 'retry-after': expect.stringMatching(/^[1-9]\d?$/) },
    });
    expect((await service.stage(from('small'), {}, { 'x-forwarded-for': '192.0.2.1' })).status).toBe(429);
    expect(await times(3, ask('192.0.2.2'))).toEqual([200, 200, 200]);
    // One network of IPv6 is one household; who has it could have any number of addresses.
    expect(await times(3, ask('2001:db8::1'))).toEqual([200, 200, 200]);
    expect(await times(1, ask('2001:db8::2'))).toEqual([429]);
  });

  it('are not counted by an address that anybody may claim', async () => {
    const service = await startService({ env: { RATE_LIMIT_PER_MINUTE: '3' } });
    let claimed = 0;
    const ask = () => service.get('/operations', { 'x-forwarded-for': `192.0.2.${(claimed += 1)}` });
    expect(await times(5, ask)).toEqual(LIMITED);
  });

  it('do not count those who watch the service, nor what a page is made of', async () => {
    const service = await startService({ env: { RATE_LIMIT_PER_MINUTE: '3' } });
    for (const address of ['/ping', '/health/live', '/metrics', '/docs', '/api/v1/ping']) {
      expect(await times(5, () => service.get(address))).toEqual([200, 200, 200, 200, 200]);
    }
  });

  it('are counted by user where they sign in, by address for strangers', async () => {
    const provider = await OpenIdProvider.start({
      alice: { preferred_username: 'alice' },
      mallory: { preferred_username: 'mallory' },
    });
    const env = {
      ...provider.settings,
      RATE_LIMIT_PER_MINUTE: '3',
      TRUST_PROXY: 'loopback',
    };
    const service = await startService({ env });
    let address = 0;
    const ask = (headers: object) => () =>
      service.get('/operations', { ...headers, 'x-forwarded-for': `192.0.2.${(address += 1)}` });
    expect(await times(5, ask(await provider.bearer('alice')))).toEqual(LIMITED);
    expect(await times(3, ask(await provider.bearer('mallory')))).toEqual([200, 200, 200]);
    const guess = () => service.get('/operations', { authorization: 'Bearer guess' });
    expect(await times(5, guess)).toEqual([401, 401, 401, 429, 429]);
    expect((await service.stage(from('small'), {}, { authorization: 'Bearer guess' })).status).toBe(429);
  });
});

it('streams of events are so many for each caller', async () => {
  const service = await serviceWithEndless({ env: { MAX_EVENT_STREAMS_PER_USER: '2' } });
  const address = `/operations/${idOf(await service.stage(from('endless'), {}, ASYNC))}/events`;
  const open = [await EventStream.open(service.url + address), await EventStream.open(service.url + address)];
  const refused = await service.get(address);
  expect(refused).toMatchObject({ status: 429, body: { code: 'quota_exceeded' }, headers: { 'retry-after': '60' } });
  open[0]!.close();
  let again: EventStream | undefined;
  await until(async () => {
    again = await EventStream.open(service.url + address);
    return again.answer.statusCode === 200;
  }, 'there is no room again');
  again!.close();
  open[1]!.close();
  await service.post(address.replace('events', 'cancel'));
});

describe('browsers are told', () => {
  const directivesOf = async (service: RunningService, address = '/ping') => {
    const { headers } = await service.get(address);
    const policy = headers['content-security-policy'] as string;
    return new Map(policy.split(';').map((one) => [one.split(' ')[0]!, one.split(' ').slice(1).join(' ')]));
  };

  it('to load and to run nothing of another host, and to frame nothing', async () => {
    const service = await startService();
    for (const address of ['/ping', '/docs', '/nothing', '/openapi.json']) {
      const policy = await directivesOf(service, address);
      expect(policy.get('default-src')).toBe("'self'");
      expect(policy.get('script-src')).toBe("'self'");
      expect(policy.get('connect-src')).toBe("'self'");
      expect(policy.get('frame-ancestors')).toBe("'none'");
    }
    expect((await service.get('/ping')).headers['strict-transport-security']).toBeUndefined();
  });

  it('that they may talk to the provider that signs users in, and to come by https where users do', async () => {
    const env = {
      AUTH_MODE: 'oidc',
      OIDC_ISSUER: 'https://iam.invalid/realms/a',
      OIDC_AUDIENCE: AUDIENCE,
      PUBLIC_URL: 'https://staging.example.org/data',
    };
    const service = await startService({ env });
    expect((await directivesOf(service)).get('connect-src')).toBe("'self' https://iam.invalid");
    expect((await service.get('/ping')).headers['strict-transport-security']).toMatch(/^max-age=31536000/);
  });
});
