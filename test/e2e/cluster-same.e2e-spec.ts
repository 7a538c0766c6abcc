import { symlinkSync } from 'node:fs';
import path from 'node:path';
import { ASYNC, from, idOf } from '../support/background-scene';
import { Cluster, clusterMissing } from '../support/cluster';
import { describeWhere } from '../support/describe-where';
import { runSql } from '../support/mariadb';
import { type Answer } from '../support/http-client';
import { manifestOf, operationOf, operations } from '../support/operations';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

const FILES = { file: 'content', 'tree/a': '1', 'tree/b/c': '22', 'odd\u00e9 name': 'x', empty: '' };

/** What differs from one site to the next, and from one time to the next. */
const PASSING =
  /^(id|.*_id|instance|.*_at|bytes_per_second|eta_seconds|download_url|inode|device|mtime.*|cursor|next_cursor)$/;

function plain(value: unknown, name = ''): unknown {
  if (PASSING.test(name)) return value === null ? null : `<${name}>`;
  if (Buffer.isBuffer(value)) return value.toString();
  if (Array.isArray(value)) return value.map((one) => plain(one));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, plain(held, key)]));
}

const HEADERS = ['content-type', 'preference-applied', 'retry-after', 'content-disposition', 'allow'];

const told = ({ status, headers, body }: Answer) => ({
  status,
  headers: Object.fromEntries(HEADERS.map((name) => [name, headers[name]])),
  body: plain(body),
});

/** One user's day: what a script asks, and what it is answered. */
async function script(service: RunningService): Promise<unknown[]> {
  const answers: unknown[] = [];
  const ask = async (answer: Promise<Answer>) => {
    const got = await answer;
    answers.push(told(got));
    return got;
  };
  const end = async (id: string) => {
    await until(async () => (await operationOf(service, id)).finished_at !== null, 'it does not end');
    return ask(service.get(`/operations/${id}`));
  };
  const staged = await ask(service.stage(from('file', 'in/file')));
  await ask(service.stage(from('file', 'in/file')));
  await ask(service.stage({ ...from('file', 'in/file'), if_exists: 'fail' }));
  await ask(service.stage(from('tree', 'in/tree')));
  await ask(service.stage(from('file', 'in/tree')));
  await ask(service.stage(from('tree/', 'dir/')));
  await ask(
    service.stage({
      ...from('file', 'sum'),
      checksum: { algorithm: 'md5', value: '9a0364b9e99bb480dd25e1f0284c8555' },
    }),
  );
  await ask(
    service.stage({
      ...from('file', 'wrong'),
      checksum: { algorithm: 'md5', value: '00000000000000000000000000000000' },
    }),
  );
  const sumOfTree = { ...from('tree', 'sum-of-tree'), checksum: { algorithm: 'md5', value: '0'.repeat(32) } };
  for (const headers of [{}, ASYNC]) await ask(service.stage(sumOfTree, {}, headers));
  for (const [source, to] of [
    ['nowhere', 'x'],
    ['../out', 'x'],
    ['leaves', 'x'],
    ['file', '../x'],
    ['file', '/x'],
    ['', 'x'],
    ['odd\u00e9 name', 'name of its own'],
    ['empty', 'empty'],
  ] as const) {
    await ask(service.stage(from(source, to)));
  }
  await ask(service.stage(from('file', 'x'), { method: 'teleport' }));
  await ask(service.stage(from('file', 'x'), { username: 'root' }));
  await ask(service.stage(from('file', 'linked'), { method: 'symlink_copy', username: 'bob' }));
  await ask(service.stage({ local_path_on_storage: 'file' }, { method: 'direct_download' }));
  await ask(service.stage({ local_path_on_storage: 'nowhere' }, { method: 'direct_download' }));
  const later = await service.stage(from('file', 'later'), {}, ASYNC);
  answers.push([
    later.status,
    later.headers['preference-applied'],
    later.headers.location === `/operations/${idOf(later)}`,
  ]);
  await end(idOf(later));
  await ask(service.stage(from('tree', 'waited'), {}, { Prefer: 'wait=30' }));
  answers.push(plain(await manifestOf(service, idOf(staged))));
  await ask(service.post(`/operations/${idOf(staged)}/cancel`));
  await ask(service.post(`/operations/${idOf(staged)}/retry`));
  answers.push((await service.post(`/operations/${idOf(staged)}/release`)).status);
  await until(async () => (await operationOf(service, idOf(staged))).released_at !== null, 'it is not released');
  await ask(service.get(`/operations/${idOf(staged)}`));
  const items = [from('file', 'b/1'), from('nowhere', 'b/2'), from('file', '../b/3'), from('tree', 'b/4')];
  const batch = await ask(service.post('/stage_data/batch?method=local_copy&username=ana', { items }));
  const address = `/batches/${batch.body.batch_id}`;
  await until(async () => (await service.get(address)).body.finished_at !== null, 'the batch does not end');
  await ask(service.get(address));
  const ofBatch = await operations(service, `batch_id=${batch.body.batch_id}`);
  answers.push(plain(ofBatch));
  await ask(service.post(`${address}/cancel`));
  await ask(service.post('/stage_data/plan?method=local_copy&username=ana', { items }));
  await ask(service.get('/operations?status=failure&limit=500'));
  await ask(service.get('/operations/00000000-0000-7000-8000-000000000000'));
  await ask(service.get('/user-areas/ana'));
  return answers;
}

describeWhere(clusterMissing(), 'a site of two API processes and three workers', () => {
  it('gives a script the same answers as one process', async () => {
    const cluster = await Cluster.start({ files: FILES, env: { PUBLIC_URL: undefined } });
    const alone = await startService({ files: FILES });
    for (const storage of [cluster.storage, alone.storage]) symlinkSync('/etc', path.join(storage, 'leaves'));
    const one = await script(alone);
    const several = await script(cluster.api);
    expect(several).toHaveLength(one.length);
    for (const [index, answer] of one.entries()) expect([index, several[index]]).toEqual([index, answer]);
  }, 180_000);

  it('goes on beside processes of a newer version, and with what these add', async () => {
    const cluster = await Cluster.start({ apis: 1, workers: 1, files: FILES });
    await runSql(
      cluster.databaseUrl,
      'ALTER TABLE staging_record ADD COLUMN of_the_future varchar(20) NULL',
      "INSERT INTO migrations (timestamp, name) VALUES (1999999999999, 'Future1999999999999')",
    );
    const message = JSON.stringify({ from: 'newer', topic: 'operation-teleported', message: { id: 'x', more: [1] } });
    await cluster.redis.run('PUBLISH', '{staging}:bus', message);
    await cluster.redis.run('PUBLISH', '{staging}:bus', 'not even a message');
    expect(await cluster.api.stage(from('file', 'before'))).toMatchObject({ status: 200 });
    // What is started now finds the newer tables.
    const [api] = await Promise.all([cluster.addApi(), cluster.addWorker()]);
    expect(await api.stage(from('file', 'after'))).toMatchObject({ status: 200 });
    expect(await cluster.api.stage(from('tree', 'after-too'), {}, ASYNC)).toMatchObject({ status: 202 });
    await until(async () => (await operations(api, 'status=success')).length === 3, 'it does not end');
  }, 120_000);
});
