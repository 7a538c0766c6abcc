import { ASYNC, from, idOf, serviceWithEndless } from '../support/background-scene';
import { EventStream } from '../support/event-stream';
import { type Answer } from '../support/http-client';
import { OpenIdProvider } from '../support/openid-provider';
import { type RunningService } from '../support/service';
import { until } from '../support/until';

/** People with tokens at work: each sees what is theirs. */

const PEOPLE = {
  alice: { preferred_username: 'alice' },
  mallory: { preferred_username: 'mallory' },
  portal: {},
  olga: { preferred_username: 'olga', 'wlcg.groups': ['/site', '/site/operators'] },
};
type Person = keyof typeof PEOPLE;
const METRICS_TOKEN = 'a token for Prometheus'.replaceAll(' ', '-');

let provider: OpenIdProvider;
let service: RunningService;
const tokens = {} as Record<Person, { authorization: string }>;
beforeAll(async () => {
  provider = await OpenIdProvider.start(PEOPLE);
  const env = {
    ...provider.settings,
    OIDC_CLIENT_ID: 'page',
    OIDC_GROUPS_CLAIM: 'wlcg.groups',
    OIDC_OPERATOR_GROUPS: '/site/operators',
    OIDC_SERVICE_SUBJECTS: 'portal',
    METRICS_TOKEN,
  };
  service = await serviceWithEndless({ env });
  for (const person of Object.keys(PEOPLE) as Person[]) tokens[person] = await provider.bearer(person);
});

const stage = (who: Person, username: string, to: string, headers = {}) =>
  service.stage(from('small', to), { username }, { ...tokens[who], ...headers });
const idsOf = ({ body }: Answer) => (body.items as { id: string }[]).map(({ id }) => id);
const list = async (who: Person, query = '') => idsOf(await service.get(`/operations?${query}`, tokens[who]));

it('everybody sees what is theirs: users their own, services what they asked for, operators all', async () => {
  const byAlice = idOf(await stage('alice', 'alice', 'one'));
  const byPortal = await stage('portal', 'alice', 'two');
  const forMallory = idOf(await stage('portal', 'mallory', 'three'));
  expect(byPortal.body.operation).toMatchObject({ username: 'alice', requested_by: `${provider.issuer}#portal` });
  const forAlice = idOf(byPortal);
  expect(await list('alice')).toEqual([forAlice, byAlice]);
  expect(await list('portal')).toEqual([forMallory, forAlice]);
  expect(await list('portal', 'username=alice')).toEqual([forAlice]);
  expect(await list('mallory')).toEqual([forMallory]);
  expect(await list('olga')).toEqual([forMallory, forAlice, byAlice]);
  expect(await list('olga', 'username=alice')).toEqual([forAlice, byAlice]);
  for (const person of ['alice', 'olga'] as const) {
    expect((await service.get(`/operations/${forAlice}`, tokens[person])).status).toBe(200);
  }
  expect(await service.get('/operations?username=alice', tokens.mallory)).toMatchObject({
    status: 403,
    body: { code: 'forbidden', detail: 'You are signed in as mallory, and may ask for yourself only.' },
  });
});

it('nobody but their owner finds out about batches by the list', async () => {
  const address = '/stage_data/batch?method=local_copy&username=alice';
  const { body } = await service.post(address, { items: [from('small', 'of-batch')] }, tokens.alice);
  expect(await list('alice', `batch_id=${body.batch_id}`)).toHaveLength(1);
  expect(await list('mallory', `batch_id=${body.batch_id}`)).toEqual([]);
  expect(await list('portal', `batch_id=${body.batch_id}`)).toEqual([]);
});

it('keys of one caller mean nothing for another one', async () => {
  const key = { 'idempotency-key': 'the-same' };
  const first = await stage('portal', 'alice', 'keyed', key);
  expect(idOf(await stage('portal', 'alice', 'keyed', key))).toBe(idOf(first));
  const own = await stage('alice', 'alice', 'keyed-by-alice', key);
  expect([own.status, own.body.operation.outcome]).toEqual([200, 'staged']);
});

it('a request joins only what its own caller asked for', async () => {
  const endless = (who: Person) => service.stage(from('endless'), { username: 'alice' }, { ...tokens[who], ...ASYNC });
  const [one, same, byPortal] = [await endless('alice'), await endless('alice'), await endless('portal')];
  expect(idOf(same)).toBe(idOf(one));
  expect(idOf(byPortal)).not.toBe(idOf(one));
  for (const [who, answer] of [
    ['alice', one],
    ['portal', byPortal],
  ] as const) {
    expect((await service.post(`/operations/${idOf(answer)}/cancel`, undefined, tokens[who])).status).toBe(202);
  }
});

it('a stream of events is for its owner, and ends with their token', async () => {
  const answer = await service.stage(from('endless', 'watched'), { username: 'alice' }, { ...tokens.alice, ...ASYNC });
  const address = `/operations/${idOf(answer)}/events`;
  expect((await service.get(address, tokens.mallory)).status).toBe(404);
  const exp = Math.floor(Date.now() / 1000) + 3;
  const authorization = `Bearer ${await provider.sign(provider.claims('alice', { exp }))}`;
  const stream = await EventStream.open(service.url + address, { authorization });
  await until(() => stream.events.length > 2, 'nothing is told');
  await until(() => stream.isOver, 'it does not end');
  expect(Math.floor(Date.now() / 1000)).toBeGreaterThanOrEqual(exp);
  expect(stream.events.every(({ event }) => event === 'progress')).toBe(true);
  await service.post(`/operations/${idOf(answer)}/cancel`, undefined, tokens.alice);
});

it('/config tells how to sign in, and paths to operators only', async () => {
  const auth = { mode: 'oidc', issuer: provider.issuer, client_id: 'page' };
  for (const headers of [{}, tokens.alice, tokens.portal, { authorization: 'Bearer nonsense' }]) {
    const { status, body } = await service.get('/config', headers);
    expect([status, body]).toMatchObject([200, { auth, source_storage_path: null, target_storage_path: null }]);
    expect(JSON.stringify(body)).not.toContain(service.dir);
  }
  const { body } = await service.get('/config', tokens.olga);
  expect(body).toMatchObject({ auth, source_storage_path: service.storage, target_storage_path: service.areas });
});

it('/metrics is for this host, operators, and whoever has its token', async () => {
  const elsewhere = { 'x-forwarded-for': '192.0.2.1' };
  const ask = async (headers: object) => (await service.get('/metrics', { ...elsewhere, ...headers })).status;
  expect((await service.get('/metrics')).status).toBe(200);
  expect(await ask({})).toBe(401);
  expect(await ask({ authorization: `Bearer ${METRICS_TOKEN}` })).toBe(200);
  expect(await ask({ authorization: `Bearer ${METRICS_TOKEN}x` })).toBe(401);
  expect([await ask(tokens.alice), await ask(tokens.olga)]).toEqual([403, 200]);
  expect(service.logText() + service.output).not.toContain(METRICS_TOKEN);
});
