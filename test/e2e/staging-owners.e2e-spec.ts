import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { accountsMissing, ALICE, BOB, type Ids, runAs, SERVICE_ACCOUNT, writeUserMap } from '../support/accounts';
import { describeWhere } from '../support/describe-where';
import { type Snapshot, snapshot, writeFiles } from '../support/files';
import { type Answer } from '../support/http-client';
import { logOf, operationOf } from '../support/operations';
import { type RunningService, serviceAsMissing, startService } from '../support/service';
import { temporaryFolder } from '../support/temporary-folder';

/** A group that users of a site share; no account of a usual host has this number. */
const GROUP = 61_200;
const FIXED = { uid: 61_300, gid: 61_301 };

const FILES = { file: 'content', other: 'other', 'tree/one': '1', 'tree/sub/two': '22', 'tree/sub/empty/three': '' };

/** Makes a directory of a user area as the site or its user would. */
function makeDirectory(place: string, { uid, gid }: Ids, mode: number): void {
  mkdirSync(place);
  chownSync(place, uid, gid);
  chmodSync(place, mode);
}

/** Owner and mode of all below a place, but of links: those have no mode, and whose they are matters to nobody. */
function ownersIn(place: string): Record<string, string> {
  const entries = Object.entries(snapshot(place)).filter(([, { kind }]) => kind !== 'link');
  return Object.fromEntries(entries.map(([name, { uid, gid, mode }]) => [name, `${uid}:${gid} ${mode}`]));
}

function ownerOf(place: string): string {
  return ownersIn(place)['.']!;
}

async function expectRefused(
  service: RunningService,
  answer: Answer,
  refusal: { status: number; code: string; detail: unknown },
): Promise<void> {
  const { status, code, detail } = refusal;
  expect(answer).toMatchObject({ status, body: { code, detail } });
  const id = answer.body.operation_id as string;
  const record = { status: 'failure', error_code: code, error_reason: answer.body.detail };
  expect(await operationOf(service, id)).toMatchObject(record);
  expect(readdirSync(`${service.areas}/.staging`)).toEqual([]);
}

describeWhere(accountsMissing(), 'a user with an account', () => {
  let service: RunningService;
  const of = (user: string) => `${service.areas}/${user}`;
  const stage = (source: string, destination: string, username = 'alice', method = 'local_copy') =>
    service.stage({ local_path_on_storage: source, relative_path: destination }, { username, method });

  beforeAll(async () => {
    const map = { alice: ALICE, bob: BOB, zero: { uid: 0, gid: 0 }, low: { uid: 999, gid: 61_001 } };
    const env = { USER_MAP: writeUserMap(temporaryFolder(), map) };
    service = await startService({ env, files: FILES });
    symlinkSync('sub/two', `${service.storage}/tree/link`);
  });

  it('owns a file that they may read and not change, and the directories that were made for it', async () => {
    expect(await stage('file', 'in/deep/file')).toMatchObject({ status: 200 });
    const user = `${ALICE.uid}:${ALICE.gid}`;
    expect(ownersIn(of('alice'))).toEqual({
      '.': `${user} 0700`,
      in: `${user} 0700`,
      'in/deep': `${user} 0700`,
      'in/deep/file': `${user} 0400`,
    });
    const file = `${of('alice')}/in/deep/file`;
    expect(runAs(ALICE, ['cat', file]).stdout).toBe('content');
    const writing = runAs(ALICE, ['sh', '-c', 'echo changed > "$1"', 'sh', file]);
    expect(writing.stderr).toContain('Permission denied');
    expect(readFileSync(file, 'utf8')).toBe('content');
    expect(runAs(BOB, ['cat', file])).toMatchObject({ stdout: '', status: 1 });
    expect(runAs(ALICE, ['touch', `${of('alice')}/in/deep/own`])).toMatchObject({ status: 0 });
    // Theirs to give up, too.
    expect(runAs(ALICE, ['rm', '-f', file])).toMatchObject({ status: 0 });
  });

  it('owns a tree in which they may read everything and change nothing', async () => {
    expect(await stage('tree', 'tree')).toMatchObject({ status: 200 });
    const user = `${ALICE.uid}:${ALICE.gid}`;
    expect(ownersIn(`${of('alice')}/tree`)).toEqual({
      '.': `${user} 0500`,
      one: `${user} 0400`,
      sub: `${user} 0500`,
      'sub/two': `${user} 0400`,
      'sub/empty': `${user} 0500`,
      'sub/empty/three': `${user} 0400`,
    });
    const tree = `${of('alice')}/tree`;
    expect(runAs(ALICE, ['cat', `${tree}/one`, `${tree}/link`]).stdout).toBe('122');
    for (const place of [tree, `${tree}/sub`]) {
      expect(runAs(ALICE, ['touch', `${place}/new`]).stderr).toContain('Permission denied');
    }
    expect(runAs(BOB, ['ls', tree])).toMatchObject({ stdout: '', status: 2 });
  });

  it('keeps directories that were there as they are', async () => {
    makeDirectory(of('bob'), { uid: BOB.uid, gid: GROUP }, 0o2751);
    makeDirectory(`${of('bob')}/shared`, { uid: 0, gid: GROUP }, 0o1777);
    expect(await stage('file', 'shared/made/file', 'bob')).toMatchObject({ status: 200 });
    const user = `${BOB.uid}:${BOB.gid}`;
    expect(ownersIn(of('bob'))).toEqual({
      '.': `${BOB.uid}:${GROUP} 2751`,
      shared: `0:${GROUP} 1777`,
      'shared/made': `${user} 0700`,
      'shared/made/file': `${user} 0400`,
    });
  });

  it.each(['zero', 'low', 'root'])('is none of the system, also by the map: %s', async (user) => {
    await expectRefused(service, await stage('file', 'file', user), {
      ...{ status: 403, code: 'forbidden' },
      detail: `${user} is a system account of this host; nothing is staged for it.`,
    });
    expect(existsSync(of(user))).toBe(false);
  });

  describe('linking', () => {
    /** What nobody may change by linking: all but the number of names. */
    let before: Snapshot;

    beforeAll(() => {
      const { storage } = service;
      writeFiles(storage, {
        'links/of-alice': 'a',
        'links/grouped': 'g',
        'links/plain/file': 'p',
        'links/secret': 's',
      });
      chownSync(`${storage}/links/of-alice`, ALICE.uid, ALICE.gid);
      chmodSync(`${storage}/links/of-alice`, 0o400);
      chmodSync(`${storage}/links/grouped`, 0o664);
      chmodSync(`${storage}/links/secret`, 0o600);
      chownSync(`${storage}/links/plain/file`, BOB.uid, GROUP);
      before = snapshot(storage);
    });
    afterEach(() => expect(snapshot(service.storage)).toEqual(before));

    const link = (source: string, destination: string) => stage(source, destination, 'alice', 'symlink_copy');

    it('gives a name, and changes nothing of the file', async () => {
      for (const outcome of ['staged', 'already_present']) {
        const answer = await link('links/plain/file', 'linked/file');
        expect(answer).toMatchObject({ status: 200, body: { operation: { outcome } } });
        expect(ownerOf(`${of('alice')}/linked/file`)).toBe(`${BOB.uid}:${GROUP} 0644`);
      }
      expect(ownerOf(`${of('alice')}/linked`)).toBe(`${ALICE.uid}:${ALICE.gid} 0700`);
      expect(runAs(ALICE, ['cat', `${of('alice')}/linked/file`]).stdout).toBe('p');
    });

    it('gives the user the directories of a tree only', async () => {
      for (const outcome of ['staged', 'already_present']) {
        const answer = await link('links/plain', 'linked/tree');
        expect(answer).toMatchObject({ status: 200, body: { operation: { outcome } } });
        expect(ownersIn(`${of('alice')}/linked/tree`)).toEqual({
          '.': `${ALICE.uid}:${ALICE.gid} 0500`,
          file: `${BOB.uid}:${GROUP} 0644`,
        });
      }
    });

    it.each([
      ['their own file, though it is read-only', 'links/of-alice', 'the source: it belongs to the user'],
      ['a file that a group may change', 'links/grouped', 'the source: its mode lets others write to it'],
      ['a tree with such a file', 'links', expect.stringMatching(/^(of-alice|grouped): /)],
    ])('is refused for %s, which can be copied', async (_what, source, why) => {
      const answer = await link(source, 'refused');
      const [, told] =
        /^Through a link the user could change the storage's own file \((.*)\)\. Copy it instead\.$/.exec(
          answer.body.detail as string,
        )!;
      expect(told).toEqual(why);
      await expectRefused(service, answer, { status: 409, code: 'source_writable', detail: answer.body.detail });
      expect(existsSync(`${of('alice')}/refused`)).toBe(false);
      const name = `copied-${path.basename(source)}`;
      expect(await stage(source, name)).toMatchObject({ status: 200 });
      const owners = Object.values(ownersIn(`${of('alice')}/${name}`));
      for (const owner of owners) expect(owner).toMatch(new RegExp(`^${ALICE.uid}:${ALICE.gid} 0[45]00$`));
    });

    it('opens no way into what the user could not read', async () => {
      expect(await link('links/secret', 'linked/secret')).toMatchObject({ status: 200 });
      expect(runAs(ALICE, ['cat', `${of('alice')}/linked/secret`]).stderr).toContain('Permission denied');
    });
  });
});

describeWhere(accountsMissing(), 'a user without an account', () => {
  const stage = (service: RunningService, destination: string, source = 'tree') =>
    service.stage({ local_path_on_storage: source, relative_path: destination }, { username: 'zoe' });

  it('reads by the group of their area what belongs to the service', async () => {
    const service = await startService({ files: FILES });
    makeDirectory(`${service.areas}/zoe`, { uid: 61_400, gid: GROUP }, 0o750);
    expect(await stage(service, 'made/tree')).toMatchObject({ status: 200 });
    expect(ownersIn(`${service.areas}/zoe`)).toEqual({
      '.': `61400:${GROUP} 0750`,
      made: `0:${GROUP} 0770`,
      'made/tree': `0:${GROUP} 0550`,
      'made/tree/one': `0:${GROUP} 0440`,
      'made/tree/sub': `0:${GROUP} 0550`,
      'made/tree/sub/two': `0:${GROUP} 0440`,
      'made/tree/sub/empty': `0:${GROUP} 0550`,
      'made/tree/sub/empty/three': `0:${GROUP} 0440`,
    });
    const member = { uid: 61_400, gid: GROUP };
    expect(runAs(member, ['cat', `${service.areas}/zoe/made/tree/sub/two`]).stdout).toBe('22');
    expect(runAs(member, ['touch', `${service.areas}/zoe/made/tree/new`]).stderr).toContain('Permission denied');
    expect(runAs(member, ['touch', `${service.areas}/zoe/made/own`])).toMatchObject({ status: 0 });
    expect(runAs(BOB, ['cat', `${service.areas}/zoe/made/tree/sub/two`])).toMatchObject({ stdout: '', status: 1 });
  });

  it('shares an account that the site names for all such users, with the modes of the site', async () => {
    const env = {
      ...{ UNMAPPED_USERS: `fixed:${FIXED.uid}:${FIXED.gid}`, STAGED_FILE_MODE: '0444', STAGED_DIR_MODE: '0555' },
    };
    const service = await startService({ env, files: FILES });
    expect(await stage(service, 'made/file', 'file')).toMatchObject({ status: 200 });
    expect(await stage(service, 'tree')).toMatchObject({ status: 200 });
    const owner = `${FIXED.uid}:${FIXED.gid}`;
    expect(ownersIn(`${service.areas}/zoe`)).toMatchObject({
      ...{ '.': `${owner} 0700`, made: `${owner} 0700`, 'made/file': `${owner} 0444` },
      ...{ tree: `${owner} 0555`, 'tree/one': `${owner} 0444` },
    });
    // What that account owns it could also change.
    chownSync(`${service.storage}/other`, FIXED.uid, FIXED.gid);
    const body = { local_path_on_storage: 'other', relative_path: 'link' };
    const answer = await service.stage(body, { username: 'zoe', method: 'symlink_copy' });
    expect(answer).toMatchObject({ status: 409, body: { code: 'source_writable' } });
  });

  it('is refused where the site wants that; others are not', async () => {
    const map = writeUserMap(temporaryFolder(), { alice: ALICE });
    const service = await startService({ env: { UNMAPPED_USERS: 'refuse', USER_MAP: map }, files: FILES });
    await expectRefused(service, await stage(service, 'tree'), {
      ...{ status: 403, code: 'forbidden', detail: 'zoe has no account at this site. Ask its operators for one.' },
    });
    expect(existsSync(`${service.areas}/zoe`)).toBe(false);
    const body = { local_path_on_storage: 'tree', relative_path: 'tree' };
    expect(await service.stage(body, { username: 'alice' })).toMatchObject({ status: 200 });
  });
});

describeWhere(serviceAsMissing(SERVICE_ACCOUNT), 'a service without privileges', () => {
  let service: RunningService;
  const own = `${SERVICE_ACCOUNT.uid}:${SERVICE_ACCOUNT.gid}`;
  const stage = (source: string, destination: string, query: Record<string, string> = {}) =>
    service.stage({ local_path_on_storage: source, relative_path: destination }, { username: 'zoe', ...query });

  beforeAll(async () => {
    const env = { USER_MAP: writeUserMap(temporaryFolder(), { alice: ALICE, self: SERVICE_ACCOUNT }) };
    service = await startService({ as: SERVICE_ACCOUNT, env, files: FILES });
    const { storage } = service;
    // As on a real site, the data is not the service's.
    for (const name of Object.keys(snapshot(storage))) chownSync(path.join(storage, name), 0, 0);
    writeFiles(storage, { secret: 's', 'closed/file': 'c', 'partly/fine': 'f', 'partly/closed': 'c' });
    for (const name of ['secret', 'partly/closed']) chmodSync(`${storage}/${name}`, 0o600);
    chmodSync(`${storage}/closed`, 0o700);
  });

  it.each(['zoe', 'alice'])('lets %s read by the group of the area, which it shares', async (username) => {
    makeDirectory(`${service.areas}/${username}`, { uid: 61_400, gid: SERVICE_ACCOUNT.gid }, 0o2770);
    expect(await stage('tree', 'made/tree', { username })).toMatchObject({ status: 200 });
    expect(ownersIn(`${service.areas}/${username}`)).toEqual({
      '.': `61400:${SERVICE_ACCOUNT.gid} 2770`,
      made: `${own} 0770`,
      'made/tree': `${own} 0550`,
      'made/tree/one': `${own} 0440`,
      'made/tree/sub': `${own} 0550`,
      'made/tree/sub/two': `${own} 0440`,
      'made/tree/sub/empty': `${own} 0550`,
      'made/tree/sub/empty/three': `${own} 0440`,
    });
    const tree = `${service.areas}/${username}/made/tree`;
    const member = { uid: 61_400, gid: SERVICE_ACCOUNT.gid };
    expect(runAs(member, ['cat', `${tree}/sub/two`]).stdout).toBe('22');
    expect(runAs(BOB, ['cat', `${tree}/sub/two`])).toMatchObject({ stdout: '', status: 1 });
  });

  it('stages for its own account as for one with an account', async () => {
    expect(await stage('tree', 'tree', { username: 'self' })).toMatchObject({ status: 200 });
    expect(ownersIn(`${service.areas}/self`)).toMatchObject({
      ...{ '.': `${own} 0700`, tree: `${own} 0500`, 'tree/one': `${own} 0400` },
    });
  });

  it.each([
    ['a file', 'secret'],
    ['a file in a closed directory', 'closed/file'],
    ['a tree', 'closed'],
    ['a tree with such a file', 'partly'],
  ])('tells that it may not read %s', async (_what, source) => {
    const answer = await stage(source, `refused/${path.basename(source)}`);
    await expectRefused(service, answer, {
      ...{ status: 403, code: 'source_forbidden' },
      detail: 'The service may not read the source. Ask the operators of this site.',
    });
    expect(existsSync(`${service.areas}/zoe/refused`)).toBe(false);
  });

  it.each([
    ['write to an area', { uid: 61_400, gid: SERVICE_ACCOUNT.gid }, 0o755, 'EACCES'],
    ['give files to the group of an area', { uid: SERVICE_ACCOUNT.uid, gid: GROUP }, 0o750, 'EPERM'],
  ])('tells that it may not %s, and the log tells why', async (_what, owner, mode, code) => {
    const area = `${service.areas}/${code}`;
    makeDirectory(area, owner, mode);
    const answer = await stage('file', 'file', { username: code });
    await expectRefused(service, answer, {
      ...{ status: 500, code: 'internal_error' },
      detail: 'The service may not write to this user area. Ask the operators of this site to check its permissions.',
    });
    expect(await logOf(service, answer.body.operation_id as string)).toContainEqual(
      expect.objectContaining({ level: 'ERROR', error: expect.objectContaining({ code }) }),
    );
    expect(readdirSync(area)).toEqual([]);
  });

  describeWhere(linksUnprotected(), 'where the kernel lets only those link who may write', () => {
    it('tells that no hard link can be made, or does what the site chose instead', async () => {
      await expectRefused(service, await stage('file', 'link', { method: 'symlink_copy' }), {
        ...{ status: 409, code: 'cross_device_link' },
        detail: 'No hard link can be made from the storage into this user area (EPERM). Use local_copy instead.',
      });
      const before = statSync(`${service.storage}/file`);
      await service.restart({ LINK_FALLBACK: 'copy' });
      const answer = await stage('file', 'link', { method: 'symlink_copy' });
      expect(answer).toMatchObject({ status: 200, body: { operation: { outcome: 'staged', link: null } } });
      expect(statSync(`${service.areas}/zoe/link`).ino).not.toBe(before.ino);
      expect(statSync(`${service.storage}/file`)).toMatchObject({ nlink: 1, uid: 0, mode: before.mode });
    });
  });
});

/** Why this kernel lets everybody make hard links, or null. */
function linksUnprotected(): string | null {
  const on = readFileSync('/proc/sys/fs/protected_hardlinks', 'utf8').trim() === '1';
  return on ? null : 'fs.protected_hardlinks is off';
}
