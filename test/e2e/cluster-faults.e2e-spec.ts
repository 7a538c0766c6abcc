import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ASYNC, became, from, idOf } from '../support/background-scene';
import { cleanUpAfterEach } from '../support/cleanups';
import { Cluster, clusterMissing, type ClusterOptions, type RunningWorker } from '../support/cluster';
import { describeWhere } from '../support/describe-where';
import { makeSparseFile, patchFile, writeFiles } from '../support/files';
import { type Mariadb, runSql, startMariadb } from '../support/mariadb';
import { logOf, manifestOf, metric, operationOf, operations, operationWriting } from '../support/operations';
import { temporaryFolder } from '../support/temporary-folder';
import { until } from '../support/until';

/** Takes seconds to copy and verify with sha256, and a moment to make. */
const LARGE = 2 * 1024 ** 3;

/** Real: MariaDB, Redis, API processes and workers on real files, killed and frozen by signals. */
describeWhere(clusterMissing(), 'when something dies in the middle', () => {
  let database: Mariadb;
  let cluster: Cluster;

  beforeAll(async () => {
    database = await startMariadb();
  }, 60_000);
  cleanUpAfterEach();

  async function begin(options: ClusterOptions = {}): Promise<void> {
    const env = { CHECKSUM: 'sha256', WORKER_CONCURRENCY: '2', RETRY_DELAY_SECONDS: '1', ...options.env };
    cluster = await Cluster.start({ apis: 1, workers: 2, files: { file: 'content' }, ...options, env }, database);
    makeSparseFile(`${cluster.storage}/large`, LARGE);
    for (let at = 0; at < LARGE; at += LARGE / 16) patchFile(`${cluster.storage}/large`, at, `at ${at}`);
  }

  const submit = async (source: string, to = source) => idOf(await cluster.api.stage(from(source, to), {}, ASYNC));

  /** The worker that an operation runs in, by the owner in its record. */
  async function workerOf(id: string): Promise<RunningWorker> {
    const owner = await ownerOf(id);
    return cluster.workers.find(({ pid }) => owner.split('/')[3] === String(pid))!;
  }

  async function ownerOf(id: string): Promise<string> {
    const [rows] = await runSql(cluster.databaseUrl, `SELECT owner FROM staging_record WHERE id = '${id}'`);
    return (rows as { owner: string }[])[0]!.owner;
  }

  /** An operation that is in the middle of its copy. */
  async function copying(to = 'copy'): Promise<string> {
    const id = await submit('large', to);
    await operationWriting(path.join(cluster.areas, '.staging'), 64 * 1024 ** 2);
    return id;
  }

  async function expectWhole(to = 'copy'): Promise<void> {
    expect(await sha256(path.join(cluster.areas, 'ana', to))).toBe(await sha256(`${cluster.storage}/large`));
    await until(() => cluster.leftOvers().length === 0, `something is left: ${cluster.leftOvers().join()}`);
  }

  it('a worker (kill -9): another one takes its work up, and nothing is left over', async () => {
    await begin();
    const id = await copying();
    const worker = await workerOf(id);
    await worker.kill9();
    expect(await became(cluster.api, id, 'success')).toMatchObject({ attempts: 2, outcome: 'staged' });
    const attempts = (await cluster.api.get(`/operations/${id}/attempts`)).body.items;
    expect(attempts).toMatchObject([{ attempt: 1, status: 'interrupted' }]);
    expect(await manifestOf(cluster.api, id)).toHaveLength(1);
    await expectWhole();
  }, 120_000);

  it('a worker that somebody waits for: the caller gets the answer all the same', async () => {
    await begin();
    const waiting = cluster.api.stage(from('large', 'copy'));
    const id = await operationWriting(path.join(cluster.areas, '.staging'), 64 * 1024 ** 2);
    await (await workerOf(id)).kill9();
    expect(await waiting).toMatchObject({ status: 200, body: { operation: { id, outcome: 'staged', attempts: 2 } } });
    await expectWhole();
  }, 120_000);

  it('a worker stands still (SIGSTOP) and wakes up late: it neither publishes nor disturbs', async () => {
    await begin();
    const id = await copying();
    const [worker, first] = [await workerOf(id), await ownerOf(id)];
    worker.freeze();
    await until(async () => (await operationOf(cluster.api, id)).attempts === 2, 'nobody takes it over', 60);
    // In the middle of the other one's work.
    await until(() => cluster.leftOvers().includes(`${id}.2`), 'the other one does not begin');
    expect(await ownerOf(id)).not.toBe(first);
    worker.thaw();
    await until(() => /had lost the operation to another one/.test(worker.output), 'it does not notice');
    expect(await became(cluster.api, id, 'success')).toMatchObject({ attempts: 2, outcome: 'staged' });
    expect(await manifestOf(cluster.api, id)).toHaveLength(1);
    await expectWhole();
    // It is of use again.
    const more = await Promise.all(Array.from({ length: 8 }, (_none, index) => submit('file', `more/${index}`)));
    for (const one of more) await became(cluster.api, one, 'success');
  }, 120_000);

  it('a worker stands still until all is over: it leaves the result and its record alone', async () => {
    await begin();
    const id = await copying();
    const worker = await workerOf(id);
    worker.freeze();
    const ended = await became(cluster.api, id, 'success');
    worker.thaw();
    await until(() => /had lost the operation to another one/.test(worker.output), 'it does not notice');
    expect(await operationOf(cluster.api, id)).toEqual(ended);
    await expectWhole();
  }, 120_000);

  it('a frozen worker whose operation is cancelled meanwhile: it is cancelled all the same', async () => {
    await begin();
    const id = await copying();
    const worker = await workerOf(id);
    worker.freeze();
    expect((await cluster.api.post(`/operations/${id}/cancel`)).status).toBe(202);
    await became(cluster.api, id, 'cancelled');
    worker.thaw();
    await until(() => cluster.leftOvers().length === 0, 'something is left');
    expect(await operationOf(cluster.api, id)).toMatchObject({ status: 'cancelled', attempts: 1 });
  }, 120_000);

  it('a worker that is told to stop (SIGTERM) gives its work back at once', async () => {
    await begin({ env: { SHUTDOWN_GRACE_SECONDS: '0' } });
    const id = await copying();
    expect(await (await workerOf(id)).stop()).toEqual({ code: 0, signal: null });
    expect(await became(cluster.api, id, 'success')).toMatchObject({ attempts: 2 });
    await expectWhole();
  }, 120_000);

  it('the API process (kill -9): what it was asked for goes on, and its callers find it at another', async () => {
    await begin({ apis: 2 });
    const waiting = cluster.api.stage(from('large', 'copy')).catch(() => 'cut');
    const id = await operationWriting(path.join(cluster.areas, '.staging'));
    await cluster.api.kill9();
    expect(await waiting).toBe('cut');
    expect(await became(cluster.apis[1]!, id, 'success')).toMatchObject({ attempts: 1, outcome: 'staged' });
    await expectWhole();
  }, 120_000);

  it('an API process that stops (SIGTERM) tells its callers where to look', async () => {
    await begin({ apis: 2 });
    const waiting = cluster.api.stage(from('large', 'copy'));
    const id = await operationWriting(path.join(cluster.areas, '.staging'));
    expect(await cluster.api.stop()).toBe(0);
    const answer = await waiting;
    expect(answer).toMatchObject({ status: 202, headers: { location: `/operations/${id}` } });
    expect(await became(cluster.apis[1]!, id, 'success')).toMatchObject({ attempts: 1 });
  }, 120_000);

  it('Redis, empty when it is back: new work is refused meanwhile, what waits and runs is done', async () => {
    const password = 'a-password-of-Redis';
    await begin({ env: { WORKER_CONCURRENCY: '1' }, redis: { password } });
    const running = [await copying('copy-0'), await submit('large', 'copy-1')];
    const waiting = [await submit('file', 'waits-0'), await submit('file', 'waits-1')];
    await cluster.redis.kill9();
    await until(async () => (await cluster.api.get('/health/ready')).status === 503, 'it is ready');
    const ready = (await cluster.api.get('/health/ready')).body;
    expect(ready.checks.queue).toMatchObject({ status: 'down', detail: expect.stringContaining('Redis') });
    for (const headers of [{}, ASYNC]) {
      const refused = await cluster.api.stage(from('file', 'refused'), {}, headers);
      expect(refused).toMatchObject({
        status: 503,
        body: { code: 'queue_unavailable' },
        headers: { 'retry-after': expect.any(String) },
      });
      expect(await operationOf(cluster.api, refused.body.operation_id as string)).toMatchObject({ status: 'failure' });
    }
    const batch = { items: [from('file', 'refused')] };
    expect(await cluster.api.post('/stage_data/batch?method=local_copy&username=ana', batch)).toMatchObject({
      status: 503,
    });
    // What needs no queue goes on: a link as well.
    const link = { Accept: 'application/json' };
    const asked = cluster.api.stage({ local_path_on_storage: 'file' }, { method: 'direct_download' }, link);
    expect(await asked).toMatchObject({ status: 200, body: { operation: { download_url: expect.any(String) } } });
    expect(await cluster.api.stage({ local_path_on_storage: 'file' }, { method: 'direct_download' })).toMatchObject({
      status: 200,
    });
    await cluster.redis.restart();
    for (const id of [...running, ...waiting])
      expect(await became(cluster.api, id, 'success')).toMatchObject({ attempts: 1 });
    await until(async () => (await cluster.api.get('/health/ready')).status === 200, 'it is not ready');
    expect(await cluster.api.stage(from('file', 'refused'))).toMatchObject({ status: 200 });
    await expectWhole('copy-1');
    const said = [cluster.api.output, cluster.api.logText(), ...cluster.workers.map(({ output }) => output)];
    for (const address of ['/metrics', '/config', '/health/ready']) {
      said.push(JSON.stringify((await cluster.api.get(address)).body));
    }
    expect(said.join('\n')).toMatch(/Redis does not answer[^]*Redis answers/);
    expect(said.join('\n')).not.toContain(password);
  }, 120_000);

  it('the queue emptied under it: filled again from the records, by itself or at once by requeue', async () => {
    await begin({ workers: 0 });
    const waiting = [await submit('file', 'waits-0'), await submit('file', 'waits-1')];
    await cluster.redis.flush();
    await until(async () => (await metric(cluster.api, 'staging_queue_depth')) === 2, 'it is not filled');
    await cluster.redis.flush();
    expect(await cluster.requeue()).toMatch(/filled from the records.*operations=2/);
    expect(await cluster.requeue()).toMatch(/filled from the records/);
    expect((await operationOf(cluster.api, waiting[0]!)).wait_reason).toMatch(/No worker takes work.*position 1 of 2/);
    await cluster.addWorker();
    for (const id of waiting) await became(cluster.api, id, 'success');
  }, 60_000);

  it('MariaDB: what runs waits for it, and every record settles', async () => {
    await begin();
    const id = await copying();
    await database.kill9();
    expect(await cluster.api.stage(from('file', 'refused'))).toMatchObject({
      status: 503,
      body: { code: 'database_unavailable' },
    });
    await database.restart();
    await until(
      () => cluster.api.get(`/operations/${id}`).then(({ status }) => status === 200),
      'the API does not come back',
    );
    expect(await became(cluster.api, id, 'success')).toMatchObject({ outcome: 'staged' });
    await expectWhole();
    expect(await cluster.api.stage(from('file', 'refused'))).toMatchObject({ status: 200 });
    expect((await operations(cluster.api, 'status=running')).length).toBe(0);
  }, 120_000);

  it('a worker without the mount takes no work, and says why', async () => {
    await begin({ workers: 0, env: { ROOT_MARKER: '.keep' } });
    writeFileSync(`${cluster.storage}/.keep`, '');
    const empty = temporaryFolder('staging-unmounted-');
    mkdirSync(`${empty}/storage`);
    const worker = await cluster.addWorker({ SOURCE_STORAGE_PATH: `${empty}/storage`, WORKER_HTTP_PORT: '0' });
    const id = await submit('file');
    const address = /Listening on (http\S+)/.exec(worker.output)![1]!;
    const ready = await fetch(`${address}/health/ready`);
    expect([ready.status, JSON.stringify(await ready.json())]).toEqual([
      503,
      expect.stringContaining('marker file is missing'),
    ]);
    expect(await metric(cluster.api, 'staging_workers')).toBe(0);
    expect((await cluster.api.get('/health/ready')).body).toMatchObject({
      status: 'up',
      warnings: [expect.stringContaining('worker')],
    });
    expect(await operationOf(cluster.api, id)).toMatchObject({ status: 'queued', attempts: 1 });
    writeFileSync(`${empty}/storage/.keep`, '');
    writeFileSync(`${empty}/storage/file`, 'content');
    await became(cluster.api, id, 'success');
  }, 60_000);

  it('a storage of several that is away everywhere: the work for the others goes on', async () => {
    const folder = temporaryFolder('staging-storages-');
    const [hot, cold] = [`${folder}/hot`, `${folder}/cold`];
    writeFiles(folder, { 'hot/.keep': '', 'hot/file': 'hot', 'cold/.keep': '', 'cold/file': 'cold' });
    const env = { SOURCE_STORAGE_PATH: `hot=${hot},cold=${cold}`, ROOT_MARKER: '.keep', RETRY_ATTEMPTS: '1' };
    await begin({ workers: 1, env });
    rmSync(`${cold}/.keep`);
    const { workers } = cluster;
    await until(() => workers[0]!.output.includes('Takes work only while'), 'it is not noticed');
    await until(async () => (await metric(cluster.api, 'staging_workers')) === 1, 'nobody takes work');
    const stage = (storage: string, to: string) => cluster.api.stage({ ...from('file', to), storage });
    expect(await stage('hot', 'hot-1')).toMatchObject({ status: 200, body: { operation: { outcome: 'staged' } } });
    expect(await stage('cold', 'cold-1')).toMatchObject({ status: 503, body: { code: 'storage_unavailable' } });
    writeFileSync(`${cold}/.keep`, '');
    await until(
      () => workers[0]!.output.match(/Takes work(?! only)/g)?.length === 2,
      'it is not noticed that it is back',
    );
    expect(await stage('cold', 'cold-2')).toMatchObject({ status: 200, body: { operation: { outcome: 'staged' } } });
  }, 60_000);

  it('clocks that differ by hours: who lives is told by the clock of the database', async () => {
    await begin({ workers: 0 });
    const clock = path.join(temporaryFolder('staging-clock-'), 'clock.cjs');
    writeFileSync(clock, `const now = Date.now; Date.now = () => now() + Number(process.env.CLOCK_OFFSET_MS);`);
    const hours = 3 * 3_600_000;
    for (const offset of [-hours, hours]) {
      await cluster.addWorker({ NODE_OPTIONS: `--require ${clock}`, CLOCK_OFFSET_MS: String(offset) });
    }
    const id = await copying();
    const others = await Promise.all(Array.from({ length: 6 }, (_none, index) => submit('file', `more/${index}`)));
    for (const one of [id, ...others]) expect(await became(cluster.api, one, 'success')).toMatchObject({ attempts: 1 });
    await expectWhole();
  }, 120_000);

  it('all of it, in the middle of 10,000 operations: every record settles, nothing is missing or left over', async () => {
    await begin({ apis: 2, workers: 3, redis: { keepsData: true } });
    const items = Array.from({ length: 10_000 }, (_none, index) => from('file', `batch/${index % 100}/${index}`));
    const batch = await cluster.api.post('/stage_data/batch?method=local_copy&username=ana', { items });
    expect(batch).toMatchObject({ status: 202, body: { accepted: 10_000 } });
    const counts = async () => (await cluster.apis[1]!.get(`/batches/${batch.body.batch_id}`)).body.counts;
    const after = (ended: number) =>
      until(async () => ((await counts())?.success ?? 0) >= ended, `not ${ended} have ended`, 240);
    await after(500);
    await cluster.workers[0]!.kill9();
    await cluster.addWorker();
    await after(1500);
    cluster.workers[1]!.freeze();
    await after(2500);
    cluster.workers[1]!.thaw();
    await cluster.redis.kill9();
    await cluster.redis.restart();
    await after(4000);
    await database.kill9();
    await database.restart();
    await until(async () => (await cluster.apis[1]!.get('/ping')).status === 200, 'no answer');
    await after(5500);
    await cluster.api.kill9();
    await after(7000);
    await cluster.workers[2]!.stop();
    await after(10_000);
    expect(await counts()).toEqual({ queued: 0, running: 0, success: 10_000, failure: 0, cancelled: 0 });
    for (let index = 0; index < 10_000; index += 1) {
      expect(readFileSync(path.join(cluster.areas, `ana/batch/${index % 100}/${index}`), 'utf8')).toBe('content');
    }
    const outcomes = `SELECT outcome, COUNT(*) AS count FROM staging_record GROUP BY outcome`;
    const [rows] = await runSql(cluster.databaseUrl, outcomes);
    expect(rows).toEqual([{ outcome: 'staged', count: 10_000 }]);
    await until(
      () => cluster.leftOvers().length === 0,
      `something is left: ${cluster.leftOvers().slice(0, 5).join()}`,
      60,
    );
  }, 600_000);

  it('the log of an operation tells of both its workers', async () => {
    await begin();
    const id = await copying();
    await (await workerOf(id)).kill9();
    await became(cluster.api, id, 'success');
    await until(
      async () => (await logOf(cluster.api, id)).some(({ message }) => message === 'Staged'),
      'no line of the end',
    );
    const lines = await logOf(cluster.api, id);
    expect(lines.map(({ message }) => message as string)).toEqual(
      expect.arrayContaining([
        'Staging requested',
        'Its process died; the operation is taken up again',
        'Attempt 2 begins',
        'Staged',
      ]),
    );
  }, 120_000);
});

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1024 ** 2 }), hash);
  return hash.digest('hex');
}
