import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync } from 'node:fs';
import { cleanUpAfterEach } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import { makeSparseFile, makeTree, patchFile } from '../support/files';
import { type Answer } from '../support/http-client';
import { type Mariadb, mariadbMissing, startMariadb } from '../support/mariadb';
import { manifestOf, operationOf, operations, operationWriting } from '../support/operations';
import { type RunningService, startService } from '../support/service';
import { ServiceEnded } from '../support/service-process';
import { temporaryFolder } from '../support/temporary-folder';
import { until } from '../support/until';

const GIB = 1024 ** 3;
/** In bytes: what is written of the large file at once, and more than any small one has. */
const BEGUN = 65_536;

const LARGE = { local_path_on_storage: 'large', relative_path: 'in/large' };
const SMALL = { local_path_on_storage: 'small', relative_path: 'in/small' };

/** A file, alone or below small ones of which some are recorded before it ends; its copy takes seconds. */
function makeLarge(service: RunningService, kind: 'a file' | 'a tree'): string {
  const root = `${service.storage}/large`;
  const file = kind === 'a file' ? root : `${root}/d000/below/file`;
  if (kind === 'a tree') {
    makeTree(root, { files: 1500, sizes: [10], perDirectory: 1500 });
    mkdirSync(`${root}/d000/below`);
  }
  makeSparseFile(file, 2 * GIB);
  patchFile(file, 0, 'not a hole');
  return file;
}

async function inTheMiddle(service: RunningService, kind: 'a file' | 'a tree'): Promise<string> {
  const id = await operationWriting(`${service.areas}/.staging`, BEGUN);
  if (kind === 'a tree') {
    await until(async () => (await manifestOf(service, id)).length > 0, 'No file of the tree was recorded');
  }
  return id;
}

function expectUnavailable(answer: Answer): void {
  expect(answer).toMatchObject({ status: 503, body: { code: 'database_unavailable' } });
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
}

/** Nothing was staged, and nothing is left of the attempt. */
function expectUntouched(service: RunningService): void {
  expect(readdirSync(service.areas)).toEqual(['.staging']);
  expect(readdirSync(`${service.areas}/.staging`)).toEqual([]);
}

async function expectNothingUnfinished(service: RunningService): Promise<void> {
  for (const status of ['running', 'queued']) {
    await until(async () => (await operations(service, `status=${status}`)).length === 0, `Something is ${status}`);
  }
}

async function expectToWork(service: RunningService): Promise<void> {
  const answer = await service.stage({ ...SMALL, relative_path: 'works/again' });
  expect(answer).toMatchObject({ status: 200, body: { operation: { outcome: 'staged' } } });
  expect(await operationOf(service, answer.body.operation.id)).toEqual(answer.body.operation);
}

describeWhere(mariadbMissing(), 'when the database', () => {
  let database: Mariadb;
  beforeAll(async () => (database = await startMariadb()), 60_000);
  cleanUpAfterEach();

  const start = async (env: Record<string, string> = {}) =>
    startService({ env: { DATABASE_URL: await database.newDatabase(), ...env }, files: { small: 'small' } });

  it('is gone before a request, nothing is staged; once it is back, all goes on', async () => {
    const service = await start();
    await database.kill9();
    const answer = await service.stage(SMALL);
    expectUnavailable(answer);
    expect(answer.body.operation_id).toBeNull();
    expect(answer.headers['x-operation-id']).toBeUndefined();
    expectUntouched(service);
    for (const address of ['/ping', '/health/live', '/config', '/storage?path=.']) {
      expect(await service.get(address)).toMatchObject({ status: 200 });
    }
    const ready = await service.get('/health/ready');
    expect(ready).toMatchObject({ status: 503, body: { checks: { database: { status: 'down' } } } });
    expectUnavailable(await service.get('/operations'));
    await database.restart();
    expect(await operations(service)).toEqual([]);
    await expectToWork(service);
    await expectNothingUnfinished(service);
    expect(await service.get('/health/ready')).toMatchObject({ status: 200 });
  }, 60_000);

  it.each(['a file', 'a tree'] as const)(
    'goes away in the middle of the copy of %s, it does not appear, and its record ends when the database is back',
    async (kind) => {
      const service = await start();
      const slow = makeLarge(service, kind);
      const asked = service.stage(LARGE);
      const id = await inTheMiddle(service, kind);
      await database.kill9();
      const answer = await asked;
      expectUnavailable(answer);
      expect(answer.body.operation_id).toBe(id);
      expectUntouched(service);
      await database.restart();
      await expectNothingUnfinished(service);
      expect(await operationOf(service, id)).toMatchObject({
        ...{ status: 'failure', error_code: 'database_unavailable', error_reason: answer.body.detail },
        ...{ retryable: true, finished_at: expect.any(String) },
      });
      expect(await manifestOf(service, id)).toEqual([]);
      truncateSync(slow, 1024);
      expect(await service.stage(LARGE)).toMatchObject({ status: 200, body: { operation: { outcome: 'staged' } } });
    },
    90_000,
  );

  it('freezes, requests end all the same; once it goes on, so does the service', async () => {
    const service = await start();
    makeLarge(service, 'a file');
    const copying = service.stage(LARGE);
    const id = await inTheMiddle(service, 'a file');
    const url = await database.newDatabase();
    database.freeze();
    const starting = startService({ env: { DATABASE_URL: url } });
    const asked = [copying, service.stage(SMALL), service.stage(SMALL), service.get(`/operations/${id}`)];
    for (const address of ['/health/live', '/config'])
      expect(await service.get(address)).toMatchObject({ status: 200 });
    for (const answer of await Promise.all(asked)) expectUnavailable(answer);
    expectUntouched(service);
    // A service that is to start meanwhile does not wait for ever either.
    await expect(starting).rejects.toThrow(ServiceEnded);
    await expect(starting).rejects.toMatchObject({
      ending: { code: 1 },
      output: expect.stringContaining('The start failed: The database does not answer'),
    });
    database.thaw();
    await expectNothingUnfinished(service);
    expect(await operationOf(service, id)).toMatchObject({ status: 'failure', error_code: 'database_unavailable' });
    await expectToWork(service);
    // Statements that the server had got before and did only now must not have changed that.
    await expectNothingUnfinished(service);
    for (const record of await operations(service, 'status=failure')) {
      expect(record).toMatchObject({ error_code: 'database_unavailable', finished_at: expect.any(String) });
    }
    expect(await operations(service, 'status=success')).toHaveLength(1);
    expect(existsSync(`${service.areas}/ana/in`)).toBe(false);
    expect(await service.stop()).toBe(0);
  }, 90_000);
});

describeWhere(mariadbMissing(), 'several services on one database', () => {
  let database: Mariadb;
  beforeAll(async () => (database = await startMariadb()), 60_000);
  cleanUpAfterEach();

  it('may start at once on an empty one, and share storage, user areas and records', async () => {
    const [storage, areas] = [temporaryFolder(), temporaryFolder()];
    const env = {
      ...{ DATABASE_URL: await database.newDatabase(), SOURCE_STORAGE_PATH: storage, TARGET_STORAGE_PATH: areas },
    };
    const file = `${storage}/same`;
    makeSparseFile(file, GIB / 4);
    patchFile(file, 0, 'the same for all');
    const services = await Promise.all(Array.from({ length: 4 }, () => startService({ env })));
    // One destination asked for everywhere at once: it is staged once, and nobody is told otherwise.
    const answers = await Promise.all(
      services.map((service) => service.stage({ local_path_on_storage: 'same', relative_path: 'in/same' })),
    );
    for (const answer of answers) expect(answer).toMatchObject({ status: 200 });
    const outcomes = answers.map(({ body }) => body.operation.outcome as string).sort();
    expect(outcomes).toEqual(['already_present', 'already_present', 'already_present', 'staged']);
    const ids = answers.map(({ body }) => body.operation.id as string).sort();
    for (const service of services) {
      const listed = await operations(service, 'status=success');
      expect(listed.map(({ id }) => id as string).sort()).toEqual(ids);
    }
    expect(readdirSync(`${areas}/.staging`)).toEqual([]);
    expect(readFileSync(`${areas}/ana/in/same`).subarray(0, 16).toString()).toBe('the same for all');
  }, 60_000);

  it('leave what another one does alone, and settle it only once that one is dead', async () => {
    const [storage, areas] = [temporaryFolder(), temporaryFolder()];
    const env = {
      ...{ DATABASE_URL: await database.newDatabase(), SOURCE_STORAGE_PATH: storage, TARGET_STORAGE_PATH: areas },
    };
    makeSparseFile(`${storage}/large`, 2 * GIB);
    patchFile(`${storage}/large`, 0, 'not a hole');
    const first = await startService({ env });
    const copying = first.stage(LARGE);
    const id = await operationWriting(`${areas}/.staging`, BEGUN);
    const second = await startService({ env });
    expect(await operationOf(second, id)).toMatchObject({ status: 'running', finished_at: null });
    expect(readdirSync(`${areas}/.staging`)).toContain(id);
    await second.restart();
    const answer = await copying;
    expect(answer).toMatchObject({ status: 200, body: { operation: { id, outcome: 'staged' } } });
    expect(await operationOf(second, id)).toEqual(answer.body.operation);
    expect(second.logText()).not.toContain('whose process died');

    const broken = expect(first.stage({ ...LARGE, relative_path: 'in/other' })).rejects.toThrow();
    const lost = await operationWriting(`${areas}/.staging`, BEGUN);
    await first.kill9();
    await broken;
    await second.restart();
    expect(await operationOf(second, lost)).toMatchObject({ status: 'failure', error_code: 'internal_error' });
    await until(() => readdirSync(`${areas}/.staging`).length === 0, 'What the dead process left was not removed');
    expect(readdirSync(`${areas}/ana/in`)).toEqual(['large']);
  }, 90_000);
});
