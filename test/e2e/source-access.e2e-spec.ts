import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { accountsMissing, ALICE, type Ids, writeUserMap } from '../support/accounts';
import { describeWhere } from '../support/describe-where';
import { writeFiles } from '../support/files';
import { type Answer } from '../support/http-client';
import { OpenIdProvider } from '../support/openid-provider';
import { operationOf } from '../support/operations';
import { type RunningService, startService } from '../support/service';
import { temporaryFolder } from '../support/temporary-folder';
import { until } from '../support/until';

/** `SOURCE_ACCESS=user`: the service could read it all, its users may not. */

/** A group that bob is in; no account of a usual host has this number. */
const GROUP = 61_200;
const BOB: Ids = { uid: 61_002, gid: GROUP };
const OWNER: Ids = { uid: 61_003, gid: GROUP };

const FILES = {
  open: 'for all',
  private: 'for its owner',
  shared: 'for the group',
  'closed/open': 'behind a door',
  'passage/known': 'for who knows its name',
  'names/file': 'seen, not had',
  'tree/one': '1',
  'tree/sub/private': 'for its owner',
  'tree/sub/two': '2',
  'rooms/closed/file': 'behind a door',
  'rooms/file': 'before it',
  'links/file': 'of its own',
};
const MODES: Record<string, number> = {
  open: 0o444,
  private: 0o400,
  shared: 0o440,
  closed: 0o700,
  'closed/open': 0o444,
  passage: 0o711,
  names: 0o744,
  'tree/sub/private': 0o400,
  'rooms/closed': 0o700,
};

function makeStorage(storage: string): void {
  writeFiles(storage, FILES);
  symlinkSync('closed/open', `${storage}/to-closed`);
  symlinkSync('../private', `${storage}/links/private`);
  for (const [name, mode] of Object.entries(MODES)) {
    chownSync(`${storage}/${name}`, OWNER.uid, OWNER.gid);
    chmodSync(`${storage}/${name}`, mode);
  }
}

const usersOf = () => writeUserMap(temporaryFolder(), { alice: ALICE, bob: BOB, olga: OWNER });

describeWhere(accountsMissing(), 'users may have what they could read themselves', () => {
  let service: RunningService;
  beforeAll(async () => {
    service = await startService({ env: { SOURCE_ACCESS: 'user', USER_MAP: usersOf() } });
    makeStorage(service.storage);
  });

  let counter = 0;
  const stage = (source: string, username = 'alice', method = 'local_copy', headers = {}) =>
    service.stage(
      { local_path_on_storage: source, relative_path: `to-${(counter += 1)}` },
      { username, method },
      { accept: 'application/json', ...headers },
    );

  function expectRefused(answer: Answer, shown: string): void {
    const detail = `The user may not read ${shown} on this storage. Ask its owner for access.`;
    expect(answer).toMatchObject({ status: 403, body: { code: 'source_forbidden', detail } });
  }

  it('by owner, group and all others', async () => {
    for (const username of ['alice', 'bob', 'olga', 'nobody-here']) {
      expect((await stage('open', username)).status).toBe(200);
      expect((await stage('passage/known', username)).status).toBe(200);
    }
    expect((await stage('private', 'olga')).status).toBe(200);
    expect((await stage('shared', 'bob')).status).toBe(200);
    for (const username of ['alice', 'bob', 'nobody-here']) expectRefused(await stage('private', username), 'private');
    for (const username of ['alice', 'nobody-here']) expectRefused(await stage('shared', username), 'shared');
    expect((await service.get('/config')).body).toMatchObject({ source_access: 'user' });
  });

  it('never what lies behind a directory that they may not pass, nor whether it is there', async () => {
    for (const name of ['closed/open', 'closed/missing', 'closed/open/../../open', `${service.storage}/closed/open`]) {
      expectRefused(await stage(name, 'bob'), name);
    }
    expectRefused(await stage('to-closed', 'bob'), 'to-closed');
    expectRefused(await stage('closed', 'bob'), 'closed');
    expectRefused(await stage('names', 'bob'), 'names');
    expectRefused(await stage('names/file', 'bob'), 'names/file');
    expect((await stage('to-closed', 'olga')).status).toBe(200);
    expect((await stage('closed/missing', 'olga')).body).toMatchObject({ code: 'source_not_found' });
    expect((await stage('closed/../../../etc/passwd', 'bob')).body).toMatchObject({ code: 'path_outside_storage' });
  });

  it.each([
    ['a file', 'tree', 'sub/private'],
    ['a directory', 'rooms', 'closed'],
    ['what a link leads to', 'links', 'private'],
  ])('of a tree all or nothing: %s', async (_what, tree, shown) => {
    for (const method of ['local_copy', 'direct_download']) {
      const answer = await stage(tree, 'alice', method);
      expectRefused(answer, shown);
      expect(await operationOf(service, answer.body.operation_id as string)).toMatchObject({
        status: 'failure',
        error_code: 'source_forbidden',
      });
    }
    if (tree !== 'links') expectRefused(await stage(tree, 'alice', 'symlink_copy'), shown);
    expect((await stage(tree, 'olga')).status).toBe(200);
    expect(readdirSync(`${service.areas}/.staging`)).toEqual([]);
    expect(existsSync(`${service.areas}/alice/to-${counter}`)).toBe(false);
  });

  it('by each method, and in a plan as in the doing', async () => {
    for (const method of ['local_copy', 'symlink_copy', 'direct_download']) {
      expectRefused(await stage('shared', 'alice', method), 'shared');
      expect((await stage('shared', 'bob', method)).status).toBe(200);
    }
    const streamed = await stage('shared', 'alice', 'direct_download', { accept: '*/*' });
    expectRefused(streamed, 'shared');
    const plan = (username: string) =>
      service.post(`/stage_data/plan?method=local_copy&username=${username}`, {
        items: [{ local_path_on_storage: 'shared', relative_path: 'planned' }],
      });
    expect((await plan('alice')).body.items).toMatchObject([{ error_code: 'source_forbidden' }]);
    expect((await plan('bob')).body.items).toMatchObject([{ error_code: null }]);
  });

  it('in a batch too', async () => {
    const items = ['open', 'private'].map((name) => ({ local_path_on_storage: name, relative_path: `batch/${name}` }));
    const { body } = await service.post('/stage_data/batch?method=local_copy&username=alice', { items });
    const counts = async () => (await service.get(`/batches/${body.batch_id}`)).body.counts as unknown;
    await until(async () => {
      const { queued, running } = (await counts()) as Record<string, number>;
      return queued === 0 && running === 0;
    }, 'the batch does not end');
    expect(await counts()).toMatchObject({ success: 1, failure: 1 });
    expect(readdirSync(`${service.areas}/alice/batch`)).toEqual(['open']);
  });

  (spawnSync('setfacl', ['--version']).error ? it.skip : it)('by access control lists (needs setfacl)', async () => {
    writeFiles(service.storage, { 'listed/given': 'given', 'listed/taken': 'taken' });
    const list = (entries: string, name: string) =>
      execFileSync('setfacl', ['-m', entries, `${service.storage}/listed/${name}`]);
    chmodSync(`${service.storage}/listed/given`, 0o600);
    list(`u:${ALICE.uid}:r`, 'given');
    list(`u:${ALICE.uid}:---`, 'taken');
    expect((await stage('listed/given', 'alice')).status).toBe(200);
    expectRefused(await stage('listed/given', 'bob'), 'listed/given');
    expectRefused(await stage('listed/taken', 'alice'), 'listed/taken');
    expectRefused(await stage('listed', 'alice'), 'taken');
    expect((await stage('listed/taken', 'bob')).status).toBe(200);
  });

  it('when a link is used, as they may then', async () => {
    const { body } = await stage('shared', 'bob', 'direct_download');
    const link = body.operation.download_url as string;
    expect((await service.get(link)).body.toString()).toBe('for the group');
    chmodSync(`${service.storage}/shared`, 0o400);
    expectRefused(await service.get(link), 'shared');
    chmodSync(`${service.storage}/shared`, 0o440);
    expect((await service.get(link)).status).toBe(200);
  });

  it('in what is listed for them', async () => {
    const list = (directory: string, username?: string) =>
      service.get(`/storage?path=${directory}${username === undefined ? '' : `&username=${username}`}`);
    expectRefused(await list('closed', 'bob'), 'closed');
    expectRefused(await list('passage', 'alice'), 'passage');
    expectRefused(await list('closed'), 'closed');
    expect((await list('closed', 'olga')).body.items).toMatchObject([{ name: 'open' }]);
    expect((await list('tree')).body.items).toHaveLength(2);
    expect((await list('', 'not/a/name')).body).toMatchObject({ errors: [{ field: 'username' }] });
  });

  it('and never as an account of the system', async () => {
    expect((await service.get('/storage?path=closed&username=root')).body).toMatchObject({ code: 'forbidden' });
    expect((await stage('open', 'root')).body).toMatchObject({ code: 'forbidden' });
  });
});

describeWhere(accountsMissing(), 'users who signed in', () => {
  it('see of the storage what their own accounts may, and for another one only who may act for them', async () => {
    const people = {
      bob: { preferred_username: 'bob' },
      alice: { preferred_username: 'alice' },
      portal: {},
      boss: { preferred_username: 'boss', groups: ['operators'] },
    };
    const provider = await OpenIdProvider.start(people);
    const env = {
      ...provider.settings,
      OIDC_SERVICE_SUBJECTS: 'portal',
      OIDC_OPERATOR_GROUPS: 'operators',
      SOURCE_ACCESS: 'user',
      USER_MAP: usersOf(),
    };
    const service = await startService({ env });
    makeStorage(service.storage);
    chmodSync(`${service.storage}/closed`, 0o750);
    const list = async (who: string, username = '') =>
      (await service.get(`/storage?path=closed${username && `&username=${username}`}`, await provider.bearer(who)))
        .status;
    expect([await list('bob'), await list('alice'), await list('portal'), await list('boss')]).toEqual([
      200, 403, 403, 403,
    ]);
    expect([await list('portal', 'bob'), await list('boss', 'bob'), await list('bob', 'bob')]).toEqual([200, 200, 200]);
    const refused = await service.get('/storage?path=closed&username=bob', await provider.bearer('alice'));
    expect(refused).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  });
});

describeWhere(accountsMissing(), 'users without an account, who are given one', () => {
  it('may have what that one could read', async () => {
    const env = { SOURCE_ACCESS: 'user', UNMAPPED_USERS: `fixed:${OWNER.uid}:${OWNER.gid}` };
    const service = await startService({ env });
    makeStorage(service.storage);
    const answer = await service.stage({ local_path_on_storage: 'private', relative_path: 'private' });
    expect(answer.status).toBe(200);
    expect(readFileSync(`${service.areas}/ana/private`, 'utf8')).toBe('for its owner');
  });
});
