import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import { bytesOf, notUtf8 } from '../support/files';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const UNKNOWN_ID = '01981f7e-6b1c-7d4e-9a3b-2f6d8c1e5a70';

/** The fields of an operation (contract, section 3). */
const FIELDS =
  `id method username requested_by storage local_path_on_storage relative_path staged_path kind status outcome
  error_code error_reason retryable warning files_total files_done bytes_total bytes_done checksum link matches_source
  attempts label batch_id server bytes_per_second eta_seconds current_path wait_reason download_url created_at started_at
  finished_at released_at expires_at`.split(/\s+/);

let service: RunningService;

beforeAll(async () => {
  service = await startService({
    env: { CHECKSUM: 'sha256', USER_VIEW_PREFIX: '/home/{username}' },
    files: {
      'a.fits': 'data',
      'tree/one': '1',
      'tree/sub/two': '22',
      'tree/back\\slash': '333',
      big: bytesOf('big', 64 * 1024 ** 2),
    },
  });
});

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('POST /stage_data', () => {
  it('answers with the operation, complete', async () => {
    const body = { local_path_on_storage: 'a.fits', relative_path: 'p/', label: 'mine', if_exists: 'skip' };
    const answer = await service.stage(body);
    expect(answer).toMatchObject({
      status: 200,
      body: {
        status: 'success',
        message: 'Data staged for user ana with method local_copy',
        operation: {
          id: expect.stringMatching(ID),
          method: 'local_copy',
          username: 'ana',
          requested_by: null,
          storage: 'default',
          local_path_on_storage: 'a.fits',
          relative_path: 'p/',
          staged_path: '/home/ana/p/a.fits',
          kind: 'file',
          status: 'success',
          outcome: 'staged',
          error_code: null,
          files_total: 1,
          files_done: 1,
          bytes_total: 4,
          bytes_done: 4,
          checksum: { algorithm: 'sha256', value: sha256('data') },
          link: null,
          attempts: 1,
          label: 'mine',
          created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        },
      },
    });
    const { operation } = answer.body;
    expect(answer.headers['x-operation-id']).toBe(operation.id);
    expect(Object.keys(operation).sort()).toEqual([...FIELDS, 'name_encoding'].sort());
    expect((await service.get(`/operations/${operation.id}`)).body).toEqual(operation);
    expect(readFileSync(path.join(service.areas, 'ana/p/a.fits'), 'utf8')).toBe('data');
  });

  it('tells below the area what is there already', async () => {
    const body = { local_path_on_storage: 'a.fits', relative_path: 'again/' };
    await service.stage(body);
    expect(await service.stage(body)).toMatchObject({
      status: 200,
      body: {
        message: 'Data already available at again/a.fits',
        operation: { outcome: 'already_present', matches_source: true, staged_path: '/home/ana/again/a.fits' },
      },
    });
    const failing = await service.stage({ ...body, if_exists: 'fail' });
    expect(failing).toMatchObject({ status: 409, body: { code: 'already_exists' } });
  });

  it.each(['/stage-data', '/stage_data/', '/stage-data/', '/api/v1/stage_data', '/api/v1/stage-data/'])(
    'is the same at %s, with the body wrapped as older clients do',
    async (address) => {
      const query = 'method=local_copy&username=old&jupyter_token=tok3n-of-jane';
      const data = { local_path_on_storage: 'a.fits', relative_path: `older/${encodeURIComponent(address)}` };
      const answer = await service.post(`${address}?${query}`, { data });
      expect(answer).toMatchObject({ status: 200 });
      await until(
        () => service.logText().includes(String(answer.headers['x-request-id'])),
        'The request was not logged',
      );
      expect(service.logText()).not.toContain('tok3n-of-jane');
    },
  );

  it('knows methods by their older spellings, and tells the present name', async () => {
    const answer = await service.stage(
      { local_path_on_storage: 'a.fits', relative_path: 'l' },
      { method: 'local_symlink' },
    );
    expect(answer.body).toMatchObject({
      message: 'Data staged for user ana with method symlink_copy',
      operation: { method: 'symlink_copy', link: 'hard' },
    });
  });

  it('records what it refuses, and names the record', async () => {
    const answer = await service.stage({ local_path_on_storage: 'a.fits', relative_path: 'x' }, { method: 'teleport' });
    expect(answer).toMatchObject({
      status: 400,
      headers: { 'x-operation-id': expect.stringMatching(ID) },
      body: { code: 'invalid_method', detail: 'Invalid staging method: teleport' },
    });
    const { operation_id: id } = answer.body;
    expect(answer.headers['x-operation-id']).toBe(id);
    expect((await service.get(`/operations/${id}`)).body).toMatchObject({
      method: 'teleport',
      status: 'failure',
      error_code: 'invalid_method',
      error_reason: 'Invalid staging method: teleport',
      retryable: false,
    });
  });

  it.each([
    [{ local_path_on_storage: 'nowhere', relative_path: 'x' }, 400, 'source_not_found'],
    [{ local_path_on_storage: '../../etc/passwd', relative_path: 'x' }, 400, 'path_outside_storage'],
    [{ local_path_on_storage: 'a.fits', relative_path: '../bob/x' }, 400, 'path_outside_user_area'],
    [{ local_path_on_storage: 'a.fits', relative_path: '/etc/x' }, 400, 'path_outside_user_area'],
  ])('answers %j with %d %s and an operation', async (body, status, code) => {
    expect(await service.stage(body)).toMatchObject({
      status,
      body: { code, operation_id: expect.stringMatching(ID) },
    });
  });

  it('hands on the expected checksum, in either case', async () => {
    const body = { local_path_on_storage: 'a.fits', relative_path: 'sum' };
    const wrong = { algorithm: 'sha256', value: '0'.repeat(64) };
    expect(await service.stage({ ...body, checksum: wrong })).toMatchObject({
      status: 502,
      body: { code: 'checksum_mismatch' },
    });
    const right = { algorithm: 'sha256', value: sha256('data').toUpperCase() };
    expect(await service.stage({ ...body, checksum: right })).toMatchObject({ status: 200 });
  });

  it('does not end an operation whose client hangs up', async () => {
    const sent = request(`${service.url}/stage_data?method=local_copy&username=gone`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    sent.on('error', () => undefined);
    sent.end(JSON.stringify({ local_path_on_storage: 'big', relative_path: 'big' }));
    const first = async () => (await service.get('/operations?username=gone')).body.items[0];
    await until(async () => (await first()) !== undefined, 'The operation did not begin');
    sent.destroy();
    await until(async () => (await first()).status !== 'running', 'The operation did not end');
    expect(await first()).toMatchObject({ status: 'success', bytes_done: 64 * 1024 ** 2 });
  });
});

describe('GET /operations', () => {
  const list = async (query: string) => (await service.get(`/operations?username=lister&${query}`)).body;
  let ids: string[];

  beforeAll(async () => {
    for (const name of ['l1', 'l2', 'l3']) {
      await service.stage(
        { local_path_on_storage: 'a.fits', relative_path: name, label: `${name} 100%_` },
        { username: 'lister' },
      );
    }
    await service.stage({ local_path_on_storage: 'none', relative_path: 'l4' }, { username: 'lister' });
    ids = (await list('')).items.map((item: { id: string }) => item.id);
  });

  it('shows the newest first, in pages', async () => {
    expect(ids).toEqual([...ids].sort().reverse());
    expect(ids).toHaveLength(4);
    const seen: string[] = [];
    for (let cursor = ''; ;) {
      const page = await list(`limit=3${cursor}`);
      seen.push(...page.items.map((item: { id: string }) => item.id));
      if (page.next_cursor === null) break;
      cursor = `&cursor=${page.next_cursor}`;
    }
    expect(seen).toEqual(ids);
  });

  it.each([
    ['status=failure', 1],
    ['status=success', 3],
    ['status=queued', 0],
    ['method=local_copy', 4],
    ['method=local_symlink', 0],
    ['q=l2', 1],
    ['q=100%25_', 3],
    ['q=%25', 3],
    ['q=nothing%20like%20it', 0],
    ['from=2020-01-01', 4],
    ['to=2020-01-01T00:00:00Z', 0],
    ['batch_id=x', 0],
    ['unknown=parameter', 4],
  ])('finds by %s: %d', async (query, count) => {
    expect((await list(query)).items).toHaveLength(count);
  });

  it('includes the time from, and excludes the time to', async () => {
    const { created_at: time } = (await list('')).items[1];
    expect((await list(`from=${time}`)).items.map((item: { id: string }) => item.id)).toContain(ids[1]);
    expect((await list(`to=${time}`)).items.map((item: { id: string }) => item.id)).not.toContain(ids[1]);
  });

  it.each([
    'limit=0',
    'limit=501',
    'limit=x',
    'limit=1&limit=2',
    'status=odd',
    'from=yesterday',
    'to=2026-02-30',
    'cursor=odd',
  ])('refuses %s', async (query) => {
    expect(await service.get(`/operations?${query}`)).toMatchObject({
      status: 422,
      body: { code: 'validation_failed', errors: [{ field: query.split('=')[0] }] },
    });
  });
});

describe('GET /operations/<id>', () => {
  it.each(['x', UNKNOWN_ID, UNKNOWN_ID.toUpperCase(), '%2e%2e', "1'--"])('knows no operation %s', async (id) => {
    for (const what of ['', '/files', '/log']) {
      expect(await service.get(`/operations/${id}${what}`)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
  });

  it('has the manifest, in pages and as a file that sha256sum checks', async () => {
    const { operation } = (await service.stage({ local_path_on_storage: 'tree', relative_path: 'm' })).body;
    const files = `/operations/${operation.id}/files`;
    const all = (await service.get(files)).body;
    const names = all.items.map((item: { path: string }) => item.path);
    expect([...names].sort()).toEqual(['back\\slash', 'one', 'sub/two']);
    expect(all.items.find((item: { path: string }) => item.path === 'one')).toMatchObject({
      kind: 'file',
      size: 1,
      algorithm: 'sha256',
      checksum: sha256('1'),
      status: 'staged',
      error_code: null,
      mtime_ns: expect.stringMatching(/^\d+$/),
    });
    const first = (await service.get(`${files}?limit=2`)).body;
    const second = (await service.get(`${files}?limit=2&cursor=${first.next_cursor}`)).body;
    expect([...first.items, ...second.items]).toEqual(all.items);
    expect(second.next_cursor).toBeNull();
    expect((await service.get(`${files}?status=failed`)).body.items).toEqual([]);
    const text = await service.get(files, { accept: 'text/plain' });
    expect(text.headers['content-type']).toMatch(/^text\/plain/);
    const options = { cwd: path.join(service.areas, 'ana/m'), input: text.body };
    expect(execFileSync('sha256sum', ['--check', '--strict', '-'], options).toString().match(/: OK$/gm)).toHaveLength(
      3,
    );
    expect((await service.get(files, { accept: '*/*' })).headers['content-type']).toMatch(/^application\/json/);
  });

  it('has its log lines, newest first', async () => {
    const { operation } = (await service.stage({ local_path_on_storage: 'a.fits', relative_path: 'logged' })).body;
    const { items } = (await service.get(`/operations/${operation.id}/log`)).body;
    expect(items.length).toBeGreaterThan(2);
    for (const item of items) expect(item.operation_id).toBe(operation.id);
    expect(items.at(-1).message).toBe('Staging requested');
    const page = (await service.get(`/operations/${operation.id}/log?limit=1`)).body;
    expect(page.items).toHaveLength(1);
    expect(page.next_cursor).toEqual(expect.any(String));
  });
});

describe('names that are not UTF-8', () => {
  it('come and go percent-encoded', async () => {
    mkdirSync(path.join(service.storage, 'odd'));
    writeFileSync(notUtf8(path.join(service.storage, 'odd')), 'odd');
    const body = {
      local_path_on_storage: 'odd/caf%FF.fits',
      relative_path: 'odd/caf%FF.fits',
      name_encoding: 'percent',
    };
    const { operation } = (await service.stage(body)).body;
    expect(operation).toMatchObject({
      status: 'success',
      name_encoding: 'percent',
      local_path_on_storage: 'odd/caf%FF.fits',
    });
    const again = await service.stage(body);
    expect(again.body.message).toBe('Data already available at odd/caf%FF.fits');
    const { items } = (await service.get('/user-areas/ana?path=odd')).body;
    expect(items).toMatchObject([{ name: 'caf%FF.fits', name_encoding: 'percent', kind: 'file', size: 3 }]);
  });
});
