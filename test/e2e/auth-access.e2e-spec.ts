import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Answer } from '../support/http-client';
import { OpenIdProvider } from '../support/openid-provider';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

/** Who may use which endpoint: the whole table, each cell asked for. */

const PEOPLE = {
  alice: { preferred_username: 'alice', groups: ['staff'] },
  mallory: { preferred_username: 'mallory', groups: ['operators/former', 'staff'] },
  portal: {},
  olga: { preferred_username: 'olga', groups: ['/operators'] },
};
/** Who asks: nobody, whose data it is, another user, a service that did not ask for it, an operator. */
const ROLES = ['nobody', 'alice', 'mallory', 'portal', 'olga'] as const;
type Role = (typeof ROLES)[number];

interface Row {
  path: string;
  body?: (role: Role) => unknown;
  headers?: Record<string, string>;
  /** What each of {@link ROLES} is answered, in that order. */
  statuses: readonly [number, number, number, number, number];
}

const OPEN = [200, 200, 200, 200, 200] as const;
const SIGNED_IN = [401, 200, 200, 200, 200] as const;
/** As the owner and operators are answered, which shows that they got to the work itself. */
const own = (status: number) => [401, status, 404, 404, status] as const;
const forAlice = (status: number) => [401, status, 403, status, status] as const;

const ELSEWHERE = { 'x-forwarded-for': '192.0.2.1' };
const FAILING = { local_path_on_storage: 'missing', relative_path: 'missing' };
const FILE = { local_path_on_storage: 'file', relative_path: 'file' };

const TABLE: Record<string, Row> = {
  'GET /ping': { path: '/ping', statuses: OPEN },
  'GET /health/live': { path: '/health/live', statuses: OPEN },
  'GET /health/ready': { path: '/health/ready', statuses: OPEN },
  'GET /config': { path: '/config', statuses: OPEN },
  'GET /config/allowed-methods': { path: '/config/allowed-methods', statuses: OPEN },
  'GET /downloads/{token}': { path: '{link}', statuses: OPEN },
  'GET /metrics': { path: '/metrics', headers: ELSEWHERE, statuses: [401, 403, 403, 403, 200] },
  'GET /logs': { path: '/logs', statuses: [401, 403, 403, 403, 200] },
  'GET /audit': { path: '/audit', statuses: [401, 403, 403, 403, 200] },
  'POST /create-file': {
    path: '/create-file',
    body: (role) => ({ filename: `by-${role}`, content: '' }),
    statuses: [401, 403, 403, 403, 201],
  },
  'GET /storage': { path: '/storage', statuses: SIGNED_IN },
  'GET /user-areas/{username}': { path: '/user-areas/alice', statuses: [401, 200, 403, 403, 200] },
  'POST /stage_data': {
    path: '/stage_data?method=local_copy&username=alice',
    body: () => FAILING,
    statuses: forAlice(400),
  },
  'POST /stage_data/batch': {
    path: '/stage_data/batch?method=local_copy&username=alice',
    body: () => ({ items: [FAILING] }),
    statuses: forAlice(202),
  },
  'POST /stage_data/plan': {
    path: '/stage_data/plan?method=local_copy&username=alice',
    body: () => FILE,
    statuses: forAlice(200),
  },
  'GET /operations': { path: '/operations', statuses: SIGNED_IN },
  'GET /operations/{id}': { path: '/operations/{failed}', statuses: own(200) },
  'GET /operations/{id}/attempts': { path: '/operations/{failed}/attempts', statuses: own(200) },
  'GET /operations/{id}/events': { path: '/operations/{failed}/events', statuses: own(200) },
  'GET /operations/{id}/files': { path: '/operations/{failed}/files', statuses: own(200) },
  'GET /operations/{id}/log': { path: '/operations/{failed}/log', statuses: own(200) },
  'POST /operations/{id}/cancel': { path: '/operations/{failed}/cancel', statuses: own(409) },
  'POST /operations/{id}/release': { path: '/operations/{failed}/release', statuses: own(409) },
  'POST /operations/{id}/retry': { path: '/operations/{hopeless}/retry', statuses: own(409) },
  'POST /operations/{id}/download-url': { path: '/operations/{download}/download-url', statuses: own(200) },
  'GET /batches': { path: '/batches', statuses: SIGNED_IN },
  'GET /batches/{id}': { path: '/batches/{batch}', statuses: own(200) },
  'POST /batches/{id}/cancel': { path: '/batches/{batch}/cancel', statuses: own(409) },
  'POST /batches/{id}/retry': { path: '/batches/{batch}/retry', statuses: own(409) },
};

let provider: OpenIdProvider;
let service: RunningService;
const headers: Record<Role, Record<string, string>> = {} as never;
/** What the table's paths stand for: things of alice. */
const things: Record<string, string> = {};

beforeAll(async () => {
  provider = await OpenIdProvider.start(PEOPLE);
  const env = {
    ...provider.settings,
    OIDC_OPERATOR_GROUPS: 'operators',
    OIDC_SERVICE_SUBJECTS: 'portal',
  };
  service = await startService({ files: { file: 'data' }, env });
  for (const role of ROLES) headers[role] = role === 'nobody' ? {} : await provider.bearer(role);
  const stage = (body: unknown, method = 'local_copy', more = {}) =>
    service.stage(body, { username: 'alice', method }, { ...headers.alice, ...more });
  things.failed = (await stage(FAILING)).body.operation_id as string;
  things.hopeless = (await stage({ ...FILE, relative_path: '../out' })).body.operation_id as string;
  const { operation } = (await stage(FILE, 'direct_download', { accept: 'application/json' })).body;
  things.download = operation.id as string;
  things.link = operation.download_url as string;
  const item = { ...FILE, relative_path: 'of-a-batch' };
  const batches = '/stage_data/batch?method=local_copy&username=alice';
  things.batch = (await service.post(batches, { items: [item] }, headers.alice)).body.batch_id as string;
  const ended = async () => (await service.get(`/batches/${things.batch}`, headers.alice)).body.finished_at !== null;
  await until(ended, 'the batch does not end');
});

function ask(endpoint: string, role: Role): Promise<Answer> {
  const { path: template, body, headers: more } = TABLE[endpoint]!;
  const address = template.replace(/\{(\w+)\}/g, (_all, name: string) => things[name]!);
  const method = endpoint.split(' ')[0]!;
  return service.request(address, { method, body: body?.(role), headers: { ...headers[role], ...more } });
}

const document = JSON.parse(readFileSync(path.resolve(__dirname, '../../docs/openapi.json'), 'utf8')) as {
  paths: Record<string, Record<string, { security?: object[] }>>;
};
const endpoints = Object.entries(document.paths).flatMap(([address, methods]) =>
  Object.entries(methods).map(([method, { security }]) => ({
    name: `${method.toUpperCase()} ${address}`,
    isOpen: security === undefined,
  })),
);

it('has a row for each endpoint, and none for another one', () => {
  expect(endpoints.map(({ name }) => name).sort()).toEqual(Object.keys(TABLE).sort());
});

it.each(endpoints)('$name is told to be open ($isOpen) where it is', ({ name, isOpen }) => {
  expect(TABLE[name]!.statuses[0] === 200).toBe(isOpen);
});

const cells = Object.entries(TABLE).flatMap(([endpoint, { statuses }]) =>
  ROLES.map((role, index) => [role, endpoint, statuses[index]!] as const),
);
it.each(cells)('%s at %s: %i', async (role, endpoint, status) => {
  const answer = await ask(endpoint, role);
  expect([answer.status, answer.body?.code]).toEqual([
    status,
    status < 400 ? undefined : (expect.any(String) as unknown),
  ]);
  if (status === 401) expect(answer.headers['www-authenticate']).toBe('Bearer realm="staging"');
});

it('an address that is not there is answered alike for all, and changing anything needs a token first', async () => {
  expect((await service.get('/nothing')).status).toBe(404);
  expect((await service.post('/nothing', {})).status).toBe(401);
  expect((await service.post('/nothing', {}, headers.alice)).status).toBe(404);
});

it('what belongs to another one cannot be told from what is not there', async () => {
  const unknown = '01900000-0000-7000-8000-00000000abcd';
  const plain = ({ body }: Answer) => ({ ...(body as object), instance: null });
  for (const rest of ['', '/events', '/files', '/log', '/attempts']) {
    const theirs = await service.get(`/operations/${things.failed}${rest}`, headers.mallory);
    expect(plain(theirs)).toEqual(plain(await service.get(`/operations/${unknown}${rest}`, headers.mallory)));
  }
});

it('lists to each only the batches that are theirs to see', async () => {
  const seen = async (role: Role, query = '') => {
    const { status, body } = await service.get(`/batches${query}`, headers[role]);
    return status === 200 ? (body.items as { batch_id: string }[]).map(({ batch_id: id }) => id) : status;
  };
  const all = (await seen('olga')) as string[];
  expect(all).toContain(things.batch);
  expect(await seen('alice')).toContain(things.batch);
  expect(await seen('mallory')).toEqual([]);
  expect(await seen('mallory', '?username=alice')).toBe(403);
  // A service sees what it asked for itself.
  expect(await seen('portal', '?username=alice')).not.toContain(things.batch);
});

it('a large body of nobody is not even read', async () => {
  const answer = await service.post('/stage_data/batch?method=local_copy&username=alice', 'x'.repeat(1024 ** 2));
  expect(answer.status).toBe(401);
});

it('the page, the document and its explorer need no token', async () => {
  for (const address of ['/openapi.json', '/docs']) expect((await service.get(address)).status).toBe(200);
});
