import { renameSync } from 'node:fs';
import path from 'node:path';
import { writeFiles } from '../support/files';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

let service: RunningService;

beforeAll(async () => {
  service = await startService({
    env: { ROOT_MARKER: '.mounted', LOGGING_LEVEL: 'DEBUG', MAX_TREE_FILES: '7' },
    files: { '.mounted': '', 'a.fits': 'data' },
  });
  writeFiles(service.areas, { '.mounted': '' });
});

describe('GET /config', () => {
  it('tells what the site is like', async () => {
    await until(async () => (await service.get('/config')).body.user_areas.available, 'The areas were not seen');
    const { body } = await service.get('/config');
    expect(body).toMatchObject({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      source_storage_path: service.storage,
      target_storage_path: service.areas,
      allowed_methods: ['local_copy', 'symlink_copy', 'direct_download'],
      methods: [
        { name: 'local_copy', aliases: [], needs_relative_path: true, available: null, problem: null },
        { name: 'symlink_copy', aliases: ['local_symlink'], needs_relative_path: true },
        { name: 'direct_download', aliases: ['direct_dowload'], needs_relative_path: false },
      ],
      storages: [
        {
          name: 'default',
          path: service.storage,
          available: true,
          problem: null,
          free_bytes: expect.any(Number),
          total_bytes: expect.any(Number),
          read_only: false,
          hard_link: true,
          clone: expect.any(Boolean),
          note: null,
        },
      ],
      checksum: 'xxh3',
      link_fallback: 'error',
      user_view_prefix: null,
      file_creation_enabled: true,
      limits: { max_tree_files: 7, max_operation_bytes: 0, max_path_bytes: 4096, max_segment_bytes: 255 },
      auth: { mode: 'none' },
    });
    expect(JSON.stringify(body)).not.toMatch(/sqlite|DATABASE|log/i);
  });

  it('lists the methods by themselves', async () => {
    expect(await service.get('/config/allowed-methods')).toMatchObject({
      status: 200,
      body: { allowed_methods: ['local_copy', 'symlink_copy', 'direct_download'] },
    });
  });

  it('offers jupyter_copy where there is a hub, and tells that it does not answer, which keeps nothing else away', async () => {
    const env = { JUPYTERHUB_URL: 'http://127.0.0.1:1', JUPYTERHUB_TOKEN: 'hunter2-is-no-token' };
    const service = await startService({ env });
    const jupyter = async () => (await service.get('/config')).body.methods.at(-1);
    await until(async () => /reached/.test((await jupyter()).problem), 'The hub was not asked');
    expect(await jupyter()).toMatchObject({ name: 'jupyter_copy', needs_relative_path: true, available: false });
    await until(async () => (await service.get('/health/ready')).status === 200, 'The service is not ready');
    const { body } = await service.get('/health/ready');
    expect(body.checks.methods).toMatchObject([{ name: 'jupyter_copy', status: 'down' }]);
    expect(body.warnings).toContainEqual(expect.stringMatching(/^jupyter_copy does not work just now/));
    expect(service.output + service.logText()).not.toContain('hunter2');
  });
});

describe('health', () => {
  it('answers ping and liveness', async () => {
    const { version } = (await service.get('/config')).body;
    expect((await service.get('/ping')).body).toEqual({ status: 'UP', version });
    expect((await service.get('/health/live')).body).toEqual({ status: 'up' });
  });

  it('is ready as long as each root is there, and tells which is not', async () => {
    const ready = () => service.get('/health/ready');
    await until(async () => (await ready()).status === 200, 'The service was not ready');
    renameSync(path.join(service.storage, '.mounted'), path.join(service.storage, '.away'));
    await until(async () => (await ready()).status === 503, 'The missing storage was not noticed');
    const { body } = await ready();
    expect(body).toMatchObject({
      status: 'down',
      checks: {
        service: { status: 'up' },
        database: { status: 'up' },
        storages: [{ name: 'default', status: 'down', detail: expect.stringMatching(/.{10,}/) }],
        user_areas: { status: 'up' },
        queue: { status: 'up', detail: null },
      },
    });
    expect((await service.get('/config')).body.storages[0]).toMatchObject({
      available: false,
      problem: body.checks.storages[0].detail,
    });
    expect(await service.stage({ local_path_on_storage: 'a.fits', relative_path: 'x' })).toMatchObject({
      status: 503,
      headers: { 'retry-after': expect.stringMatching(/^\d+$/) },
      body: { code: 'storage_unavailable' },
    });
    renameSync(path.join(service.storage, '.away'), path.join(service.storage, '.mounted'));
    await until(async () => (await ready()).status === 200, 'The service was not ready again');
  });
});

describe('GET /metrics', () => {
  it('counts what was staged, without names of users, files or methods that do not exist', async () => {
    await service.stage({ local_path_on_storage: 'a.fits', relative_path: 'metered' }, { username: 'metered-user' });
    await service.stage({ local_path_on_storage: 'a.fits', relative_path: 'x' }, { method: 'tele{port}' });
    const answer = await service.get('/metrics');
    expect(answer.headers['content-type']).toMatch(/^text\/plain;.*version=0\.0\.4/);
    const text: string = answer.body;
    expect(text).toMatch(/^staging_operations_total\{method="local_copy",status="success",code="none"\} 1$/m);
    expect(text).toMatch(/^staging_operations_total\{method="unknown",status="failure",code="invalid_method"\} 1$/m);
    expect(text).toMatch(/^staging_operation_duration_seconds_count\{method="local_copy",status="success"\} 1$/m);
    expect(text).toMatch(/^staging_bytes_total\{method="local_copy"\} 4$/m);
    expect(text).toMatch(/^staging_queue_depth 0$/m);
    expect(text).toMatch(/^nodejs_eventloop_lag_seconds /m);
    expect(text).not.toMatch(/metered|tele/);
  });
});

describe('GET /logs', () => {
  const logs = async (query: string) => (await service.get(`/logs?${query}`)).body;

  it('shows the newest first, by level, text and operation', async () => {
    const { operation } = (await service.stage({ local_path_on_storage: 'a.fits', relative_path: 'log1' })).body;
    const { items } = await logs('limit=500');
    const times = items.map((item: { time: string }) => item.time);
    expect(times).toEqual([...times].sort().reverse());
    const own = await logs(`operation_id=${operation.id}&q=log1`);
    expect(own.items.length).toBeGreaterThan(0);
    for (const item of own.items) expect(item).toMatchObject({ operation_id: operation.id, level: 'INFO' });
    const { items: grave } = await logs('level=warning');
    expect(grave.length).toBeGreaterThan(0);
    for (const item of grave) expect(['WARNING', 'ERROR']).toContain(item.level);
  });

  it('goes on where a page ended', async () => {
    const first = await logs('limit=2&q=log1');
    const both = await logs('limit=3&q=log1');
    const second = await logs(`limit=1&q=log1&cursor=${first.next_cursor}`);
    expect([...first.items, ...second.items]).toEqual(both.items);
  });

  it('is text for those who ask for it: the end of the file', async () => {
    const answer = await service.get('/logs', { accept: 'text/plain' });
    expect(answer.headers['content-type']).toMatch(/^text\/plain/);
    const lines = (answer.body as string).trimEnd().split('\n');
    for (const line of lines) expect(JSON.parse(line)).toHaveProperty('message');
    expect(service.logText()).toContain(answer.body);
  });

  it.each(['level=loud', 'limit=0', 'cursor=odd', 'q=a&q=b'])('refuses %s', async (query) => {
    expect(await service.get(`/logs?${query}`)).toMatchObject({
      status: 422,
      body: { errors: [{ field: query.split('=')[0] }] },
    });
  });
});

describe('the log of requests', () => {
  const linesOf = (id: string) =>
    service
      .logText()
      .split('\n')
      .filter((line) => line.includes(id))
      .map((line) => JSON.parse(line));
  const logged = async (id: string) => {
    await until(() => linesOf(id).length > 0, 'The request was not logged');
    return linesOf(id);
  };

  it('has one line a request, with its operation and without its query', async () => {
    const body = { local_path_on_storage: 'a.fits', relative_path: 'lined' };
    const answer = await service.stage(body, { token: 'hush-hush' }, { 'x-request-id': 'request-1' });
    expect(await logged('request-1')).toEqual([
      expect.objectContaining({
        level: 'INFO',
        message: 'POST /stage_data',
        status: 200,
        route: '/stage_data',
        request_id: 'request-1',
        operation_id: answer.body.operation.id,
        address: '127.0.0.1',
        duration_ms: expect.any(Number),
      }),
    ]);
    expect(service.logText()).not.toContain('hush-hush');
  });

  it('tells what was refused, and why', async () => {
    await service.get('/operations?limit=x', { 'x-request-id': 'request-2' });
    expect(await logged('request-2')).toMatchObject([{ status: 422, code: 'validation_failed', route: '/operations' }]);
    await service.get('/nothing\\here', { 'x-request-id': 'request-3', host: 'evil' });
    expect(await logged('request-3')).toMatchObject([{ status: 403, code: 'forbidden' }]);
  });

  it('keeps those of machines at DEBUG', async () => {
    for (const [index, address] of ['/ping', '/health/live', '/health/ready', '/metrics'].entries()) {
      await service.get(address, { 'x-request-id': `machine-${index}` });
      expect(await logged(`machine-${index}`)).toMatchObject([{ level: 'DEBUG' }]);
    }
  });
});

describe('the description', () => {
  it('serves the document, of which each path exists', async () => {
    const { body } = await service.get('/openapi.json');
    expect(body.servers[0].url).toBe('/api/v1');
    for (const [address, methods] of Object.entries(body.paths as Record<string, object>)) {
      const asked = `/api/v1${address.replace(/\{\w+\}/g, 'x')}`;
      const allowed: string = (await service.request(asked, { method: 'OPTIONS' })).headers.allow!;
      for (const method of Object.keys(methods)) expect(allowed.split(', ')).toContain(method.toUpperCase());
    }
  });

  it('serves the explorer with files of its own only', async () => {
    for (const start of ['/docs', '/docs/', '/api/v1/docs']) {
      const page: string = (await service.get(start)).body;
      const links = [...page.matchAll(/(?:src|href)=["']([^"']+)["']/g)].map(([, link]) => link!);
      expect(links.length).toBeGreaterThan(3);
      for (const link of links) {
        expect(link).toMatch(/^\.\//);
        const { pathname } = new URL(link, `http://localhost${start}`);
        expect((await service.get(pathname)).status).toBe(200);
      }
    }
    expect(String((await service.get('/docs/swagger-ui-init.js')).body)).toContain('"validatorUrl": null');
  });
});
