import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cleanUpAfterEach, onCleanup } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import { send } from '../support/http-client';
import { type Mariadb, mariadbMissing, startMariadb } from '../support/mariadb';
import { type Redis, redisMissing, startRedis } from '../support/redis';
import { type Ending } from '../support/service-process';
import { temporaryFolder } from '../support/temporary-folder';
import { until } from '../support/until';

/** A worker as a process: its start, what it tells those who watch it, and its end. */

cleanUpAfterEach();

const WORKER_PROGRAM = path.resolve(__dirname, '../../dist/apps/worker/src/main.js');

describeWhere(redisMissing() ?? mariadbMissing(), 'a worker', () => {
  let redis: Redis;
  let mariadb: Mariadb;

  beforeAll(async () => {
    redis = await startRedis();
    mariadb = await startMariadb();
  });

  /** Starts a worker on roots of its own, and waits until it has started. */
  async function startWorker(more: Record<string, string> = {}) {
    const folder = temporaryFolder('worker-');
    const [storage, areas] = ['storage', 'areas'].map((name) => path.join(folder, name)) as [string, string];
    for (const root of [storage, areas]) {
      mkdirSync(root);
      writeFileSync(path.join(root, '.mounted'), '');
    }
    const env = {
      PATH: process.env.PATH ?? '',
      REDIS_URL: redis.url,
      DATABASE_URL: mariadb.url,
      DOWNLOAD_SECRET: 'x'.repeat(32),
      SOURCE_STORAGE_PATH: storage,
      TARGET_STORAGE_PATH: areas,
      ROOT_MARKER: '.mounted',
      SHUTDOWN_GRACE_SECONDS: '1',
      ...more,
    };
    const argv = ['--pdeathsig', 'KILL', process.execPath, WORKER_PROGRAM];
    const child = spawn('setpriv', argv, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [output, stdout] = ['', ''];
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    const ended = new Promise<Ending>((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
    onCleanup(async () => {
      child.kill('SIGKILL');
      await ended;
    });
    await until(() => output.includes('The worker has started'), 'The worker did not start', 30);
    const url = /Listening on (http:\S+)/.exec(output)?.[1];
    return { child, ended, url: url ?? '', folder, storage, output: () => output, stdout: () => stdout };
  }

  it('tells health and metrics where it is given a port, and ends in order', async () => {
    const worker = await startWorker({ WORKER_HTTP_PORT: '0' });
    expect(await send(`${worker.url}/health/live`)).toMatchObject({ status: 200, body: { status: 'up' } });
    const ready = () => send(`${worker.url}/health/ready`);
    await until(async () => (await ready()).status === 200, 'The worker was not ready');
    const metrics = async () => (await send(`${worker.url}/metrics`)).body as string;
    await until(async () => (await metrics()).includes('\nstaging_workers 1\n'), 'The queue did not see the worker');
    for (const line of ['queue_up 1', 'database_up 1', 'storage_up{storage="default"} 1', 'operations_running 0']) {
      expect(await metrics()).toContain(`\nstaging_${line}\n`);
    }
    expect((await send(`${worker.url}/ping`)).status).toBe(404);
    worker.child.kill('SIGTERM');
    expect(await worker.ended).toEqual({ code: 0, signal: null });
    expect(worker.output()).toContain('Stopping on SIGTERM');
    expect(worker.stdout()).toBe('');
    // Its last lines are on their way to those who show them.
    const lines = JSON.stringify(await redis.run('XRANGE', '{staging}:log', '-', '+'));
    expect(lines).toContain('Stopping on SIGTERM');
    expect(lines).toContain(`worker-${worker.child.pid}`);
    // It keeps no file of its own.
    expect(readdirSync(worker.folder).sort()).toEqual(['areas', 'storage']);
  });

  it('takes no work without the mount, says why, and goes on when it is back', async () => {
    const worker = await startWorker({ WORKER_HTTP_PORT: '0' });
    const ready = () => send(`${worker.url}/health/ready`);
    await until(async () => (await ready()).status === 200, 'The worker was not ready');
    renameSync(path.join(worker.storage, '.mounted'), path.join(worker.storage, '.away'));
    await until(() => worker.output().includes('Takes no work'), 'The missing storage was not noticed');
    const metrics = async () => (await send(`${worker.url}/metrics`)).body as string;
    await until(
      async () => (await metrics()).includes('\nstaging_workers 0\n'),
      'The queue still counts on the worker',
    );
    const { status, body } = await ready();
    expect(status).toBe(503);
    expect(body.checks.storages).toEqual([
      { name: 'default', status: 'down', detail: expect.stringMatching(/.{10,}/) },
    ]);
    expect(await metrics()).toContain('\nstaging_storage_up{storage="default"} 0\n');
    renameSync(path.join(worker.storage, '.away'), path.join(worker.storage, '.mounted'));
    await until(async () => (await ready()).status === 200, 'The worker was not ready again');
    expect(worker.output().split('Takes work')).toHaveLength(3);
  });

  it('serves nothing without a port, and writes the log file that it is given', async () => {
    const worker = await startWorker({ WORKER_LOG_FILE: 'worker.log' });
    expect(worker.output()).not.toContain('Listening');
    await until(() => existsSync(path.join(worker.folder, 'worker.log')), 'There was no log file');
    worker.child.kill('SIGINT');
    expect(await worker.ended).toEqual({ code: 0, signal: null });
  });
});
