import { existsSync, readdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { cleanUpAfterEach } from '../support/cleanups';
import { makeSparseFile, patchFile, writeFiles } from '../support/files';
import { type Answer } from '../support/http-client';
import { operations, operationWriting } from '../support/operations';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

/** `Idempotency-Key`: a request that is sent more than once is done once. */

cleanUpAfterEach();

const GIB = 1024 ** 3;
const BATCH = '/stage_data/batch?method=local_copy&username=ana';
const A = { local_path_on_storage: 'a', relative_path: 'in/a' };
const LARGE = { local_path_on_storage: 'large', relative_path: 'in/large' };

const key = (name: string) => ({ 'Idempotency-Key': name });
const batchOf = (service: RunningService, items: unknown[], name: string) => service.post(BATCH, { items }, key(name));
const idOf = ({ body }: Answer) => body.operation.id as string;

/** A file whose copy takes a while. */
function makeLarge(service: RunningService): void {
  makeSparseFile(`${service.storage}/large`, 2 * GIB);
  patchFile(`${service.storage}/large`, 0, 'not a hole');
}

describe('a request with a key', () => {
  let service: RunningService;
  beforeAll(async () => {
    service = await startService({ files: { a: 'AAA', b: 'BB' } });
  });

  it('is answered with the first one when it is repeated, and does nothing', async () => {
    const first = await service.stage(A, {}, key('once'));
    expect(first).toMatchObject({ status: 200, body: { operation: { outcome: 'staged' } } });
    const count = (await operations(service)).length;
    const again = await service.stage({ relative_path: 'in/a', local_path_on_storage: 'a' }, {}, key('once'));
    expect(again.status).toBe(200);
    expect(again.body).toEqual(first.body);
    expect(again.headers['x-operation-id']).toBe(idOf(first));
    const older = await service.post('/stage-data/?username=ana&method=local_copy', { data: A }, key('once'));
    expect(older.body).toEqual(first.body);
    expect(await operations(service)).toHaveLength(count);
  });

  it('cannot be used for another request', async () => {
    await service.stage(A, {}, key('reused'));
    const count = (await operations(service)).length;
    for (const other of [
      { ...A, relative_path: 'in/b' },
      { ...A, label: 'x' },
      { ...A, if_exists: 'fail' },
    ]) {
      expect(await service.stage(other, {}, key('reused'))).toMatchObject({
        status: 422,
        body: { code: 'idempotency_key_reused', operation_id: null },
      });
    }
    expect(await operations(service)).toHaveLength(count);
    const others: Record<string, string>[] = [{ username: 'bo' }, { method: 'direct_download' }];
    for (const elsewhere of others) {
      expect((await service.stage(A, elsewhere, key('reused'))).status).toBe(200);
    }
  });

  it.each(['', 'a b', 'x'.repeat(256)])('must be well-formed: %j', async (name) => {
    for (const answer of [await service.stage(A, {}, key(name)), await batchOf(service, [A], name)]) {
      expect(answer).toMatchObject({ status: 422, body: { errors: [{ field: 'Idempotency-Key' }] } });
    }
  });

  it('is answered with the same problem when it failed', async () => {
    const missing = { local_path_on_storage: 'missing', relative_path: 'in/missing' };
    const first = await service.stage(missing, {}, key('failed'));
    expect(first).toMatchObject({ status: 400, body: { code: 'source_not_found' } });
    writeFiles(service.storage, { missing: 'here now' });
    const again = await service.stage(missing, {}, key('failed'));
    expect([again.status, again.body]).toEqual([first.status, first.body]);
    expect(existsSync(`${service.areas}/ana/in/missing`)).toBe(false);
  });

  it('may be sent again with the same key when it was malformed', async () => {
    expect((await service.stage({ ...A, relative_path: 'x\0' }, {}, key('mended'))).status).toBe(422);
    expect((await service.stage({ ...A, relative_path: 'in/x' }, {}, key('mended'))).status).toBe(200);
    expect((await batchOf(service, [{ a: 1 }], 'mended')).status).toBe(422);
    expect((await batchOf(service, [A], 'mended')).status).toBe(202);
  });

  it('is answered as accepted as long as it has not ended, then with its end', async () => {
    makeLarge(service);
    const first = await service.stage(LARGE, {}, { ...key('later'), prefer: 'respond-async' });
    expect(first.status).toBe(202);
    const meanwhile = await service.stage(LARGE, {}, key('later'));
    expect(meanwhile).toMatchObject({ status: 202, headers: { location: `/operations/${idOf(first)}` } });
    expect(idOf(meanwhile)).toBe(idOf(first));
    await until(
      async () => (await service.stage(LARGE, {}, key('later'))).status === 200,
      'The operation does not end',
      60,
    );
    const last = await service.stage(LARGE, {}, key('later'));
    expect(last.body).toMatchObject({ status: 'success', operation: { id: idOf(first), outcome: 'staged' } });
  }, 90_000);

  it('makes one batch', async () => {
    const items = [A, { local_path_on_storage: 'b', relative_path: 'in/b' }];
    const first = await batchOf(service, items, 'batch');
    expect(first.status).toBe(202);
    const count = (await operations(service)).length;
    const again = await batchOf(service, items, 'batch');
    expect(again.body).toEqual(first.body);
    expect(again.headers.location).toBe(first.headers.location);
    expect(again.status).toBe(202);
    expect(await batchOf(service, [A], 'batch')).toMatchObject({
      status: 422,
      body: { code: 'idempotency_key_reused' },
    });
    expect(await operations(service)).toHaveLength(count);
  });

  it('is done by one of several that are sent at once', async () => {
    const request = { local_path_on_storage: 'b', relative_path: 'at-once/b' };
    const all = await Promise.all(Array.from({ length: 8 }, () => service.stage(request, {}, key('at-once'))));
    const batches = await Promise.all(Array.from({ length: 8 }, () => batchOf(service, [request], 'at-once')));
    const told = (answers: Answer[], good: number) =>
      answers.every(({ status, body }) => status === good || body.code === 'idempotency_in_progress');
    expect(told(all, 200)).toBe(true);
    expect(told(batches, 202)).toBe(true);
    expect(new Set(all.filter(({ status }) => status === 200).map(idOf)).size).toBe(1);
    expect(await operations(service, 'q=at-once/b')).toHaveLength(2);
  });
});

it('tells a repeat that the first one has no answer yet', async () => {
  const service = await startService();
  makeLarge(service);
  const first = service.stage(LARGE, {}, key('busy'));
  await operationWriting(`${service.areas}/.staging`);
  const meanwhile = await service.stage(LARGE, {}, key('busy'));
  expect(meanwhile).toMatchObject({ status: 409, body: { code: 'idempotency_in_progress' } });
  expect(Number(meanwhile.headers['retry-after'])).toBeGreaterThan(0);
  const answer = await first;
  expect(answer.status).toBe(200);
  expect((await service.stage(LARGE, {}, key('busy'))).body).toEqual(answer.body);
}, 60_000);

it('lets a key be used again when the storage was away', async () => {
  const service = await startService({ files: { a: 'A' } });
  const away = `${service.storage}-away`;
  renameSync(service.storage, away);
  const refused = await service.stage(A, {}, key('away'));
  expect(refused.status).toBe(503);
  renameSync(away, service.storage);
  await until(async () => (await service.stage(A, {}, key('away'))).status === 200, 'The key stays taken');
  expect(await operations(service, 'status=success')).toHaveLength(1);
}, 60_000);

it('answers over a restart: what was recorded is gone on with, what was not is new', async () => {
  const service = await startService({ files: { a: 'A' } });
  makeLarge(service);
  const done = await service.stage(A, {}, key('done'));
  const batch = await batchOf(service, [A], 'done');
  const accepted = await service.stage(LARGE, {}, { ...key('background'), prefer: 'respond-async' });
  await operationWriting(`${service.areas}/.staging`);
  const waiting = { ...LARGE, relative_path: 'in/second' };
  const lost = service.stage(waiting, {}, key('foreground')).catch(() => 'broken');
  await until(async () => (await operations(service, 'q=in/second')).length === 1, 'The second one is not recorded');
  await service.kill9();
  expect(await lost).toBe('broken');
  await service.restart();

  expect((await service.stage(A, {}, key('done'))).body).toEqual(done.body);
  expect((await batchOf(service, [A], 'done')).body).toEqual(batch.body);
  const [second] = await operations(service, 'q=in/second');
  const again = await service.stage(waiting, {}, key('foreground'));
  // Its caller was lost with the process: it failed, or goes on; either way it is the same operation.
  expect(again.body.operation_id ?? again.body.operation.id).toBe(second.id);
  expect(await operations(service, 'q=in/second')).toHaveLength(1);
  await until(
    async () => (await service.stage(LARGE, {}, key('background'))).status === 200,
    'What was accepted does not end',
    60,
  );
  expect(idOf(await service.stage(LARGE, {}, key('background')))).toBe(idOf(accepted));
  expect(readdirSync(path.join(service.areas, 'ana/in')).filter((name) => name === 'large')).toHaveLength(1);
}, 120_000);
