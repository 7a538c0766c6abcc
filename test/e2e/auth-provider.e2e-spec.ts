import { newKey, OpenIdProvider } from '../support/openid-provider';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

/** A provider that changes its keys, goes away and comes back. */

const PEOPLE = { alice: { preferred_username: 'alice' } };
const KEYS = '/jwks';

interface Scene {
  provider: OpenIdProvider;
  service: RunningService;
}

async function begin(isThere = true): Promise<Scene> {
  const provider = await OpenIdProvider.start(PEOPLE);
  if (!isThere) await provider.stop();
  const env = provider.settings;
  return { provider, service: await startService({ env }) };
}
const statusOf = async (service: RunningService, token: string) =>
  (await service.get('/operations', { authorization: `Bearer ${token}` })).status;

async function changeKeys({ provider, service }: Scene): Promise<void> {
  const old = await provider.token('alice');
  expect(await statusOf(service, old)).toBe(200);
  await provider.restart([await newKey('second')]);
  const token = await provider.token('alice');
  await until(async () => (await statusOf(service, token)) === 200, 'the new key is not found', 40);
  expect(await statusOf(service, old)).toBe(401);
}

async function goAway({ provider, service }: Scene): Promise<void> {
  const token = await provider.token('alice');
  expect(await statusOf(service, token)).toBe(200);
  await provider.stop();
  expect(await statusOf(service, token)).toBe(200);
  const stranger = await provider.sign(provider.claims('alice'), {}, await newKey('newer'));
  await until(async () => (await statusOf(service, stranger)) === 503, 'it does not notice', 40);
  expect(await statusOf(service, stranger)).toBe(503);
  expect(await statusOf(service, token)).toBe(200);
}

async function comeLate({ provider, service }: Scene): Promise<void> {
  const token = await provider.sign(provider.claims('alice'));
  const answer = await service.get('/operations', { authorization: `Bearer ${token}` });
  expect(answer).toMatchObject({ status: 503, body: { code: 'auth_unavailable' }, headers: { 'retry-after': '10' } });
  expect((await service.get('/operations')).status).toBe(401);
  expect((await service.get('/ping')).status).toBe(200);
  await provider.restart();
  await until(async () => (await statusOf(service, token)) === 200, 'it does not find it', 45);
}

/** Each waits for half a minute mostly, so that all are begun at once. */
let changed: Promise<void>;
let away: Promise<void>;
let late: Promise<void>;
beforeAll(async () => {
  const scenes = [await begin(), await begin(), await begin(false)] as const;
  changed = changeKeys(scenes[0]);
  away = goAway(scenes[1]);
  late = comeLate(scenes[2]);
  for (const scenario of [changed, away, late]) scenario.catch(() => undefined);
}, 60_000);

it('tokens of keys that do not exist do not make it ask for more', async () => {
  const { provider, service } = await begin();
  await until(() => provider.asked(KEYS) === 1, 'it does not read the keys');
  const strangers = await Promise.all(Array.from({ length: 50 }, (_none, index) => newKey(`k${index}`, 'ES256')));
  const tokens = await Promise.all(strangers.map((key) => provider.sign(provider.claims('alice'), {}, key)));
  expect(new Set(await Promise.all(tokens.map((token) => statusOf(service, token))))).toEqual(new Set([401]));
  expect(provider.asked(KEYS)).toBeLessThanOrEqual(2);
});

it('a new key is found within 40 s, and one that is withdrawn counts no more then', () => changed, 60_000);
it('known keys go on to count while it is away; of others nobody can tell', () => away, 60_000);
it('at the start it may be away: nothing is open then, and all is well when it comes', () => late, 60_000);
