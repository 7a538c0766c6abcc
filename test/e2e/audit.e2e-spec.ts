import Libsql from 'libsql';
import { v7 } from 'uuid';
import { describeWhere } from '../support/describe-where';
import { type Answer } from '../support/http-client';
import { type Mariadb, mariadbMissing, startMariadb } from '../support/mariadb';
import { OpenIdProvider } from '../support/openid-provider';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

/** Who asked what for whom, from where, and how it was decided: as an operator reads it. */

const PEOPLE = {
  alice: { preferred_username: 'alice' },
  mallory: { preferred_username: 'mallory' },
  portal: {},
  olga: { preferred_username: 'olga', groups: ['operators'] },
};
type Person = keyof typeof PEOPLE;

let provider: OpenIdProvider;
let service: RunningService;
const headers = {} as Record<Person, { authorization: string }>;
beforeAll(async () => {
  provider = await OpenIdProvider.start(PEOPLE);
  service = await startService({ files: { file: 'data', '=1+1': 'data' }, env: settings() });
  for (const person of Object.keys(PEOPLE) as Person[]) headers[person] = await provider.bearer(person);
});

const settings = () => ({
  ...provider.settings,
  OIDC_OPERATOR_GROUPS: 'operators',
  OIDC_SERVICE_SUBJECTS: 'portal',
  TRUST_PROXY: 'loopback',
});
type Entry = Answer['body'];

/** The entries that fit, once there are `count` of them: they are written a moment after the answer. */
async function entries(search: string, count = 1): Promise<Entry[]> {
  let items: Entry[] = [];
  await until(async () => {
    const { status, body } = await service.get(`/audit?${search}`, headers.olga);
    expect(status).toBe(200);
    items = body.items as Entry[];
    return items.length >= count;
  }, `no ${count} entries for ${search}`);
  return items;
}

const stage = (person: Person, body: unknown, username = 'alice', more = {}) =>
  service.stage(body, { username }, { ...headers[person], ...more });
const identity = (person: Person) => `${provider.issuer}#${person}`;

it('tells who staged what for whom, from where', async () => {
  const body = { local_path_on_storage: 'file', relative_path: 'in/file' };
  const own = await stage('alice', body, 'alice', { 'x-forwarded-for': '192.0.2.7' });
  const id = own.body.operation.id as string;
  expect(await entries(`operation_id=${id}`)).toEqual([
    {
      id: expect.any(String) as string,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
      caller: identity('alice'),
      caller_name: 'alice',
      role: 'user',
      address: '192.0.2.7',
      request: 'POST /stage_data',
      asked: { method: 'local_copy', ...body },
      username: 'alice',
      operation_id: id,
      batch_id: null,
      decision: 'allowed',
      status: 200,
      code: null,
      request_id: own.headers['x-request-id'],
      times: 1,
    },
  ]);
  const byPortal = await stage('portal', { ...body, relative_path: 'by-portal' }, 'bob');
  expect(await entries(`operation_id=${byPortal.body.operation.id}`)).toMatchObject([
    { caller: identity('portal'), caller_name: null, role: 'service', username: 'bob', decision: 'allowed' },
  ]);
  const failed = await stage('alice', { ...body, local_path_on_storage: 'missing' });
  expect(await entries(`operation_id=${failed.body.operation_id}`)).toMatchObject([
    { decision: 'failed', status: 400, code: 'source_not_found', asked: { local_path_on_storage: 'missing' } },
  ]);
});

it("tells who tried what is another one's, and whose it was", async () => {
  const { body } = await stage('alice', { local_path_on_storage: 'file', relative_path: 'hers' });
  const id = body.operation.id as string;
  await service.post(`/operations/${id}/cancel`, undefined, headers.mallory);
  await service.get(`/operations/${id}`, headers.mallory);
  await service.get(`/operations/${id}`, headers.alice);
  await stage('mallory', { local_path_on_storage: 'file', relative_path: 'x' });
  await service.get('/user-areas/alice', headers.mallory);
  await service.get('/logs', headers.mallory);
  const denied = await entries(`decision=denied&caller=${encodeURIComponent(identity('mallory'))}`, 5);
  expect(denied.map(({ request, username, code, status }) => [request, username, code, status])).toEqual([
    ['GET /logs', null, 'forbidden', 403],
    ['GET /user-areas/:username', 'alice', 'forbidden', 403],
    ['POST /stage_data', 'alice', 'forbidden', 403],
    ['GET /operations/:id', 'alice', 'not_found', 404],
    ['POST /operations/:id/cancel', 'alice', 'not_found', 404],
  ]);
  expect(denied.at(-1)).toMatchObject({ operation_id: id, role: 'user', caller_name: 'mallory' });
  // What is only read, and may be, is no matter for the audit.
  expect((await entries(`operation_id=${id}`, 3)).map(({ request }) => request)).toEqual([
    'GET /operations/:id',
    'POST /operations/:id/cancel',
    'POST /stage_data',
  ]);
});

it('tells of batches, links and what operators read', async () => {
  const item = { local_path_on_storage: 'file', relative_path: 'b' };
  const batch = await service.post(
    '/stage_data/batch?method=local_copy&username=alice',
    { items: [item] },
    headers.alice,
  );
  const id = batch.body.batch_id as string;
  await service.post(`/batches/${id}/cancel`, undefined, headers.mallory);
  const link = await service.stage(
    item,
    { method: 'direct_download', username: 'alice' },
    { ...headers.alice, accept: 'application/json' },
  );
  const { id: operation, download_url: url } = link.body.operation;
  await service.get(url as string);
  await service.get('/logs', headers.olga);
  const ofBatch = async () => (await entries('username=alice', 6)).filter(({ batch_id: of }) => of === id);
  await until(async () => (await ofBatch()).length === 2, 'the batch is not told of');
  expect(await ofBatch()).toMatchObject([
    { request: 'POST /batches/:id/cancel', decision: 'denied', caller_name: 'mallory' },
    { request: 'POST /stage_data/batch', decision: 'allowed', caller_name: 'alice' },
  ]);
  expect(await entries(`operation_id=${operation}`, 2)).toMatchObject([
    { request: 'GET /downloads/:token', username: 'alice', caller: null, decision: 'allowed' },
    { request: 'POST /stage_data' },
  ]);
  const byOlga = await entries(`caller=${encodeURIComponent(identity('olga'))}`, 2);
  expect(byOlga.map(({ request }) => request)).toEqual(['GET /logs', 'GET /audit']);
  const text = JSON.stringify((await service.get('/audit?limit=500', headers.olga)).body);
  expect(text).not.toContain(url.split('/').at(-1));
});

it('is not filled by strangers', async () => {
  const before = (await entries('decision=denied')).length;
  const from = { 'x-forwarded-for': '198.51.100.1' };
  for (let times = 0; times < 50; times += 1) {
    await service.stage({}, { username: `user${times}` }, { ...from, authorization: `Bearer ${times}` });
    await service.get(`/operations/${times}`, from);
    await service.get(`/downloads/${times}`, from);
  }
  await until(async () => (await entries('decision=denied')).length >= before + 3, 'nothing was denied');
  const bySame = async () =>
    (await entries('decision=denied&limit=500')).filter(({ address }) => address === '198.51.100.1');
  expect((await bySame()).length).toBeLessThan(60);
  await service.restart();
  const told = await bySame();
  const sum = told.reduce((all, { times }) => all + (times as number), 0);
  expect(sum).toBe(150);
  expect(told.filter(({ request }) => request === 'POST /stage_data').map(({ times }) => times as number)).toEqual([
    49, 1,
  ]);
});

it('can be had as a table, which no spreadsheet runs', async () => {
  await stage('alice', { local_path_on_storage: '=1+1', relative_path: 'a "b", c' });
  await stage('alice', { local_path_on_storage: 'file', relative_path: 'd' }, '=cmd');
  await entries('username=%3Dcmd');
  const answer = await service.get('/audit?username=alice&limit=1', { ...headers.olga, accept: 'text/csv' });
  expect(answer.headers).toMatchObject({
    'content-type': 'text/csv; charset=utf-8; header=present',
    'content-disposition': 'attachment; filename="audit.csv"',
  });
  const lines = answer.body.split('\r\n') as string[];
  expect(lines[0]).toMatch(/^time,caller,caller_name,role,address,request,asked,/);
  expect(lines.at(-1)).toBe('');
  expect(lines[1]).toContain('"{""method"":""local_copy"",""local_path_on_storage"":""=1+1"",');
  expect(lines.length).toBeGreaterThan(5);
  const odd = await service.get('/audit?username=%3Dcmd', { ...headers.olga, accept: 'text/csv' });
  expect(odd.body).toContain(",'=cmd,");
});

it('refuses nonsense, and changes', async () => {
  for (const search of ['decision=no', 'cursor=x', 'limit=0', 'from=yesterday']) {
    expect((await service.get(`/audit?${search}`, headers.olga)).status).toBe(422);
  }
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    expect((await service.request('/audit', { method, headers: headers.olga })).status).toBe(405);
  }
});

describeWhere(mariadbMissing(), 'while the database is away', () => {
  let server: Mariadb;
  beforeAll(async () => (server = await startMariadb()));

  it('what is denied is remembered until it is back', async () => {
    const other = await startService({ env: { ...settings(), DATABASE_URL: await server.newDatabase() } });
    await server.kill9();
    expect((await other.get('/logs', headers.mallory)).status).toBe(403);
    await server.restart();
    await until(async () => {
      const { status, body } = await other.get('/audit?decision=denied', headers.olga);
      return status === 200 && body.items.length > 0;
    }, 'it was forgotten');
    const { body } = await other.get('/audit?decision=denied', headers.olga);
    expect(body.items).toMatchObject([{ request: 'GET /logs', caller_name: 'mallory' }]);
  });
});

it('is kept as long as the site wants', async () => {
  const other = await startService({ env: { ...settings(), AUDIT_RETENTION_DAYS: '1' } });
  await other.get('/logs', headers.mallory);
  await until(async () => (await other.get('/audit', headers.olga)).body.items.length > 0, 'nothing is entered');
  await other.restart();
  expect((await other.get('/audit?decision=denied', headers.olga)).body.items).toHaveLength(1);
  const database = new Libsql(`${other.dir}/staging.sqlite`);
  // As if it were made two days ago: ids tell the time.
  const old = v7({ msecs: Date.now() - 2 * 86_400_000 });
  database.prepare("UPDATE staging_audit SET id = ? WHERE decision = 'denied'").run(old);
  database.close();
  await other.restart();
  expect((await other.get('/audit?decision=denied', headers.olga)).body.items).toEqual([]);
  expect((await other.get('/audit', headers.olga)).body.items).not.toEqual([]);
});
