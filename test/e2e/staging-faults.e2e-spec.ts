import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { cleanUpAfterEach, onCleanup } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import { makeTree, patchFile, makeSparseFile, snapshot, type Snapshot, writeFiles } from '../support/files';
import { type HungMount, hungMountMissing, mountHung } from '../support/hung-mount';
import { type Answer } from '../support/http-client';
import { mountingMissing, mountTmpfs, unmountPath } from '../support/mounts';
import { manifestOf, operationOf, operations, operationWriting, privateNames } from '../support/operations';
import { type RunningService, startService } from '../support/service';
import { temporaryFolder } from '../support/temporary-folder';
import { until } from '../support/until';

cleanUpAfterEach();

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
/** Private directories of operations that no database here knows. */
const UNKNOWN = '01900000-0000-7000-8000-000000000000';
/** In bytes: what is written of a large file at once, and more than any small one has. */
const BEGUN = 65_536;

/** A file whose copy takes seconds, and shows from the beginning that it grows. */
function makeLargeFile(file: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  makeSparseFile(file, 2 * GIB);
  patchFile(file, 0, 'not a hole');
}

/** Small files, so many that some are recorded before the end, and below them a large one that keeps the copy going. */
function makeLargeTree(root: string): void {
  makeTree(root, { files: 1500, sizes: [10], perDirectory: 1500 });
  makeLargeFile(`${root}/d000/below/file`);
}

/** What is copied, how it is made, and which of its files takes so long. */
const KINDS = [
  ['a file', makeLargeFile, 'large'],
  ['a tree', makeLargeTree, 'large/d000/below/file'],
] as const;

const REQUEST = { local_path_on_storage: 'large', relative_path: 'in/deep/result' };

function stagingOf(service: RunningService): string {
  return `${service.areas}/.staging`;
}

/** Things of others, some of which look much like left-overs. */
function plantForeignThings(areas: string): void {
  writeFiles(areas, {
    '.staging/of-somebody-else/file': 'foreign',
    [`.staging/${UNKNOWN}/payload`]: 'of another database',
    '.staging/loose-file': 'foreign',
    '.staging-notes/file': 'foreign',
    'ana/.staging-notes': 'mine',
    [`ana/in/.staging-${UNKNOWN}/file`]: 'mine',
    'ana/in/present': 'mine',
    'bob/deep/file': 'of bob',
  });
  for (const name of [`.staging/${UNKNOWN}`, `ana/in/.staging-${UNKNOWN}`]) {
    execFileSync('chmod', ['700', `${areas}/${name}`]);
  }
}

/** All below the user areas but the private directory of one operation, and the times of what holds such. */
function areasWithout(areas: string, id: string): Snapshot {
  const all = Object.entries(snapshot(areas)).filter(([name]) => !name.includes(id));
  const holders = new Set(['.', '.staging', 'ana/in']);
  return Object.fromEntries(all.map(([name, entry]) => [name, holders.has(name) ? { ...entry, mtimeNs: 0n } : entry]));
}

/** Waits until the service is in the middle: it writes to the large file and, of a tree, has recorded small ones. */
async function inTheMiddle(service: RunningService, holder = stagingOf(service)): Promise<string> {
  const id = await operationWriting(holder, BEGUN);
  const isTree = statSync(`${service.storage}/large`).isDirectory();
  await until(async () => !isTree || (await manifestOf(service, id)).length > 0, 'No file of the tree was recorded');
  return id;
}

async function expectNothingUnfinished(service: RunningService): Promise<void> {
  for (const status of ['running', 'queued']) expect(await operations(service, `status=${status}`)).toEqual([]);
}

async function expectFailure(service: RunningService, answer: Answer, status: number, code: string): Promise<string> {
  expect(answer).toMatchObject({ status, body: { code } });
  const id = answer.body.operation_id as string;
  expect(await operationOf(service, id)).toMatchObject({
    ...{ status: 'failure', error_code: code, error_reason: answer.body.detail, retryable: true },
    finished_at: expect.any(String),
  });
  expect(await manifestOf(service, id)).toEqual([]);
  return id;
}

describe('kill -9 in the middle of a copy', () => {
  /** Kills the service while it writes; what it left must be there, or the test would show nothing. */
  async function killWhileWriting(service: RunningService, holder: string): Promise<{ id: string; before: Snapshot }> {
    const broken = expect(service.stage(REQUEST)).rejects.toThrow();
    const id = await inTheMiddle(service, holder);
    await service.kill9();
    await broken;
    expect(privateNames(holder).join()).toContain(id);
    expect(existsSync(`${service.areas}/ana/in/deep`)).toBe(false);
    return { id, before: areasWithout(service.areas, id) };
  }

  async function expectRecovered(service: RunningService, id: string, before: Snapshot): Promise<void> {
    await service.restart();
    expect(await operationOf(service, id)).toMatchObject({
      ...{ status: 'failure', error_code: 'internal_error', retryable: true, finished_at: expect.any(String) },
      error_reason: expect.stringMatching(/^The service stopped unexpectedly while this operation ran/),
    });
    await until(() => !existsSync(`${stagingOf(service)}/${id}`), 'What the dead operation left was not removed');
    const left = 'Removed what an ended operation left';
    await until(() => service.logText().includes(left), 'It was not logged');
    expect(areasWithout(service.areas, id)).toEqual(before);
    expect(await manifestOf(service, id)).toEqual([]);
    await expectNothingUnfinished(service);
  }

  it.each(KINDS)(
    'leaves nothing visible of %s, and the next start tidies up',
    async (_what, makeSource, slow) => {
      const service = await startService();
      makeSource(`${service.storage}/large`);
      plantForeignThings(service.areas);
      const { id, before } = await killWhileWriting(service, stagingOf(service));
      await expectRecovered(service, id, before);
      expect(service.logText()).toContain('A private directory has no record here; it is left alone');
      // The same again, though with less to wait for.
      truncateSync(`${service.storage}/${slow}`, MIB);
      expect(await service.stage(REQUEST)).toMatchObject({ status: 200, body: { operation: { outcome: 'staged' } } });
      expect(privateNames(stagingOf(service))).toEqual([UNKNOWN]);
    },
    90_000,
  );

  describeWhere(mountingMissing(), 'in an area that is a file system of its own', () => {
    it('leaves nothing there either', async () => {
      const service = await startService();
      makeLargeFile(`${service.storage}/large`);
      const own = mountTmpfs(64 * MIB);
      mkdirSync(`${service.areas}/ana`);
      execFileSync('mount', ['--bind', own.path, `${service.areas}/ana`]);
      onCleanup(() => unmountPath(`${service.areas}/ana`));
      plantForeignThings(service.areas);
      const holder = `${service.areas}/ana/in`;
      const { id, before } = await killWhileWriting(service, holder);
      await expectRecovered(service, id, before);
      expect(privateNames(holder)).toEqual([`.staging-${UNKNOWN}`]);
    }, 60_000);
  });
});

describe('SIGTERM while data is copied', () => {
  it.each(KINDS)(
    'lets %s arrive within the grace, takes nothing new and exits with 0',
    async (_what, makeSource) => {
      const service = await startService({ env: { SHUTDOWN_GRACE_SECONDS: '60' }, files: { other: 'other' } });
      makeSource(`${service.storage}/large`);
      const asked = service.stage(REQUEST);
      await inTheMiddle(service);
      service.process.kill('SIGTERM');
      await until(() => service.logText().includes('Stopping on SIGTERM'), 'The service did not hear');
      const refused = await service.stage({ local_path_on_storage: 'other', relative_path: 'other' });
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
      await expectFailure(service, refused, 503, 'shutting_down');
      const { body } = await asked;
      expect(body.operation).toMatchObject({ status: 'success', outcome: 'staged' });
      expect(await service.ending(30)).toEqual({ code: 0, signal: null });
      expect(existsSync(`${service.areas}/ana/in/deep/result`)).toBe(true);
      expect(existsSync(`${service.areas}/ana/other`)).toBe(false);
      await service.restart();
      expect(await operationOf(service, body.operation.id)).toEqual(body.operation);
    },
    90_000,
  );

  it.each(KINDS)(
    'ends %s at once without a grace, and leaves nothing',
    async (_what, makeSource) => {
      const service = await startService({ env: { SHUTDOWN_GRACE_SECONDS: '0' } });
      makeSource(`${service.storage}/large`);
      const asked = service.stage(REQUEST);
      await inTheMiddle(service);
      service.process.kill('SIGTERM');
      const answer = await asked;
      expect(answer).toMatchObject({ status: 503, body: { code: 'shutting_down' } });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(await service.ending(30)).toEqual({ code: 0, signal: null });
      // By itself, not only at the next start.
      expect(readdirSync(service.areas)).toEqual(['.staging']);
      expect(readdirSync(stagingOf(service))).toEqual([]);
      await service.restart();
      await expectFailure(service, answer, 503, 'shutting_down');
      await expectNothingUnfinished(service);
    },
    60_000,
  );
});

/** Writes to a file system until it is full; returns what makes room again. */
function fillDisk(folder: string): () => void {
  const filler = `${folder}/filler`;
  const { stderr } = spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k'], { encoding: 'utf8' });
  expect(stderr).toContain('No space left on device');
  return () => rmSync(filler);
}

describeWhere(mountingMissing(), 'a full disk', () => {
  const FULL = 'The space of the user area is used up. Remove what is not needed, then try again.';
  const SOME = Buffer.alloc(20_000, 'x');
  let service: RunningService;
  let areas: string;

  beforeEach(async () => {
    areas = mountTmpfs(64 * MIB, { inodes: 120 }).path;
    service = await startService({ env: { TARGET_STORAGE_PATH: areas } });
  });

  /** All that the process has written so far, wherever to (proc(5)); records and log are a little of it. */
  const bytesWritten = () =>
    Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${service.process.pid}/io`, 'utf8'))![1]);

  const refusal = (answer: Answer) => {
    expect(answer.body.detail).toBe(FULL);
    expect(readdirSync(areas)).toEqual(['.staging']);
    expect(readdirSync(`${areas}/.staging`)).toEqual([]);
    return expectFailure(service, answer, 507, 'insufficient_storage');
  };

  it.each([
    ['the bytes of a file', () => ({ large: Buffer.alloc(65 * MIB, 'x') })],
    [
      'the bytes of a tree',
      () => ({ 'large/one': Buffer.alloc(33 * MIB, 'x'), 'large/two': Buffer.alloc(33 * MIB, 'y') }),
    ],
    ['the number of its files', () => Object.fromEntries(Array.from({ length: 150 }, (_, n) => [`large/${n}`, SOME]))],
  ])('is found before anything is copied: by %s', async (_what, files) => {
    writeFiles(service.storage, files());
    const before = bytesWritten();
    await refusal(await service.stage(REQUEST));
    expect(bytesWritten() - before).toBeLessThan(MIB);
  });

  it.each(['a file', 'a tree'])(
    'in the middle of the copy of %s leaves nothing of it',
    async (what) => {
      const file = what === 'a file' ? `${service.storage}/large` : `${service.storage}/large/file`;
      makeLargeFile(file);
      // Data behind a long hole: it fits when it is looked at, and comes to be written a while later.
      patchFile(file, 2 * GIB - 30 * MIB, Buffer.alloc(30 * MIB, 'x'));
      const asked = service.stage(REQUEST);
      await operationWriting(`${areas}/.staging`, BEGUN);
      const free = fillDisk(areas);
      const answer = await asked;
      free();
      await refusal(answer);
      expect(await service.stage(REQUEST)).toMatchObject({ status: 200, body: { operation: { bytes_done: 2 * GIB } } });
    },
    90_000,
  );
});

describeWhere(mountingMissing(), 'a log volume', () => {
  const stage = async (service: RunningService, name: string) => {
    const answer = await service.stage({ local_path_on_storage: 'file', relative_path: name });
    expect(answer).toMatchObject({ status: 200, body: { operation: { outcome: 'staged' } } });
    expect(readFileSync(`${service.areas}/ana/${name}`, 'utf8')).toBe('content');
    expect(await operationOf(service, answer.body.operation.id)).toEqual(answer.body.operation);
    return answer.body.operation.id as string;
  };

  it('that is full, or lost altogether, does not stop staging', async () => {
    const volume = mountTmpfs(MIB);
    const file = `${volume.path}/log/service.log`;
    mkdirSync(path.dirname(file));
    const service = await startService({ env: { LOG_FILE: file }, files: { file: 'content' } });
    const free = fillDisk(volume.path);
    for (let times = 0; times < 20; times += 1) await stage(service, `full-${times}`);
    free();
    const logged = async (name: string) => {
      const id = await stage(service, name);
      await until(() => readFileSync(file, 'utf8').includes(id), 'The log did not go on');
    };
    await logged('free-again');
    renameSync(path.dirname(file), `${volume.path}/gone`);
    await stage(service, 'lost');
    volume.unmount();
    await stage(service, 'unmounted');
    expect(await service.stop()).toBe(0);
  });
});

describeWhere(hungMountMissing(), 'a storage that does not answer', () => {
  let mount: HungMount;
  beforeEach(async () => (mount = await mountHung()));

  const ready = (service: RunningService) => service.get('/health/ready');
  const becomes = (service: RunningService, status: number) =>
    until(async () => (await ready(service)).status === status, `Readiness did not become ${status}`);

  it('fails its own requests only, and is used again when it answers', async () => {
    const fast = temporaryFolder();
    writeFiles(fast, { file: 'fast' });
    writeFiles(mount.behind, { file: 'slow' });
    const storages = `fast=${fast},slow=${mount.path}`;
    const service = await startService({ env: { SOURCE_STORAGE_PATH: storages, STORAGE_TIMEOUT_SECONDS: '2' } });
    await becomes(service, 200);
    await mount.hang();
    const from = (storage: string, name: string) =>
      service.stage({ local_path_on_storage: 'file', storage, relative_path: name });
    let answered = false;
    const asked = from('slow', 'first').finally(() => (answered = true));
    for (const address of ['/health/live', '/config', '/ping', '/operations']) {
      expect(await service.get(address)).toMatchObject({ status: 200 });
    }
    expect(await from('fast', 'meanwhile')).toMatchObject({ status: 200 });
    expect(answered).toBe(false);
    const answer = await asked;
    expect(answer.body.detail).toMatch(/^The storage "slow" is not available \(no answer for 2 s\)/);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    await expectFailure(service, answer, 503, 'storage_unavailable');
    // Without another thread that would hang as well.
    const atOnce = async () => /it does not answer/.test((await from('slow', 'next')).body.detail as string);
    await until(atOnce, 'Requests were not refused at once');
    expect(await service.get('/storage?storage=slow')).toMatchObject({ status: 503 });
    await becomes(service, 503);
    expect((await ready(service)).body.checks).toMatchObject({
      storages: [
        { name: 'fast', status: 'up' },
        { name: 'slow', status: 'down' },
      ],
      ...{ user_areas: { status: 'up' }, database: { status: 'up' } },
    });
    expect(await from('fast', 'still')).toMatchObject({ status: 200 });
    mount.resume();
    await becomes(service, 200);
    expect(await from('slow', 'first')).toMatchObject({ status: 200, body: { operation: { outcome: 'staged' } } });
    expect(readFileSync(`${service.areas}/ana/first`, 'utf8')).toBe('slow');
    await until(() => readdirSync(stagingOf(service)).length === 0, 'Something private is left');
    await expectNothingUnfinished(service);
    expect(await service.stop()).toBe(0);
  }, 60_000);

  it.each([
    ['the user areas stop', 'TARGET_STORAGE_PATH', 'The storage of the user areas is not available'],
    ['the source stops', 'SOURCE_STORAGE_PATH', 'The storage "default" is not available'],
  ])(
    'in the middle of a copy, when %s, is told; all is tidy once it is back',
    async (_what, setting, words) => {
      const service = await startService({ env: { [setting]: mount.path, STORAGE_TIMEOUT_SECONDS: '2' } });
      const isTarget = setting === 'TARGET_STORAGE_PATH';
      const [storage, areas] = isTarget ? [service.storage, mount.behind] : [mount.behind, service.areas];
      makeLargeFile(`${storage}/large`);
      await becomes(service, 200);
      const asked = service.stage(REQUEST);
      await operationWriting(`${areas}/.staging`, BEGUN);
      await mount.hang();
      const answer = await asked;
      expect(answer.body.detail).toContain(words);
      const id = await expectFailure(service, answer, 503, 'storage_unavailable');
      mount.resume();
      await until(() => !existsSync(`${areas}/.staging/${id}`), 'Something private is left');
      expect(readdirSync(areas)).toEqual(['.staging']);
      await becomes(service, 200);
      truncateSync(`${storage}/large`, MIB);
      expect(await service.stage(REQUEST)).toMatchObject({ status: 200, body: { operation: { outcome: 'staged' } } });
      await expectNothingUnfinished(service);
    },
    60_000,
  );
});

describe('a root without its marker', () => {
  it('is not used until the marker is there again, be it a storage or the user areas', async () => {
    const service = await startService({ env: { ROOT_MARKER: '.here' }, files: { '.here': '', file: 'content' } });
    const stage = (name: string) => service.stage({ local_path_on_storage: 'file', relative_path: name });
    const unmarked = await stage('before-the-areas-are-there');
    expect(unmarked.body.detail).toMatch(
      /^The storage of the user areas is not available \(its marker file is missing\)/,
    );
    expect(readdirSync(service.areas)).toEqual([]);
    writeFiles(service.areas, { '.here': '' });
    expect(await stage('one')).toMatchObject({ status: 200 });
    for (const [root, words] of [
      [service.storage, 'The storage "default" is not available (its marker file is missing)'],
      [service.areas, 'The storage of the user areas is not available (its marker file is missing)'],
    ] as const) {
      renameSync(`${root}/.here`, `${root}/.gone`);
      const answer = await stage('two');
      expect(answer.body.detail).toContain(words);
      await expectFailure(service, answer, 503, 'storage_unavailable');
      expect(existsSync(`${service.areas}/ana/two`)).toBe(false);
      renameSync(`${root}/.gone`, `${root}/.here`);
    }
    expect(await stage('two')).toMatchObject({ status: 200 });
  });
});

describeWhere(mountingMissing(), 'a root that is mounted later', () => {
  function mountOver(folder: string, content: Record<string, string>): () => void {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]);
    writeFiles(folder, content);
    let mounted = true;
    const unmount = () => {
      if (mounted) unmountPath(folder);
      mounted = false;
    };
    onCleanup(unmount);
    return unmount;
  }

  it('is used from then on, where a marker tells it from an empty directory', async () => {
    const service = await startService({ env: { ROOT_MARKER: '.here' } });
    writeFiles(service.areas, { '.here': '' });
    const stage = () => service.stage({ local_path_on_storage: 'file', relative_path: 'file' });
    await expectFailure(service, await stage(), 503, 'storage_unavailable');
    mountOver(service.storage, { '.here': '', file: 'mounted' });
    expect(await stage()).toMatchObject({ status: 200, body: { operation: { outcome: 'staged' } } });
    expect(readFileSync(`${service.areas}/ana/file`, 'utf8')).toBe('mounted');
  });

  it('is not taken for the one that was there at the start', async () => {
    const storage = temporaryFolder();
    const unmount = mountOver(storage, { file: 'first' });
    const service = await startService({ env: { SOURCE_STORAGE_PATH: storage } });
    const stage = (name: string) => service.stage({ local_path_on_storage: 'file', relative_path: name });
    expect(await stage('first')).toMatchObject({ status: 200 });
    unmount();
    writeFiles(storage, { file: 'what lies below the mount' });
    const answer = await stage('second');
    expect(answer.body.detail).toContain('another file system is mounted there than at start');
    await expectFailure(service, answer, 503, 'storage_unavailable');
    await service.restart();
    expect(await stage('second')).toMatchObject({ status: 200 });
  });
});
