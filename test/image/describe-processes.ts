import { chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePort } from '../support/free-port';
import { send } from '../support/http-client';
import { startMariadb } from '../support/mariadb';
import { startRedis } from '../support/redis';
import { temporaryFolder } from '../support/temporary-folder';
import { until } from '../support/until';
import { type BuiltImage } from './buildah';
import { type Container, startContainer } from './container';

const USER = 10001;
const GRACE_SECONDS = 10;
const BYTES = Buffer.from('\0 light of another time \n'.repeat(4000));
const WORKER = ['node', 'dist/apps/worker/src/main.js'];
const MIGRATE = ['node', 'dist/apps/api/src/migrate.js'];
const REQUEUE = ['node', 'dist/apps/api/src/requeue.js'];
const HEALTH = ['node', '/app/health.mjs'];

/** Storage with one file, and user areas that belong to the service, as the comments of the Dockerfile tell to mount. */
function dataMounts(): { mounts: Record<string, string>; areas: string } {
  const folder = temporaryFolder('staging-image-data-');
  const [storage, areas] = [path.join(folder, 'storage'), path.join(folder, 'user_areas')];
  for (const made of [storage, areas]) mkdirSync(made);
  writeFileSync(path.join(storage, 'night1.dat'), BYTES);
  chownSync(areas, USER, USER);
  return { mounts: { '/data/storage': storage, '/data/user_areas': areas }, areas };
}

async function answering(container: Container, url: string): Promise<void> {
  let ended = false;
  void container.ended.then(() => (ended = true));
  await until(
    async () => {
      if (ended) throw new Error(`The container ended instead of starting:\n${container.output()}`);
      return send(url).then(
        ({ status }) => status === 200,
        () => false,
      );
    },
    `No answer at ${url}`,
    30,
  );
}

/** `docker stop`: SIGTERM, and exit status 0 before the engine would lose patience. */
async function stopped(container: Container): Promise<void> {
  const begin = Date.now();
  container.terminate();
  const ending = await container.ended;
  expect({ ...ending, output: container.output() }).toMatchObject({ code: 0, signal: null });
  expect(Date.now() - begin).toBeLessThan(GRACE_SECONDS * 1000);
}

/** Stages the storage's file, and looks for it in the user's area. */
async function staged(url: string, areas: string, username: string): Promise<void> {
  const answer = await send(`${url}/stage_data?method=local_copy&username=${username}`, {
    method: 'POST',
    body: { local_path_on_storage: 'night1.dat', relative_path: 'inbox/night1.dat' },
  });
  expect(answer).toMatchObject({ status: 200, body: { status: 'success' } });
  const file = path.join(areas, username, 'inbox/night1.dat');
  expect(readFileSync(file).equals(BYTES)).toBe(true);
  expect(statSync(file)).toMatchObject({ uid: USER });
}

/** An API alone: everything on the way from starting it to stopping it. */
export function describeApi(image: () => BuiltImage): void {
  let api: Container;
  let url: string;
  let data: ReturnType<typeof dataMounts>;

  beforeAll(async () => {
    data = dataMounts();
    const port = String(await freePort());
    url = `http://127.0.0.1:${port}`;
    const env = { PORT: port, AUTH_NONE_ACKNOWLEDGED: 'true', SHUTDOWN_GRACE_SECONDS: String(GRACE_SECONDS) };
    api = startContainer(image(), { env, mounts: data.mounts });
    await answering(api, `${url}/ping`);
  });

  it('runs as its user without privileges, on a file system that it cannot write to', () => {
    const program = `
      const { readFileSync, writeFileSync } = require('node:fs');
      const lines = readFileSync('/proc/1/status', 'utf8').split('\\n').map((line) => line.split(/:?\\s+/));
      const of = (name) => lines.find((words) => words[0] === name).slice(1).join(' ').trim();
      const write = (folder) => { try { writeFileSync(folder + '/probe', ''); return 'yes'; } catch (error) { return error.code; } };
      const folders = ['/', '/app', '/etc', '/data', '/data/storage', '/tmp', '/var/lib/staging', '/data/user_areas'];
      const writes = Object.fromEntries(folders.map((folder) => [folder, write(folder)]));
      require('node:fs').unlinkSync('/data/user_areas/probe');
      console.log(JSON.stringify({ uid: of('Uid'), groups: of('Groups'), capabilities: of('CapEff'), writes }));`;
    const { output } = api.exec('node', '-e', program);
    expect(JSON.parse(output)).toEqual({
      uid: `${USER} ${USER} ${USER} ${USER}`,
      groups: '',
      capabilities: '0000000000000000',
      writes: {
        '/': 'EROFS',
        '/app': 'EROFS',
        '/etc': 'EROFS',
        '/data': 'EROFS',
        '/data/storage': 'EACCES',
        '/tmp': 'yes',
        '/var/lib/staging': 'yes',
        '/data/user_areas': 'yes',
      },
    });
  });

  it('answers, with the page, the documentation and the site', async () => {
    expect(await send(`${url}/ping`)).toMatchObject({ status: 200, body: { status: 'UP' } });
    const page = await send(`${url}/ui/`);
    expect(page).toMatchObject({ status: 200, headers: { 'content-type': expect.stringMatching('text/html') } });
    const [, script] = /<script[^>]+src="([^"]+)"/.exec(page.body as string)!;
    const asset = await send(new URL(script!, `${url}/ui/`).href);
    expect(asset).toMatchObject({ status: 200, headers: { 'content-type': expect.stringMatching('javascript') } });
    expect(await send(`${url}/config`)).toMatchObject({ status: 200, body: { methods: expect.anything() } });
    const docs = await send(`${url}/docs`);
    expect(docs).toMatchObject({ status: 200, headers: { 'content-type': expect.stringMatching('text/html') } });
    expect((await send(`${url}/docs/swagger-ui-bundle.js`)).status).toBe(200);
    expect(await send(`${url}/health/ready`)).toMatchObject({ status: 200 });
  });

  it('stages a file', async () => {
    await staged(url, data.areas, 'jane');
    expect(await send(`${url}/operations?username=jane`)).toMatchObject({ status: 200 });
  });

  it('is healthy as its HEALTHCHECK asks, and is not where nothing listens', async () => {
    expect(api.exec(...image().config.Healthcheck.Test.slice(1))).toEqual({ status: 0, output: '' });
    const elsewhere = ['-e', `process.env.PORT = '${await freePort()}'; import('/app/health.mjs')`];
    expect(api.exec('node', ...elsewhere).status).toBe(1);
  });

  it('ends with status 0 on SIGTERM', () => stopped(api));
}

/** The site that outgrew one process, from one image: tables made first, then an API and a worker. */
export function describeWorker(image: () => BuiltImage): void {
  let env: Record<string, string>;

  beforeAll(async () => {
    const [database, redis] = await Promise.all([startMariadb(), startRedis()]);
    env = {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      DOWNLOAD_SECRET: 'f'.repeat(32),
      AUTH_NONE_ACKNOWLEDGED: 'true',
      SHUTDOWN_GRACE_SECONDS: String(GRACE_SECONDS),
    };
  });

  it.each([
    ['makes the tables', MIGRATE],
    ['fills the queue again', REQUEUE],
  ])('%s, and ends', async (_what, command) => {
    const once = startContainer(image(), { command, env });
    expect({ ...(await once.ended), output: once.output() }).toMatchObject({ code: 0, signal: null });
  });

  it('stages what an API queues', async () => {
    const data = dataMounts();
    const [port, workerPort] = [String(await freePort()), String(await freePort())];
    const url = `http://127.0.0.1:${port}`;
    const api = startContainer(image(), { env: { ...env, PORT: port }, mounts: data.mounts });
    const worker = startContainer(image(), {
      command: WORKER,
      env: { ...env, WORKER_HTTP_PORT: workerPort },
      mounts: data.mounts,
    });
    await Promise.all([answering(api, `${url}/ping`), answering(worker, `http://127.0.0.1:${workerPort}/health/live`)]);
    await staged(url, data.areas, 'joe');
    expect(worker.exec(...HEALTH)).toEqual({ status: 0, output: '' });
    await Promise.all([stopped(api), stopped(worker)]);
  });

  it('is healthy as a worker without HTTP', async () => {
    const worker = startContainer(image(), { command: WORKER, env, mounts: dataMounts().mounts });
    await until(() => /worker/i.test(worker.output()), 'The worker said nothing', 30);
    expect(worker.exec(...HEALTH)).toEqual({ status: 0, output: '' });
    await stopped(worker);
  });
}
