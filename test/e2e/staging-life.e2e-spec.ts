import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { describeWhere } from '../support/describe-where';
import {
  bytesOf,
  contentOf,
  makeDeepTree,
  makeFifo,
  makeSocket,
  makeSparseFile,
  makeTree,
  notUtf8,
  patchFile,
  type Snapshot,
  snapshot,
  writeFiles,
} from '../support/files';
import { type Answer } from '../support/http-client';
import { mariadbMissing, startMariadb } from '../support/mariadb';
import { mountingMissing, mountTmpfs } from '../support/mounts';
import {
  logOf,
  manifestOf,
  metric,
  operationOf,
  operations,
  operationWriting,
  privateNames,
} from '../support/operations';
import { type RunningService, startService } from '../support/service';
import { temporaryFolder } from '../support/temporary-folder';

const GIB = 1024 ** 3;
const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
/** Longer ago than any test, so that a kept time tells itself from a new one. */
const OLD = new Date('2001-02-03T04:05:06Z');
/** XXH3 of nothing, by its authors' own test vectors. */
const XXH3_OF_NOTHING = '2d06800538d394c2';
const ODD_NAME = `${'ü'.repeat(120)} two\nlines`;

const IMAGE = bytesOf('image', 300_000);
const FILES = {
  'obs/a.fits': IMAGE,
  'obs/empty': '',
  'tree/top': 'top',
  'tree/deep/down/leaf': bytesOf('leaf', 5000),
  'tree/deep/empty': '',
  [`tree/${ODD_NAME}`]: 'odd',
  'other/outside-the-tree': 'from elsewhere',
  'bad/nested/with-fifo/fine': 'fine',
  'bad/leaving/deep/fine': 'fine',
  'bad/open': 'anybody writes here',
  'bad/set-id': 'runs as somebody else',
};

/** Everything that the contract says of an operation in JSON; what a test does not name is null. */
function operationWith(facts: Record<string, unknown>): Record<string, unknown> {
  const nothing = [
    'requested_by storage staged_path name_encoding kind outcome error_code error_reason retryable warning',
    'files_total files_done bytes_total bytes_done checksum link matches_source label batch_id server bytes_per_second',
    'eta_seconds current_path wait_reason download_url released_at expires_at',
  ];
  const time = expect.stringMatching(TIME);
  return {
    ...Object.fromEntries(nothing.flatMap((names) => names.split(' ')).map((name) => [name, null])),
    id: expect.stringMatching(UUID7),
    method: 'local_copy',
    username: 'ana',
    attempts: 1,
    ...{ created_at: time, started_at: time, finished_at: time },
    ...facts,
  };
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Both spellings of a success in one: the answer is 200, names its operation, and the record says the same. */
async function expectSuccess(service: RunningService, answer: Answer, facts: Record<string, unknown>): Promise<string> {
  expect(answer).toMatchObject({ status: 200, body: { status: 'success' } });
  const { operation } = answer.body;
  expect(operation).toStrictEqual(operationWith({ status: 'success', ...facts }));
  expect(answer.headers['x-operation-id']).toBe(operation.id);
  expect(await operationOf(service, operation.id)).toStrictEqual(operation);
  return operation.id;
}

/** What the same request can only be refused with again. */
const HOPELESS = new Set(['invalid_method', 'path_outside_storage', 'path_outside_user_area', 'forbidden']);

/** A refusal as the contract wants it: the problem, its header, the record, a line of the log, the metric. */
interface Refusal {
  status: number;
  code: string;
  detail: unknown;
  body: Record<string, unknown>;
  query?: Record<string, string>;
  /** How far it came, where it had begun. */
  progress?: Record<string, unknown>;
}

async function expectRefusal(service: RunningService, refusal: Refusal): Promise<void> {
  const { status, code, detail, body, query = {}, progress = {} } = refusal;
  const method = query.method ?? 'local_copy';
  const offered = ['local_copy', 'symlink_copy'].includes(method) ? method : 'unknown';
  const counter = `staging_operations_total{method="${offered}",status="failure",code="${code}"}`;
  const [counted, areas] = [await metric(service, counter), areasOf(service)];
  const answer = await service.stage(body, query);
  const id = answer.headers['x-operation-id'] as string;
  expect(answer.body).toStrictEqual({
    type: `/docs#${code}`,
    title: expect.any(String),
    status,
    detail,
    instance: '/stage_data',
    code,
    operation_id: id,
  });
  expect(answer).toMatchObject({ status, headers: { 'content-type': 'application/problem+json' } });
  expect(await operationOf(service, id)).toStrictEqual(
    operationWith({
      id,
      method,
      username: query.username ?? 'ana',
      storage: body.storage ?? null,
      local_path_on_storage: body.local_path_on_storage,
      relative_path: body.relative_path,
      name_encoding: body.name_encoding ?? null,
      status: 'failure',
      error_code: code,
      error_reason: answer.body.detail,
      retryable: !HOPELESS.has(code),
      ...progress,
    }),
  );
  expect(await logOf(service, id)).toContainEqual(
    expect.objectContaining({ message: answer.body.detail, code, operation_id: id, method }),
  );
  expect(await metric(service, counter)).toBe(counted + 1);
  expect(areasOf(service)).toEqual(areas);
  expect(privateNames(`${service.areas}/.staging`)).toEqual([]);
}

/** Who has an area, and all that is in ana's: where others have much, it takes long to look at. */
function areasOf(service: RunningService): { users: string[]; ana: Snapshot } {
  const area = `${service.areas}/ana`;
  const users = readdirSync(service.areas).filter((name) => name !== '.staging');
  return { users, ana: existsSync(area) ? snapshot(area) : {} };
}

/** A copied tree without the links that the source has and a copy may have otherwise. */
function filesIn(root: string): unknown {
  return Object.fromEntries(Object.entries(contentOf(snapshot(root))).filter(([, { kind }]) => kind !== 'link'));
}

/** A file whose copy takes a while, and shows from the beginning that it grows. */
function makeLargeFile(file: string): void {
  makeSparseFile(file, GIB / 2);
  patchFile(file, 0, 'not a hole');
}

/** RFC 1950, section 8.2. */
function adler32(content: Buffer): string {
  let [a, b] = [1, 0];
  for (const byte of content) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return (b * 65_536 + a).toString(16);
}

function textAt(file: string, position: number, length: number): string {
  const handle = openSync(file, 'r');
  const bytes = Buffer.alloc(length);
  readSync(handle, bytes, 0, length, position);
  closeSync(handle);
  return bytes.toString();
}

function describeLife(database: () => Promise<string>): void {
  let service: RunningService;
  let outside: string;

  beforeAll(async () => {
    service = await startService({ env: { DATABASE_URL: await database() }, files: FILES });
    outside = temporaryFolder();
    writeFiles(outside, { secret: 'secret' });
    const { storage } = service;
    mkdirSync(`${storage}/tree/nothing`);
    symlinkSync('deep/down/leaf', `${storage}/tree/inner-link`);
    symlinkSync('../other/outside-the-tree', `${storage}/tree/outer-link`);
    symlinkSync(`${outside}/secret`, `${storage}/bad/leaves`);
    symlinkSync(`${outside}/secret`, `${storage}/bad/leaving/deep/out`);
    makeFifo(`${storage}/bad/fifo`);
    makeFifo(`${storage}/bad/nested/with-fifo/pipe`);
    await makeSocket(`${storage}/bad/socket`);
    chmodSync(`${storage}/bad/open`, 0o666);
    chmodSync(`${storage}/bad/set-id`, 0o4755);
    for (const name of ['obs/a.fits', 'tree/deep', 'tree']) utimesSync(`${storage}/${name}`, OLD, OLD);
  }, 90_000);

  describe('a file', () => {
    it('is copied: answer, record, manifest, log and metrics say the same', async () => {
      const names = {
        count: 'staging_operations_total{method="local_copy",status="success",code="none"}',
        bytes: 'staging_bytes_total{method="local_copy"}',
        times: 'staging_operation_duration_seconds_count{method="local_copy",status="success"}',
      };
      const numbers = () => Promise.all(Object.values(names).map((name) => metric(service, name)));
      const [count, bytes, times] = (await numbers()) as [number, number, number];
      const answer = await service.stage({ local_path_on_storage: 'obs/a.fits', relative_path: 'in/a.fits' });
      expect(answer.body.message).toBe('Data staged for user ana with method local_copy');
      const { checksum } = answer.body.operation;
      const id = await expectSuccess(service, answer, {
        ...{ storage: 'default', local_path_on_storage: 'obs/a.fits', relative_path: 'in/a.fits' },
        ...{ staged_path: 'in/a.fits', kind: 'file', outcome: 'staged', files_total: 1, files_done: 1 },
        ...{ bytes_total: IMAGE.length, bytes_done: IMAGE.length },
        checksum: { algorithm: 'xxh3', value: expect.stringMatching(/^[0-9a-f]{16}$/) },
      });
      const copy = `${service.areas}/ana/in/a.fits`;
      const stat = statSync(copy, { bigint: true });
      expect(readFileSync(copy)).toEqual(IMAGE);
      expect(stat.mtimeMs).toBe(BigInt(OLD.getTime()));
      expect(await manifestOf(service, id)).toStrictEqual([
        {
          ...{ path: 'a.fits', name_encoding: null, kind: 'file', size: IMAGE.length, mtime_ns: String(stat.mtimeNs) },
          ...{ device: String(stat.dev), inode: String(stat.ino), algorithm: 'xxh3', checksum: checksum.value },
          ...{ status: 'staged', error_code: null },
        },
      ]);
      const text = await service.get(`/operations/${id}/files`, { accept: 'text/plain' });
      expect(text).toMatchObject({ status: 200, body: `XXH3 (a.fits) = ${checksum.value}\n` });
      const log = await logOf(service, id);
      const [requested, copied, staged, answered, ...rest] = log;
      expect(rest).toEqual([]);
      const told = { level: 'INFO', operation_id: id, method: 'local_copy', username: 'ana' };
      const paths = { source: 'obs/a.fits', destination: 'in/a.fits' };
      expect(requested).toMatchObject({ message: 'Staging requested', ...told, ...paths });
      expect(copied).toMatchObject({
        ...{ message: 'Source and destination checked; copied and verified by xxh3', ...told },
      });
      expect(staged).toMatchObject({
        ...{ message: 'Staged', ...told, ...paths, staged_path: 'in/a.fits', kind: 'file', files: 1 },
        ...{ bytes: IMAGE.length, checksum: `xxh3:${checksum.value}`, duration_ms: expect.any(Number) },
      });
      expect(answered).toMatchObject({ message: 'POST /stage_data', status: 200, operation_id: id });
      expect(await numbers()).toEqual([count + 1, bytes + IMAGE.length, times + 1]);
    });

    it('may be empty', async () => {
      const { body } = await service.stage({ local_path_on_storage: 'obs/empty', relative_path: 'in/empty' });
      expect(body.operation).toMatchObject({ files_total: 1, bytes_total: 0, bytes_done: 0 });
      expect(body.operation.checksum).toEqual({ algorithm: 'xxh3', value: XXH3_OF_NOTHING });
      expect(statSync(`${service.areas}/ana/in/empty`).size).toBe(0);
    });

    it('is linked: one file with two names, by the older name of the method too', async () => {
      const names = ['linked', 'linked-as-of-old'];
      for (const [index, method] of ['symlink_copy', 'local_symlink'].entries()) {
        const name = names[index]!;
        const answer = await service.stage({ local_path_on_storage: 'obs/a.fits', relative_path: name }, { method });
        expect(answer.body.message).toBe('Data staged for user ana with method symlink_copy');
        const id = await expectSuccess(service, answer, {
          ...{ method: 'symlink_copy', storage: 'default', local_path_on_storage: 'obs/a.fits', relative_path: name },
          ...{ staged_path: name, kind: 'file', outcome: 'staged', link: 'hard', files_total: 1, files_done: 1 },
          ...{ bytes_total: IMAGE.length, bytes_done: IMAGE.length },
        });
        const stat = statSync(`${service.storage}/obs/a.fits`);
        expect(statSync(`${service.areas}/ana/${name}`).ino).toBe(stat.ino);
        expect(await manifestOf(service, id)).toEqual([
          expect.objectContaining({ path: name, kind: 'file', inode: String(stat.ino), checksum: null }),
        ]);
        // Nothing was read, so there is no checksum to tell.
        const text = await service.get(`/operations/${id}/files`, { accept: 'text/plain' });
        expect(text).toMatchObject({ status: 200, body: '' });
      }
      expect(statSync(`${service.storage}/obs/a.fits`).nlink).toBe(3);
    });

    it.each([
      ['sha256', sha256(IMAGE)],
      ['md5', createHash('md5').update(IMAGE).digest('hex').toUpperCase()],
      ['adler32', adler32(IMAGE)],
    ])('is compared with the %s checksum that the caller expects', async (algorithm, expected) => {
      const source = { local_path_on_storage: 'obs/a.fits', relative_path: `checked/${algorithm}` };
      const answer = await service.stage({ ...source, checksum: { algorithm, value: expected } });
      expect(answer).toMatchObject({ status: 200 });
      expect(answer.body.operation.checksum).toEqual({ algorithm, value: expected.toLowerCase() });
      const checksum = { algorithm, value: '1'.repeat(expected.length) };
      const refused = await service.stage({ ...source, relative_path: 'checked/never', checksum });
      expect(refused).toMatchObject({ status: 502, body: { code: 'checksum_mismatch' } });
      expect(existsSync(`${service.areas}/ana/checked/never`)).toBe(false);
    });

    it('keeps its label in the record, by which it is found again', async () => {
      const label = 'night of 2026-02-01, 50 % done_';
      const source = { local_path_on_storage: 'obs/a.fits', relative_path: 'labelled' };
      const { body } = await service.stage({ ...source, label });
      expect(body.operation.label).toBe(label);
      const found = await operations(service, `q=${encodeURIComponent('50 % done_')}`);
      expect(found.map(({ id }) => id)).toEqual([body.operation.id]);
    });
  });

  describe('a tree', () => {
    it('is copied whole, and listed file by file', async () => {
      const answer = await service.stage({ local_path_on_storage: 'tree', relative_path: 'trees/copy' });
      const bytes = 3 + 5000 + 3 + 'from elsewhere'.length;
      const id = await expectSuccess(service, answer, {
        ...{
          storage: 'default',
          local_path_on_storage: 'tree',
          relative_path: 'trees/copy',
          staged_path: 'trees/copy',
        },
        ...{ kind: 'directory', outcome: 'staged', files_total: 6, files_done: 6 },
        ...{ bytes_total: bytes, bytes_done: bytes },
      });
      const copy = `${service.areas}/ana/trees/copy`;
      const [before, after] = [snapshot(`${service.storage}/tree`), snapshot(copy)];
      expect(contentOf(after)).toEqual({
        ...contentOf(before),
        // A link to elsewhere on the storage is copied as what it leads to.
        'outer-link': contentOf(snapshot(`${service.storage}/other`))['outside-the-tree'],
      });
      for (const name of ['.', 'deep']) expect(after[name]!.mtimeNs).toBe(before[name]!.mtimeNs);
      const manifest = await manifestOf(service, id);
      const rows = new Map(manifest.map((row) => [row.path, row]));
      expect([...rows.keys()].sort()).toEqual(
        ['top', 'deep/down/leaf', 'deep/empty', ODD_NAME, 'inner-link', 'outer-link'].sort(),
      );
      expect(manifest).toHaveLength(6);
      for (const [path, { inode, size, kind }] of rows) {
        const { inode: found, kind: foundKind, size: foundSize } = after[path]!;
        expect({ path, inode, size, kind }).toEqual({ path, inode: String(found), size: foundSize, kind: foundKind });
      }
      expect(rows.get('deep/empty')).toMatchObject({ algorithm: 'xxh3', checksum: XXH3_OF_NOTHING });
      expect(rows.get('inner-link')).toMatchObject({ kind: 'link', checksum: null });
      const messages = (await logOf(service, id)).map(({ message }) => message);
      expect(messages).toEqual([
        'Staging requested',
        'Source checked: a tree',
        'Tree copied and verified',
        'Staged',
        'POST /stage_data',
      ]);
    });

    it('is linked file by file, in directories of its own', async () => {
      const query = { method: 'symlink_copy' };
      const answer = await service.stage({ local_path_on_storage: 'tree', relative_path: 'trees/links' }, query);
      expect(answer.body.operation).toMatchObject({ kind: 'directory', link: 'hard', files_total: 6, checksum: null });
      const links = `${service.areas}/ana/trees/links`;
      const [source, linked] = [snapshot(`${service.storage}/tree`), snapshot(links)];
      for (const name of ['top', 'deep/down/leaf', ODD_NAME]) expect(linked[name]).toEqual(source[name]);
      for (const name of ['.', 'deep', 'nothing']) expect(linked[name]!.inode).not.toBe(source[name]!.inode);
      expect(await manifestOf(service, answer.body.operation.id)).toHaveLength(6);
    });

    it('may have 10,000 files in one directory', async () => {
      const names = makeTree(`${service.storage}/wide`, { files: 10_000, sizes: [0, 11], perDirectory: 10_000 });
      for (const method of ['local_copy', 'symlink_copy']) {
        const source = { local_path_on_storage: 'wide', relative_path: method };
        const answer = await service.stage(source, { method, username: 'wide' });
        expect(answer).toMatchObject({
          status: 200,
          body: { operation: { files_total: 10_000, bytes_total: 55_000 } },
        });
        expect(filesIn(`${service.areas}/wide/${method}`)).toEqual(filesIn(`${service.storage}/wide`));
        const paths = (await manifestOf(service, answer.body.operation.id)).map(({ path }) => path as string);
        expect(paths.sort()).toEqual(names);
      }
    }, 90_000);

    it('may be 200 directories deep', async () => {
      const leaf = makeDeepTree(`${service.storage}/deep`, 200);
      for (const method of ['local_copy', 'symlink_copy']) {
        const source = { local_path_on_storage: 'deep', relative_path: method };
        const answer = await service.stage(source, { method, username: 'deep' });
        expect(answer).toMatchObject({ status: 200, body: { operation: { files_total: 1, kind: 'directory' } } });
        expect(readFileSync(`${service.areas}/deep/${method}/${leaf}`, 'utf8')).toBe('deep');
        expect(await manifestOf(service, answer.body.operation.id)).toMatchObject([{ path: leaf }]);
      }
    });
  });

  describe('what is there already', () => {
    const stage = (source: string, destination: string, more = {}) =>
      service.stage({ local_path_on_storage: source, relative_path: destination, ...more });

    it.each([
      ['a file', 'obs/a.fits', 'present/file'],
      ['a tree', 'tree', 'present/tree'],
    ])('is told, and not touched: %s', async (what, source, destination) => {
      const first = (await stage(source, destination)).body.operation;
      const before = areasOf(service);
      const answer = await stage(source, destination);
      expect(answer.body.message).toBe(`Data already available at ${destination}`);
      const id = await expectSuccess(service, answer, {
        ...{ storage: 'default', local_path_on_storage: source, relative_path: destination, staged_path: destination },
        ...{ kind: what === 'a file' ? 'file' : 'directory', outcome: 'already_present', matches_source: true },
      });
      expect(id).not.toBe(first.id);
      expect(await manifestOf(service, id)).toEqual([]);
      expect((await logOf(service, id)).map(({ message }) => message)).toContain('Already available');
      expect(areasOf(service)).toEqual(before);
    });

    it('is told not to match when source and destination differ', async () => {
      writeFiles(service.storage, { 'changing/one': 'one', 'changing-file': 'one' });
      for (const name of ['changing', 'changing-file']) await stage(name, `differs/${name}`);
      writeFiles(service.storage, { 'changing/two': 'two', 'changing-file': 'other' });
      const before = areasOf(service);
      for (const name of ['changing', 'changing-file']) {
        const { body } = await stage(name, `differs/${name}`);
        expect(body.operation).toMatchObject({ outcome: 'already_present', matches_source: false });
      }
      expect(areasOf(service)).toEqual(before);
    });

    it('is held against the checksum that the caller expects, where one was recorded', async () => {
      const [right, wrong] = [sha256(IMAGE), sha256('other')].map((value) => ({ algorithm: 'sha256', value }));
      await stage('obs/a.fits', 'present/known', { checksum: right });
      const again = async (checksum: unknown) =>
        (await stage('obs/a.fits', 'present/known', { checksum })).body.operation;
      expect(await again(right)).toMatchObject({ outcome: 'already_present', matches_source: true });
      expect(await again(wrong)).toMatchObject({ outcome: 'already_present', matches_source: false });
    });

    it('is made once when two ask for it at the same time', async () => {
      makeLargeFile(`${service.storage}/both-want-it`);
      const ask = (destination: string) => {
        const source = { local_path_on_storage: 'both-want-it', relative_path: destination };
        return service.stage(source, { username: 'both' });
      };
      const first = ask('shared');
      const id = await operationWriting(`${service.areas}/.staging`);
      const second = await ask('.//shared');
      expect(second.body.operation).toMatchObject({ outcome: 'already_present', matches_source: true });
      expect((await first).body.operation).toMatchObject({ id, outcome: 'staged' });
      expect(privateNames(`${service.areas}/.staging`)).toEqual([]);
    }, 60_000);
  });

  describe('a destination', () => {
    it.each([
      ['ending with a slash receives the source under its own name', 'into/', 'into/a.fits'],
      ['may have empty segments and dots', './/into/./dotted//', 'into/dotted/a.fits'],
      ['may be the area itself', './', 'a.fits'],
      ['may hold backslashes, percent signs and spaces', 'in to/%41\\b', 'in to/%41\\b'],
    ])('%s', async (_what, destination, staged) => {
      const source = { local_path_on_storage: 'obs/a.fits', relative_path: destination };
      const { body } = await service.stage(source, { username: 'Into.1' });
      expect(body.operation).toMatchObject({ relative_path: destination, staged_path: staged, username: 'Into.1' });
      expect(readFileSync(`${service.areas}/Into.1/${staged}`)).toEqual(IMAGE);
    });
  });

  it('brings a file whose name is not UTF-8 from listing to listing', async () => {
    mkdirSync(`${service.storage}/latin1`);
    writeFileSync(notUtf8(`${service.storage}/latin1`), 'as bytes');
    const encoded = 'caf%FF.fits';
    const listed = await service.get('/storage?path=latin1');
    expect(listed.body.items).toMatchObject([{ name: encoded, name_encoding: 'percent', kind: 'file', size: 8 }]);
    const [path, relative] = [`latin1/${encoded}`, `my%20caf%C3%A9/${encoded}`];
    const answer = await service.stage({
      ...{ local_path_on_storage: path, relative_path: relative },
      name_encoding: 'percent',
    });
    const id = await expectSuccess(service, answer, {
      ...{ storage: 'default', local_path_on_storage: path, relative_path: relative, staged_path: relative },
      ...{ name_encoding: 'percent', kind: 'file', outcome: 'staged', files_total: 1, files_done: 1 },
      ...{ bytes_total: 8, bytes_done: 8, checksum: { algorithm: 'xxh3', value: expect.any(String) } },
    });
    expect(readFileSync(notUtf8(`${service.areas}/ana/my café`), 'utf8')).toBe('as bytes');
    const area = await service.get(`/user-areas/ana?path=${encodeURIComponent('my café')}`);
    expect(area.body.items).toMatchObject([{ name: encoded, name_encoding: 'percent', kind: 'file', size: 8 }]);
    const row = { path: encoded, name_encoding: 'percent', kind: 'file', size: 8 };
    expect(await manifestOf(service, id)).toMatchObject([row]);
    const text = await service.get(`/operations/${id}/files`, { accept: 'text/plain' });
    expect(text.body).toMatch(/^XXH3 \(caf\ufffd\.fits\) = /);

    const tree = await service.stage({ local_path_on_storage: 'latin1', relative_path: 'as a tree' });
    expect(tree.body.operation).toMatchObject({ name_encoding: null, staged_path: 'as a tree' });
    expect(await manifestOf(service, tree.body.operation.id)).toMatchObject([row]);
    expect(readFileSync(notUtf8(`${service.areas}/ana/as a tree`), 'utf8')).toBe('as bytes');
  });

  it('shows where a source is only reached through a link, and encodes what needs it', async () => {
    symlinkSync(notUtf8('latin1'), `${service.storage}/plain`);
    const answer = await service.stage({ local_path_on_storage: 'plain', relative_path: 'through a link/' });
    expect(answer.body.operation).toMatchObject({ staged_path: 'through a link/plain', name_encoding: null });
    expect(readFileSync(`${service.areas}/ana/through a link/plain`, 'utf8')).toBe('as bytes');
  });

  describe('a refusal', () => {
    const from = (source: string, destination = 'refused/new') => ({
      ...{ local_path_on_storage: source, relative_path: destination },
    });
    const outsideStorage = (source: string) => ({ detail: `The path leads out of the storage: ${source}` });
    const notStaged = 'is a socket, FIFO or device; only files and directories can be staged.';
    const escape = 'The destination leaves the user area: give a path relative to it, without "..".';

    beforeAll(() => {
      const area = `${service.areas}/ana`;
      writeFiles(area, { 'taken/file': 'mine', 'taken/directory/file': 'mine' });
      symlinkSync(outside, `${area}/taken/link`);
    });

    const cases: Record<string, Partial<Refusal> & Pick<Refusal, 'code' | 'body'>> = {
      'a method that is not known': {
        ...{ code: 'invalid_method', query: { method: 'tele port' }, body: from('obs/a.fits') },
        detail: 'Invalid staging method: tele port',
      },
      'a method that needs what the site lacks': {
        ...{ code: 'invalid_method', query: { method: 'jupyter_copy' }, body: from('obs/a.fits') },
        detail: 'Invalid staging method: jupyter_copy',
      },
      'a source that is missing': {
        ...{ code: 'source_not_found', body: from('obs/../obs//none') },
        detail: 'Source path does not exist: obs/../obs//none',
      },
      'a source below a file': {
        ...{ code: 'source_not_found', body: from('obs/a.fits/x') },
        detail: 'Source path does not exist: obs/a.fits/x',
      },
      'a source above the storage': {
        ...{ code: 'path_outside_storage', body: from('../areas') },
        ...outsideStorage('../areas'),
      },
      'a source elsewhere on the host': {
        ...{ code: 'path_outside_storage', body: from('/etc/passwd') },
        ...outsideStorage('/etc/passwd'),
      },
      'a source elsewhere that does not exist either': {
        ...{ code: 'path_outside_storage', body: from('/etc/none') },
        ...outsideStorage('/etc/none'),
      },
      'a link that leaves the storage': {
        ...{ code: 'path_outside_storage', body: from('bad/leaves') },
        ...outsideStorage('bad/leaves'),
      },
      'a link inside a tree that leaves the storage': {
        ...{ code: 'path_outside_storage', body: from('bad/leaving') },
        ...outsideStorage('deep/out'),
      },
      'the same link for a tree of links': {
        ...{ code: 'path_outside_storage', query: { method: 'symlink_copy' }, body: from('bad/leaving') },
        ...outsideStorage('deep/out'),
      },
      'a destination above the area': {
        ...{ code: 'path_outside_user_area', body: from('obs/a.fits', 'in/../../bob/x'), detail: escape },
      },
      'an absolute destination': {
        ...{ code: 'path_outside_user_area', body: from('obs/a.fits', '/etc/x'), detail: escape },
      },
      'a destination through a link': {
        ...{ code: 'path_outside_user_area', body: from('obs/a.fits', 'taken/link/x') },
        detail:
          'The destination leads through a symbolic link; links inside the user area are never followed. Name the directory itself.',
      },
      'a destination that would be a private directory': {
        ...{ code: 'path_outside_user_area', body: from('obs/a.fits', '.staging-01981f7e-1') },
        detail: 'Names that begin with ".staging-" and a number are the service\'s own.',
      },
      'a FIFO': { ...{ code: 'source_unsupported', body: from('bad/fifo') }, detail: `The source ${notStaged}` },
      'a socket': { ...{ code: 'source_unsupported', body: from('bad/socket') }, detail: `The source ${notStaged}` },
      'a FIFO inside a tree': {
        ...{ code: 'source_unsupported', body: from('bad/nested') },
        detail: `with-fifo/pipe ${notStaged}`,
      },
      'a link to a set-user-id file': {
        ...{ code: 'source_unsupported', query: { method: 'symlink_copy' }, body: from('bad/set-id') },
        detail: 'A link to the source is refused: it is set-user-id or set-group-id. Copy it instead.',
      },
      'a link to what others may change': {
        ...{ code: 'source_writable', query: { method: 'symlink_copy' }, body: from('bad/open') },
        detail:
          "Through a link the user could change the storage's own file (the source: its mode lets others write to it). Copy it instead.",
      },
      root: {
        ...{ code: 'forbidden', query: { username: 'root' }, body: from('obs/a.fits') },
        detail: 'root is a system account of this host; nothing is staged for it.',
      },
      'a system account': {
        ...{ code: 'forbidden', query: { username: 'daemon', method: 'symlink_copy' }, body: from('obs/a.fits') },
        detail: 'daemon is a system account of this host; nothing is staged for it.',
      },
      'a directory in the place of a file': {
        ...{ code: 'destination_conflict', body: from('obs/a.fits', 'taken/directory') },
        detail: 'The destination is a directory, the source a file. Choose another destination.',
      },
      'a file in the place of a directory': {
        ...{ code: 'destination_conflict', body: from('tree', 'taken/file') },
        detail: 'The destination is a file, the source a directory. Choose another destination.',
      },
      'a file on the way': {
        ...{ code: 'destination_conflict', body: from('obs/a.fits', 'taken/file/x') },
        detail: 'A file stands where the destination needs a directory. Choose another destination.',
      },
      'a link as the destination': {
        ...{ code: 'destination_conflict', body: from('obs/a.fits', 'taken/link') },
        detail:
          'The destination is a symbolic link; links inside the user area are never followed. Remove it or choose another destination.',
      },
      'a present file where the caller wants none': {
        ...{ code: 'already_exists', body: { ...from('obs/a.fits', 'taken/file'), if_exists: 'fail' } },
        detail: 'The destination exists already. Choose another one, or if_exists "skip".',
      },
      'a file with another checksum': {
        code: 'checksum_mismatch',
        body: { ...from('obs/a.fits'), checksum: { algorithm: 'sha256', value: sha256('other') } },
        detail: `The source has the sha256 checksum ${sha256(IMAGE)}, not the expected ${sha256('other')}; nothing was staged. Check the catalogue's value, or tell the operators of this site.`,
      },
    };
    const statuses: Record<string, number> = {
      ...{ invalid_method: 400, source_not_found: 400, path_outside_storage: 400, path_outside_user_area: 400 },
      ...{ source_unsupported: 400, forbidden: 403, destination_conflict: 409, already_exists: 409 },
      ...{ source_writable: 409, checksum_mismatch: 502 },
    };

    it.each(Object.entries(cases))('is told and recorded: %s', async (_what, refusal) => {
      await expectRefusal(service, { status: statuses[refusal.code]!, detail: '', ...refusal });
    });

    it('is told and recorded: a source that changes under the copy', async () => {
      makeLargeFile(`${service.storage}/growing`);
      const pending = expectRefusal(service, {
        ...{ status: 409, code: 'source_changed', body: from('growing') },
        progress: { files_done: 0, files_total: 1, bytes_done: expect.any(Number), bytes_total: expect.any(Number) },
        detail: 'The source changed while it was read; nothing was staged. Try again when it is no longer written to.',
      });
      await operationWriting(`${service.areas}/.staging`);
      appendFileSync(`${service.storage}/growing`, 'more');
      await pending;
    }, 60_000);

    it.each([
      ['a missing field', { relative_path: 'x' }, {}, 422],
      ['a missing destination', { local_path_on_storage: 'obs/a.fits' }, {}, 422],
      ['a field that is not known', { ...from('obs/a.fits'), mode: '0777' }, {}, 422],
      ['a field of the wrong type', { ...from('obs/a.fits'), relative_path: 7 }, {}, 422],
      ['NUL in a path', from('obs/a.fits\0'), {}, 422],
      ['a segment of 256 bytes', from('obs/a.fits', 'x'.repeat(256)), {}, 422],
      ['another value of if_exists', { ...from('obs/a.fits'), if_exists: 'replace' }, {}, 422],
      ['a storage that the site does not have', { ...from('obs/a.fits'), storage: 'nowhere' }, {}, 422],
      ['a malformed username', from('obs/a.fits'), { username: '../bob' }, 422],
      ['a body that is not JSON', '{"local_path', {}, 422],
      ['a body that is too large', { ...from('obs/a.fits'), label: 'x'.repeat(1024 ** 2) }, {}, 413],
    ] as [string, unknown, Record<string, string>, number][])(
      'leaves no record: %s',
      async (_what, body, query, status) => {
        const before = await operations(service);
        const answer = await service.stage(body, query);
        expect(answer).toMatchObject({ status, body: { operation_id: null } });
        expect(answer.headers['x-operation-id']).toBeUndefined();
        expect(await operations(service)).toEqual(before);
      },
    );

    it('leaves no record: a body of another type', async () => {
      const before = await operations(service);
      const answer = await service.stage('local_path_on_storage=x', {}, { 'content-type': 'text/plain' });
      expect(answer).toMatchObject({ status: 415, body: { code: 'unsupported_media_type', operation_id: null } });
      expect(await operations(service)).toEqual(before);
    });
  });

  it('counts in more than 32 bits', async () => {
    makeSparseFile(`${service.storage}/huge`, 5 * GIB);
    const source = { local_path_on_storage: 'huge', relative_path: 'huge' };
    const { body } = await service.stage(source, { method: 'symlink_copy', username: 'large' });
    expect(body.operation).toMatchObject({ bytes_total: 5 * GIB, bytes_done: 5 * GIB });
    expect(await operationOf(service, body.operation.id)).toEqual(body.operation);
    expect(await manifestOf(service, body.operation.id)).toMatchObject([{ size: 5 * GIB }]);
  });

  it('leaves nothing private and nothing unfinished behind all of this', async () => {
    expect(readdirSync(`${service.areas}/.staging`)).toEqual([]);
    for (const status of ['running', 'queued']) expect(await operations(service, `status=${status}`)).toEqual([]);
  });
}

describe('staging with records in SQLite', () => {
  describeLife(() => Promise.resolve(`sqlite:${temporaryFolder()}/records.sqlite`));
});

describeWhere(mariadbMissing(), 'staging with records in MariaDB', () => {
  describeLife(async () => (await startMariadb()).url);
});

describe('large sparse files', () => {
  it.each([
    ['2 GiB', 2 * GIB],
    ['5 GB', 5_000_000_000],
  ])(
    'of %s arrive whole and stay sparse',
    async (_what, size) => {
      const service = await startService();
      const file = `${service.storage}/sparse`;
      makeSparseFile(file, size);
      // Data in the first block, across the border of two blocks, and in the very last bytes.
      const marks = [0, Math.floor(size / 2 / 4096) * 4096 - 2, size - 5];
      for (const position of marks) patchFile(file, position, 'DATA!');
      const { body } = await service.stage({ local_path_on_storage: 'sparse', relative_path: 'sparse' });
      expect(body.operation).toMatchObject({ status: 'success', bytes_total: size, files_done: 1 });
      const copy = `${service.areas}/ana/sparse`;
      const stat = statSync(copy);
      expect(stat.size).toBe(size);
      expect(stat.blocks * 512).toBeLessThan(1024 ** 2);
      for (const position of marks) expect(textAt(copy, position, 5)).toBe('DATA!');
      await service.stop();
    },
    120_000,
  );
});

describe('a site with decisions of its own', () => {
  let service: RunningService;
  let second: string;

  beforeAll(async () => {
    const storage = temporaryFolder();
    second = temporaryFolder();
    writeFiles(storage, { here: 'in the first', 'tree/one': '1', 'tree/two': '2', 'tree/three': '3' });
    writeFiles(second, {
      here: 'in the second',
      'tree/plain': 'plain',
      'tree/back\\slash': 'b',
      'tree/new\nline': 'n',
    });
    symlinkSync('plain', `${second}/tree/link`);
    service = await startService({
      env: {
        SOURCE_STORAGE_PATH: `first=${storage},second=${second}`,
        ...{ USER_VIEW_PREFIX: '/home/{username}/data', CREATE_USER_AREAS: 'false', CHECKSUM: 'sha256' },
        ...{ MAX_TREE_FILES: '4', MAX_OPERATION_BYTES: '20' },
      },
    });
    mkdirSync(`${service.areas}/ana`);
  });

  it('tells from which storage data came, however its path is given', async () => {
    const ways = [
      [{ local_path_on_storage: 'here' }, 'first', 'in the first'],
      [{ local_path_on_storage: 'here', storage: 'second' }, 'second', 'in the second'],
      [{ local_path_on_storage: `${second}/here` }, 'second', 'in the second'],
    ] as const;
    for (const [index, [source, storage, content]] of ways.entries()) {
      const { body } = await service.stage({ ...source, relative_path: `way-${index}` });
      expect(body.operation).toMatchObject({ storage, status: 'success' });
      expect(readFileSync(`${service.areas}/ana/way-${index}`, 'utf8')).toBe(content);
    }
  });

  it('tells where data is as the user sees it', async () => {
    const source = { local_path_on_storage: 'here', relative_path: 'seen/here' };
    const first = await service.stage(source);
    expect(first.body.operation.staged_path).toBe('/home/ana/data/seen/here');
    const again = await service.stage(source);
    expect(again.body).toMatchObject({
      message: 'Data already available at seen/here',
      operation: { staged_path: '/home/ana/data/seen/here', relative_path: 'seen/here' },
    });
  });

  it('has a manifest that sha256sum can check, whatever the names are', async () => {
    const source = { local_path_on_storage: 'tree', storage: 'second', relative_path: 'checked' };
    const { body } = await service.stage(source);
    const { body: text } = await service.get(`/operations/${body.operation.id}/files`, { accept: 'text/plain' });
    const list = `${temporaryFolder()}/list`;
    writeFileSync(list, text as string);
    const argv = ['--check', '--strict', list];
    const options = { cwd: `${service.areas}/ana/checked`, encoding: 'utf8' } as const;
    const checked = execFileSync('sha256sum', argv, options);
    expect(checked.match(/: OK$/gm)).toHaveLength(3);
  });

  it('is told and recorded: a user without an area', async () => {
    await expectRefusal(service, {
      ...{ status: 409, code: 'user_area_missing', query: { username: 'bob' } },
      body: { local_path_on_storage: 'here', relative_path: 'new' },
      detail: 'The user bob has no area here. Ask the operators of this site to create it.',
    });
    expect(existsSync(`${service.areas}/bob`)).toBe(false);
  });

  it.each([
    ['files', { three: '3', four: '4', five: '5' }, '4 files'],
    ['bytes', { one: 'x'.repeat(21) }, '20 bytes'],
  ])('refuses more %s than one operation may stage', async (what, more, limit) => {
    writeFiles(`${second}/beyond-${what}`, { one: '1', two: '2', ...more });
    const source = { local_path_on_storage: `beyond-${what}`, storage: 'second', relative_path: `beyond-${what}` };
    const answer = await service.stage(source);
    expect(answer).toMatchObject({ status: 429, body: { code: 'quota_exceeded' } });
    expect(answer.body.detail).toBe(
      `The source has more than ${limit}, the limit of this site for one operation. Stage a part of it.`,
    );
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(existsSync(`${service.areas}/ana/beyond-${what}`)).toBe(false);
    expect((await service.get(`/operations?q=beyond-${what}`)).body.items).toEqual([]);
  });

  it('refuses a checksum for a directory, and keeps no record of that', async () => {
    const checksum = { algorithm: 'md5', value: '0'.repeat(32) };
    const source = { local_path_on_storage: 'tree', relative_path: 'sum-of-tree', checksum };
    const answer = await service.stage(source);
    expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed', errors: [{ field: 'checksum' }] } });
    expect((await service.get('/operations?q=sum-of-tree')).body.items).toEqual([]);
  });
});

describeWhere(mountingMissing(), 'where storage and user areas are two file systems', () => {
  it('refuses a hard link, and records that', async () => {
    const areas = mountTmpfs(10 * 1024 ** 2);
    const service = await startService({ env: { TARGET_STORAGE_PATH: areas.path }, files: FILES });
    await expectRefusal(service, {
      ...{ status: 409, code: 'cross_device_link', query: { method: 'symlink_copy' } },
      body: { local_path_on_storage: 'obs/a.fits', relative_path: 'new' },
      detail: 'No hard link can be made from the storage into this user area (EXDEV). Use local_copy instead.',
    });
    expect(readdirSync(areas.path)).toEqual(['.staging']);
    expect(readdirSync(`${areas.path}/.staging`)).toEqual([]);
  });
});
