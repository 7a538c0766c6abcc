import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ASYNC, became, from, idOf } from '../support/background-scene';
import { Cluster, clusterMissing } from '../support/cluster';
import { describeWhere } from '../support/describe-where';
import { EventStream } from '../support/event-stream';
import { makeEndlessFile } from '../support/files';
import { LogSocket } from '../support/log-socket';
import { logOf, metric, operationOf, operations } from '../support/operations';
import { type RunningService } from '../support/service';
import { until } from '../support/until';

describeWhere(clusterMissing(), 'two API processes and three workers', () => {
  let cluster: Cluster;
  let one: RunningService;
  let other: RunningService;

  beforeAll(async () => {
    const files = { file: 'content', 'tree/a': '1', 'tree/b/c': '22' };
    cluster = await Cluster.start({ files, env: { MAX_RUNNING_PER_USER: '4', WORKER_CONCURRENCY: '2' } });
    [one, other] = [cluster.api, cluster.apis[1]!];
    makeEndlessFile(`${cluster.storage}/endless`);
  }, 120_000);

  const endless = async (service: RunningService, to: string, user = 'ana') => {
    const id = idOf(await service.stage(from('endless', to), { username: user }, ASYNC));
    await until(async () => (await operationOf(service, id)).bytes_done > 0, 'it does not begin');
    return id;
  };
  const staged = (...names: string[]) => readFileSync(path.join(cluster.areas, ...names), 'utf8');

  it('stage while the caller waits, with the answers of one process', async () => {
    const answer = await one.stage(from('file', 'in/file'));
    expect(answer).toMatchObject({
      status: 200,
      body: { status: 'success', operation: { outcome: 'staged', attempts: 1 } },
    });
    expect(staged('ana/in/file')).toBe('content');
    const again = await other.stage(from('file', 'in/file'));
    expect(again).toMatchObject({
      status: 200,
      body: { operation: { outcome: 'already_present', matches_source: true } },
    });
    const missing = await other.stage(from('nowhere', 'x'));
    expect(missing).toMatchObject({
      status: 400,
      body: { code: 'source_not_found', detail: 'Source path does not exist: nowhere' },
    });
    expect(missing.body.operation_id).toBe(missing.headers['x-operation-id']);
    expect(await other.stage(from('file', 'x'), {}, { Prefer: 'wait=20' })).toMatchObject({ status: 200 });
  });

  it('show each the operations of all, live: progress several times a second, and the end', async () => {
    const id = await endless(one, 'seen');
    const stream = await EventStream.open(`${other.url}/operations/${id}/events`);
    await until(() => stream.events.length >= 6, 'nothing moves');
    const done = stream.events.map(({ data }) => data.bytes_done as number);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(new Set(done).size).toBeGreaterThanOrEqual(5);
    expect(stream.events.at(-1)!.data).toMatchObject({ status: 'running', bytes_per_second: expect.any(Number) });
    expect((await other.post(`/operations/${id}/cancel`)).status).toBe(202);
    await until(() => stream.isOver, 'the stream does not end');
    expect(stream.events.at(-1)).toMatchObject({ event: 'end', data: { status: 'cancelled', error_code: null } });
    await until(() => cluster.leftOvers().length === 0, 'something is left');
  });

  it('cancel what runs in a worker, and say so in the answer', async () => {
    const id = await endless(one, 'cancelled');
    const answer = await other.post(`/operations/${id}/cancel`);
    expect(answer).toMatchObject({ status: 202, body: { status: 'cancelled' } });
    expect(await other.post(`/operations/${id}/cancel`)).toMatchObject({
      status: 409,
      body: { code: 'already_ended' },
    });
  });

  it('let one of two stage that are asked for one destination at once', async () => {
    const both = await Promise.all(
      [one, other, one, other].map((service) => service.stage(from('tree', 'same/place'), { username: 'bob' })),
    );
    expect(both.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const outcomes = both.map(({ body }) => body.operation.outcome as string).sort();
    expect(outcomes).toEqual(['already_present', 'already_present', 'already_present', 'staged']);
    expect(staged('bob/same/place/b/c')).toBe('22');
  });

  it('hold the limit of a user at the whole site, and give others their turn', async () => {
    const ids = [];
    for (let count = 0; count < 4; count += 1) ids.push(await endless(count % 2 ? one : other, `limit-${count}`));
    const fifth = idOf(await one.stage(from('file', 'limit-file'), {}, ASYNC));
    const waiting = await operationOf(other, fifth);
    expect(waiting).toMatchObject({ status: 'queued', wait_reason: expect.stringContaining('as the site allows (4)') });
    expect(await one.stage(from('file', 'mine'), { username: 'bob' })).toMatchObject({ status: 200 });
    expect(await metric(one, 'staging_queue_depth')).toBe(1);
    await Promise.all(ids.map((id) => other.post(`/operations/${id}/cancel`)));
    await became(one, fifth, 'success');
  }, 60_000);

  it('answer the same idempotency key once, whoever is asked', async () => {
    const key = { 'Idempotency-Key': 'a key of a cluster'.replaceAll(' ', '-') };
    const first = await one.stage(from('file', 'keyed'), {}, key);
    const repeat = await other.stage(from('file', 'keyed'), {}, key);
    expect(repeat).toMatchObject({
      status: 200,
      body: { operation: { id: first.body.operation.id, outcome: 'staged' } },
    });
    expect(await other.stage(from('file', 'another'), {}, key)).toMatchObject({
      body: { code: 'idempotency_key_reused' },
    });
  });

  it('serve at one the download links of the other', async () => {
    const answer = await one.stage(
      { local_path_on_storage: 'file' },
      { method: 'direct_download' },
      { Accept: 'application/json' },
    );
    const download = await other.get(answer.body.operation.download_url as string);
    expect([download.status, download.body.toString()]).toEqual([200, 'content']);
    await other.post(`/operations/${answer.body.operation.id}/cancel`);
    expect(await one.get(answer.body.operation.download_url as string)).toMatchObject({ status: 403 });
  });

  it('take batches at one and show them at the other, each user having a turn', async () => {
    const items = Array.from({ length: 300 }, (_none, index) => from('file', `batch/${index}`));
    const batch = await one.post('/stage_data/batch?method=local_copy&username=ana', { items });
    expect(batch).toMatchObject({ status: 202, body: { accepted: 300 } });
    await other.stage(from('file', 'meanwhile'), { username: 'carol' });
    const then = (await other.get(`/batches/${batch.body.batch_id}`)).body;
    expect(then.counts.success).toBeLessThan(300);
    await until(
      async () => {
        const { body } = await other.get(`/batches/${batch.body.batch_id}`);
        return body.counts.success === 300;
      },
      'the batch does not end',
      60,
    );
    const owners = new Set(
      (await operations(one, `batch_id=${batch.body.batch_id}`)).map(({ attempts }) => attempts as number),
    );
    expect([...owners]).toEqual([1]);
  }, 90_000);

  it('cancel and retry a batch whose operations run anywhere', async () => {
    const items = Array.from({ length: 40 }, (_none, index) => from('endless', `ended/${index}`));
    const { body } = await one.post('/stage_data/batch?method=local_copy&username=dave', { items });
    await until(async () => (await other.get(`/batches/${body.batch_id}`)).body.counts.running > 0, 'nothing begins');
    expect((await other.post(`/batches/${body.batch_id}/cancel`)).status).toBe(202);
    await until(
      async () => (await one.get(`/batches/${body.batch_id}`)).body.counts.cancelled === 40,
      'not all are cancelled',
    );
    await until(async () => (await metric(one, 'staging_queue_depth')) === 0, 'something waits');
  }, 60_000);

  it('show the lines of all processes, each with its host and process, live and later', async () => {
    const socket = await LogSocket.connected(other.url);
    await socket.subscribe({ level: 'INFO', backlog: 0 });
    const answer = await one.stage(from('file', 'logged'));
    const id = idOf(answer);
    const ofIt = () => socket.lines.filter((line) => line.operation_id === id);
    await until(() => ofIt().some(({ message }) => message === 'Staged'), 'the line of the worker does not come');
    expect(ofIt().find(({ message }) => message === 'Staged')).toMatchObject({
      host: expect.any(String),
      process: expect.stringMatching(/^worker/),
    });
    for (const service of [one, other]) {
      await until(
        async () => (await logOf(service, id)).some(({ message }) => message === 'Staged'),
        'it is not in the log',
      );
    }
  });

  it('tell in health and metrics how the queue is', async () => {
    const { body } = await one.get('/health/ready');
    expect(body).toMatchObject({ status: 'up', checks: { queue: { status: 'up' } } });
    expect(await metric(other, 'staging_workers')).toBe(3);
    expect(await metric(other, 'staging_queue_up')).toBe(1);
  });
});
