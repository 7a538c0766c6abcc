import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo, connect, type Socket } from 'node:net';
import path from 'node:path';
import { cleanUpAfterEach, onCleanup } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import { hungMountMissing, mountHung } from '../support/hung-mount';
import { mariadbMissing, startMariadb } from '../support/mariadb';
import { type RunningService, startService } from '../support/service';
import { SERVICE_PROGRAM, ServiceEnded } from '../support/service-process';
import { temporaryFolder } from '../support/temporary-folder';
import { until } from '../support/until';

cleanUpAfterEach();

/** Starts a service that is to refuse; returns its exit status and all it wrote. */
async function refusal(env: Record<string, string | undefined>): Promise<{ code: number | null; output: string }> {
  const error = await startService({ env }).then(
    () => new Error('The service started'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ServiceEnded)) throw error;
  return { code: error.ending.code, output: error.output };
}

describe('the start', () => {
  it('names all bad settings at once and echoes none', async () => {
    const { code, output } = await refusal({ CHECKSUM: 'hunter2', STAGED_FILE_MODE: 'hunter2', MIN_UID: 'hunter2' });
    expect(code).toBe(1);
    for (const name of ['CHECKSUM', 'STAGED_FILE_MODE', 'MIN_UID']) expect(output).toContain(`- ${name}: `);
    expect(output).not.toContain('hunter2');
  });

  it('needs nothing to be set', async () => {
    const unset = { SOURCE_STORAGE_PATH: undefined, TARGET_STORAGE_PATH: undefined, DATABASE_URL: undefined };
    const service = await startService({ env: { ...unset, LOG_FILE: undefined } });
    expect(readdirSync(path.join(service.dir, 'data')).sort()).toEqual(
      expect.arrayContaining(['staging.sqlite', 'storage', 'user_areas']),
    );
    for (const text of [() => service.output, () => service.logText()]) {
      await until(() => text().includes(`Listening on ${service.url}`), 'The address was not logged');
    }
    await until(async () => (await service.get('/health/ready')).status === 200, 'The service was not ready');
  });

  it('makes no directory that is to be mounted, and goes on without it', async () => {
    const missing = path.join(temporaryFolder(), 'mount');
    const service = await startService({ env: { SOURCE_STORAGE_PATH: missing } });
    expect(existsSync(missing)).toBe(false);
    expect(await service.get('/health/ready')).toMatchObject({ status: 503 });
  });

  it.each([
    ['a method that there is not', { ALLOWED_METHODS: 'local_copy,teleport' }, 'ALLOWED_METHODS'],
    ['a proxy that is no address', { TRUST_PROXY: 'not an address' }, 'TRUST_PROXY'],
    ['a database that is not there', { DATABASE_URL: 'mysql://jane:hunter2@127.0.0.1:1/x' }, 'database'],
  ])('fails with %s', async (_what, env, word) => {
    const { code, output } = await refusal(env);
    expect(code).toBe(1);
    expect(output).toContain(word);
    expect(output).not.toContain('hunter2');
  });

  it('fails when somebody else listens there, and says so', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    onCleanup(() => void other.close());
    const env = { ...process.env, PORT: String((other.address() as AddressInfo).port) };
    const ended = spawnSync(process.execPath, [SERVICE_PROGRAM], { cwd: temporaryFolder(), env, encoding: 'utf8' });
    expect(ended.status).toBe(1);
    expect(ended.stderr).toContain('EADDRINUSE');
  });

  it('takes the public prefix into addresses, and off those it is asked for', async () => {
    const service = await startService({ env: { PUBLIC_URL: 'https://data.example/preparedata/' } });
    const { body } = await service.get('/openapi.json');
    expect(body.servers.map(({ url }: { url: string }) => url)).toEqual(['/preparedata/api/v1', '/preparedata/']);
    expect((await service.get('/')).headers.location).toBe('/preparedata/ui/');
    expect((await service.get('/ui/operations')).body).toContain('<base href="/preparedata/ui/"');
    expect(await service.get('/preparedata/api/v1/ping')).toMatchObject({ status: 200 });
    expect(await service.get('/ping', { host: 'data.example', origin: 'https://data.example' })).toMatchObject({
      status: 200,
    });
  });
});

describe('the end', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('by %s has the status 0, whatever clients do', async (signal) => {
    const service = await startService();
    const { port } = new URL(service.url);
    const open = async (text: string): Promise<Socket> => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.on('error', () => undefined);
      await new Promise((resolve) => socket.once('connect', resolve));
      socket.write(text);
      onCleanup(() => void socket.destroy());
      return socket;
    };
    await open('');
    await open('GET /ping HTTP/1.1\r\nHost: loc');
    const idle = await open('GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await new Promise((resolve) => idle.once('data', resolve));
    service.process.kill(signal);
    expect(await service.ending(15)).toEqual({ code: 0, signal: null });
    expect(service.logText()).toContain(`Stopping on ${signal}`);
    expect(service.logText()).not.toMatch(/"level":"(WARNING|ERROR)"/);
  });
});

describe('--write-openapi', () => {
  it('writes the document and touches nothing else', () => {
    const folder = temporaryFolder();
    const env = { DATABASE_URL: 'mysql://nobody:x@127.0.0.1:1/x', TARGET_STORAGE_PATH: '/nowhere', PORT: 'odd' };
    execFileSync(process.execPath, [SERVICE_PROGRAM, '--write-openapi', 'out.json'], { cwd: folder, env });
    expect(readdirSync(folder)).toEqual(['out.json']);
    const committed = path.resolve(__dirname, '../../docs/openapi.json');
    expect(readFileSync(path.join(folder, 'out.json'), 'utf8')).toBe(readFileSync(committed, 'utf8'));
  });

  it('is the only option', () => {
    const ended = spawnSync(process.execPath, [SERVICE_PROGRAM, '--help'], {
      cwd: temporaryFolder(),
      encoding: 'utf8',
    });
    expect(ended).toMatchObject({ status: 2, stderr: expect.stringContaining('Usage') });
  });
});

describe('migrate', () => {
  const program = path.join(path.dirname(SERVICE_PROGRAM), 'migrate.js');
  const migrate = (folder: string, url: string) => {
    const env = { ...process.env, DATABASE_URL: url, PORT: '8000' };
    return spawnSync(process.execPath, [program], { cwd: folder, env, encoding: 'utf8' });
  };

  it('makes the tables, also a second time', () => {
    const folder = temporaryFolder();
    for (let times = 0; times < 2; times += 1) {
      expect(migrate(folder, 'sqlite:./m.sqlite')).toMatchObject({
        status: 0,
        stderr: expect.stringContaining('The database is up to date'),
      });
    }
    expect(existsSync(path.join(folder, 'm.sqlite'))).toBe(true);
  });

  it('fails without a database, and says why without the password', () => {
    const ended = migrate(temporaryFolder(), 'mysql://jane:hunter2@127.0.0.1:1/x');
    expect(ended.status).toBe(1);
    expect(ended.stderr).toContain('ECONNREFUSED');
    expect(ended.stderr).not.toContain('hunter2');
  });
});

describeWhere(hungMountMissing(), 'while a storage hangs', () => {
  async function hungService(
    env: Record<string, string>,
  ): Promise<[RunningService, Awaited<ReturnType<typeof mountHung>>]> {
    const mount = await mountHung();
    execFileSync('sh', ['-c', 'head -c 64M /dev/urandom > "$1/big"', 'sh', mount.behind]);
    return [await startService({ env: { SOURCE_STORAGE_PATH: mount.path, ...env } }), mount];
  }

  it('the service answers at once, and tells it once the time-out has passed', async () => {
    const [service, mount] = await hungService({ STORAGE_TIMEOUT_SECONDS: '1' });
    await until(async () => (await service.get('/health/ready')).status === 200, 'The service was not ready');
    await mount.hang();
    const ready = () => service.get('/health/ready');
    await until(async () => (await ready()).status === 503, 'The storage was not noticed');
    for (const address of ['/ping', '/health/live', '/config', '/operations', '/metrics']) {
      expect(await service.get(address)).toMatchObject({ status: 200 });
    }
    expect((await ready()).body.checks.storages).toMatchObject([{ name: 'default', status: 'down' }]);
    mount.resume();
    await until(async () => (await ready()).status === 200, 'The storage did not come back');
  });

  it('running operations may end, new ones are refused, and readiness says that the service stops', async () => {
    const [service, mount] = await hungService({ SHUTDOWN_GRACE_SECONDS: '30' });
    await mount.hang();
    const answer = service.stage({ local_path_on_storage: 'big', relative_path: 'big' });
    const running = async () => (await service.get('/operations?status=running')).body.items.length;
    await until(async () => (await running()) === 1, 'The operation did not begin');
    service.process.kill('SIGTERM');
    await until(async () => (await service.get('/health/ready')).status === 503, 'Readiness did not tell');
    expect((await service.get('/health/ready')).body.checks.service.status).toBe('down');
    expect(await service.get('/health/live')).toMatchObject({ status: 200 });
    expect(await service.stage({ local_path_on_storage: 'big', relative_path: 'late' })).toMatchObject({
      status: 503,
      headers: { 'retry-after': expect.stringMatching(/^\d+$/) },
      body: { code: 'shutting_down' },
    });
    mount.resume();
    expect(await answer).toMatchObject({ status: 200, body: { operation: { outcome: 'staged' } } });
    expect(await service.ending(20)).toEqual({ code: 0, signal: null });
  });

  it('the process ends all the same', async () => {
    const [service, mount] = await hungService({ STORAGE_TIMEOUT_SECONDS: '1', SHUTDOWN_GRACE_SECONDS: '1' });
    await mount.hang();
    const answer = await service.stage({ local_path_on_storage: 'big', relative_path: 'big' });
    expect(answer).toMatchObject({ status: 503, body: { code: 'storage_unavailable' } });
    service.process.kill('SIGTERM');
    // An orderly exit waits for all threads, so that a signal has to end it.
    expect(await service.ending(20)).toEqual({ code: null, signal: 'SIGKILL' });
    expect(service.logText()).toContain('Stopping on SIGTERM');
  });
});

describeWhere(mariadbMissing(), 'while the database is frozen', () => {
  it('the service answers what needs none, and is not ready', async () => {
    const database = await startMariadb();
    const service = await startService({ env: { DATABASE_URL: database.url }, files: { 'a.fits': 'data' } });
    const ready = () => service.get('/health/ready');
    await until(async () => (await ready()).status === 200, 'The service was not ready');
    database.freeze();
    expect(await ready()).toMatchObject({ status: 503, body: { checks: { database: { status: 'down' } } } });
    for (const address of ['/ping', '/health/live', '/config', '/metrics', '/storage']) {
      expect(await service.get(address)).toMatchObject({ status: 200 });
    }
    const asked = [service.get('/operations'), service.stage({ local_path_on_storage: 'a.fits', relative_path: 'x' })];
    for (const answer of await Promise.all(asked)) {
      expect(answer).toMatchObject({
        status: 503,
        headers: { 'retry-after': expect.stringMatching(/^\d+$/) },
        body: { code: 'database_unavailable', operation_id: null },
      });
    }
    database.thaw();
    await until(async () => (await ready()).status === 200, 'The service was not ready again');
  }, 60_000);
});
