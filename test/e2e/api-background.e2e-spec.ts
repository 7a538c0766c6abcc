import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ASYNC, became, from, GIB, idOf, leftOvers, serviceWithEndless } from '../support/background-scene';
import { cleanUpAfterEach } from '../support/cleanups';
import { contentOf, makeSparseFile, makeTree, patchFile, snapshot, writeFiles } from '../support/files';
import { type Answer } from '../support/http-client';
import { operationOf, operations, operationWriting } from '../support/operations';
import { startService } from '../support/service';
import { until } from '../support/until';

cleanUpAfterEach();

describe('Prefer', () => {
  it('respond-async is answered at once, and the work goes on', async () => {
    const service = await serviceWithEndless();
    const answer = await service.stage(from('small'), {}, ASYNC);
    const id = idOf(answer);
    expect(answer).toMatchObject({
      status: 202,
      headers: { location: `/operations/${id}`, 'preference-applied': 'respond-async', 'x-operation-id': id },
      body: { status: 'accepted', message: expect.any(String), operation: { attempts: 1, username: 'ana' } },
    });
    expect(await became(service, id, 'success')).toMatchObject({ outcome: 'staged', bytes_done: 5, wait_reason: null });
    expect(readFileSync(`${service.areas}/ana/small`, 'utf8')).toBe('small');
  });

  it('wait is answered by the end when that comes in time, well or not', async () => {
    const service = await serviceWithEndless();
    const good = await service.stage(from('small'), {}, { Prefer: 'wait=30' });
    expect(good).toMatchObject({
      status: 200,
      headers: { 'preference-applied': 'wait=30' },
      body: { status: 'success' },
    });
    const bad = await service.stage(from('missing'), {}, { Prefer: 'respond-async, wait=30' });
    expect(bad).toMatchObject({
      status: 400,
      headers: { 'preference-applied': 'respond-async, wait=30' },
      body: { code: 'source_not_found', operation_id: bad.headers['x-operation-id'] },
    });
    expect(await operationOf(service, bad.body.operation_id)).toMatchObject({ status: 'failure', retryable: true });
  });

  it('wait is answered with 202 when it does not', async () => {
    const service = await serviceWithEndless();
    const answer = await service.stage(from('endless'), {}, { Prefer: 'wait=1' });
    expect(answer).toMatchObject({
      status: 202,
      headers: { 'preference-applied': 'wait=1' },
      body: { status: 'accepted' },
    });
    await until(async () => (await operationOf(service, idOf(answer))).bytes_total === 200 * GIB, 'it is not told');
    await service.post(`/operations/${idOf(answer)}/cancel`);
  });

  it('that means nothing is ignored', async () => {
    const service = await serviceWithEndless();
    for (const prefer of ['wait=soon', 'return=minimal', 'respond-asynchronously']) {
      const answer = await service.stage(from('small', prefer.replace('=', '-')), {}, { Prefer: prefer });
      expect(answer.status).toBe(200);
      expect(answer.headers).not.toHaveProperty('preference-applied');
    }
  });

  it('finds the same request that is under way, but not another', async () => {
    const service = await serviceWithEndless();
    const [first, second] = [
      await service.stage(from('endless'), {}, ASYNC),
      await service.stage(from('endless'), {}, ASYNC),
    ];
    const other = await service.stage(from('endless', 'other'), {}, ASYNC);
    expect([second.status, idOf(second)]).toEqual([202, idOf(first)]);
    expect(idOf(other)).not.toBe(idOf(first));
    for (const one of [first, other]) await service.post(`/operations/${idOf(one)}/cancel`);
  });
});

describe('cancel, retry and release', () => {
  it('cancel ends what runs and what waits; nothing is left', async () => {
    const service = await serviceWithEndless({ env: { WORKER_CONCURRENCY: '1' } });
    const [running, waiting] = [
      await service.stage(from('endless'), {}, ASYNC),
      await service.stage(from('small'), {}, ASYNC),
    ];
    await operationWriting(`${service.areas}/.staging`);
    expect(await operationOf(service, idOf(waiting))).toMatchObject({
      status: 'queued',
      wait_reason: expect.stringMatching(/position 1 of 1/),
      started_at: null,
    });
    for (const one of [waiting, running]) {
      const answer = await service.post(`/operations/${idOf(one)}/cancel`);
      expect(answer).toMatchObject({ status: 202, body: { id: idOf(one), status: 'cancelled' } });
      const again = await service.post(`/operations/${idOf(one)}/cancel`);
      expect(again).toMatchObject({ status: 409, body: { code: 'already_ended', operation_id: idOf(one) } });
    }
    expect(leftOvers(service)).toEqual([]);
    expect(existsSync(`${service.areas}/ana`)).toBe(false);
  });

  it('retry brings a failure to its end, once what was wrong is mended', async () => {
    const service = await serviceWithEndless();
    const failed = await service.stage(from('late'));
    const id = failed.body.operation_id as string;
    writeFiles(service.storage, { late: 'here I am' });
    expect(await service.post(`/operations/${id}/retry`)).toMatchObject({ status: 202, body: { id, attempts: 2 } });
    expect(await became(service, id, 'success')).toMatchObject({ attempts: 2, error_code: null });
    expect((await service.get(`/operations/${id}/attempts`)).body.items).toMatchObject([
      { attempt: 1, status: 'failure', error_code: 'source_not_found' },
    ]);
    const again = await service.post(`/operations/${id}/retry`);
    expect(again).toMatchObject({ status: 409, body: { code: 'not_retryable', operation_id: id } });
  });

  it.each(['local_copy', 'symlink_copy'])('release removes what %s staged, and nothing else', async (method) => {
    const service = await startService({ files: { 'tree/a': 'A', 'tree/dir/b': 'B' } });
    const before = snapshot(service.storage);
    const id = idOf(await service.stage(from('tree', 'in/tree'), { method }));
    expect(await service.post(`/operations/${id}/release`)).toMatchObject({
      status: 202,
      body: { id, status: 'success' },
    });
    await until(async () => (await operationOf(service, id)).released_at !== null, 'it is not released');
    expect(readdirSync(`${service.areas}/ana/in`)).toEqual([]);
    expect(snapshot(service.storage)).toEqual(before);
    expect(await service.post(`/operations/${id}/release`)).toMatchObject({
      status: 409,
      body: { code: 'already_ended' },
    });
    const present = idOf(await service.stage(from('tree', 'in/tree'), { method }));
    expect((await operationOf(service, present)).outcome).toBe('staged');
  });

  it('release leaves what its user changed, and says why', async () => {
    const service = await startService({ files: { 'tree/a': 'A' } });
    const id = idOf(await service.stage(from('tree')));
    const place = `${service.areas}/ana/tree`;
    rmSync(`${place}/a`, { force: true });
    writeFileSync(`${place}/a`, 'another');
    await service.post(`/operations/${id}/release`);
    await until(async () => (await operationOf(service, id)).warning !== null, 'nothing is said');
    expect((await operationOf(service, id)).warning).toMatch(/^Not released: a was changed or added/);
    expect(readFileSync(`${place}/a`, 'utf8')).toBe('another');
    expect(leftOvers(service)).toEqual([]);
  });
});

describe('what outlives the process', () => {
  it('SIGTERM answers who waits, hands work back and exits 0; the next process does it', async () => {
    const service = await serviceWithEndless({ env: { WORKER_CONCURRENCY: '1', SHUTDOWN_GRACE_SECONDS: '0' } });
    const running = idOf(await service.stage(from('endless'), {}, ASYNC));
    await operationWriting(`${service.areas}/.staging`);
    const queued = idOf(await service.stage(from('small'), {}, ASYNC));
    const patient = service.stage(from('small', 'patient'), {}, { Prefer: 'wait=600' });
    const impatient = service.stage(from('small', 'foreground'));
    await until(async () => (await operations(service, 'status=queued')).length === 3, 'they do not wait');
    expect(await service.stop()).toBe(0);
    expect(await patient).toMatchObject({ status: 202, body: { status: 'accepted' } });
    expect(await impatient).toMatchObject({ status: 503, body: { code: 'shutting_down' } });
    rmSync(`${service.storage}/endless`);
    writeFiles(service.storage, { endless: 'short by now' });
    await service.restart();
    expect(await became(service, running, 'success')).toMatchObject({ attempts: 2, bytes_done: 12 });
    expect(await became(service, queued, 'success')).toMatchObject({ attempts: 1 });
    expect(await became(service, idOf(await patient), 'success')).toMatchObject({ attempts: 1 });
    expect(leftOvers(service)).toEqual([]);
  });

  it('a killed tree goes on from what was verified', async () => {
    const service = await startService();
    const files = 6000;
    makeTree(`${service.storage}/tree`, { files, sizes: [10], perDirectory: 500 });
    makeSparseFile(`${service.storage}/tree/large`, 3 * GIB);
    patchFile(`${service.storage}/tree/large`, 0, 'not a hole');
    const id = idOf(await service.stage(from('tree'), {}, ASYNC));
    await until(async () => (await operationOf(service, id)).files_done >= 3000, 'it does not come far', 60);
    await service.kill9();
    await service.restart();
    const ended = await became(service, id, 'success');
    expect(ended).toMatchObject({ attempts: 2, files_done: files + 1, files_total: files + 1 });
    const log = (await service.get(`/operations/${id}/log?limit=100`)).body.items as Answer['body'][];
    const goesOn = log.find(({ message }) => (message as string).startsWith('Goes on from'));
    expect(goesOn?.files).toBeGreaterThanOrEqual(1000);
    const small = (root: string) => contentOf(snapshot(path.join(root, 'd000')));
    expect(small(`${service.areas}/ana/tree`)).toEqual(small(`${service.storage}/tree`));
    expect(readdirSync(`${service.areas}/ana/tree`).sort()).toEqual(readdirSync(`${service.storage}/tree`).sort());
    expect(leftOvers(service)).toEqual([]);
  }, 200_000);

  it('a storage that comes back: the work is tried again by itself', async () => {
    const service = await startService({
      env: { RETRY_DELAY_SECONDS: '1' },
      files: { file: 'content', '.mounted': '' },
    });
    writeFileSync(`${service.areas}/.mounted`, '');
    await service.restart({ ROOT_MARKER: '.mounted' });
    rmSync(`${service.storage}/.mounted`);
    const id = idOf(await service.stage(from('file'), {}, ASYNC));
    await until(async () => (await operationOf(service, id)).attempts >= 2, 'it is not tried again');
    writeFileSync(`${service.storage}/.mounted`, '');
    const ended = await became(service, id, 'success');
    expect(ended.attempts).toBeGreaterThanOrEqual(2);
    const { items } = (await service.get(`/operations/${id}/attempts`)).body;
    expect(items[0]).toMatchObject({ status: 'failure', error_code: 'storage_unavailable' });
  });
});
