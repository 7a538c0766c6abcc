import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import { cleanUpAfterEach } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import { makeTree, snapshot } from '../support/files';
import { mountingMissing, mountTmpfs } from '../support/mounts';
import { operations } from '../support/operations';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

/** `POST /stage_data/plan`: tells what would happen, and does nothing. */

cleanUpAfterEach();

const MIB = 1024 ** 2;

const planAddress = (query: Record<string, string> = {}) =>
  `/stage_data/plan?${new URLSearchParams({ method: 'local_copy', username: 'ana', ...query }).toString()}`;
const plan = (service: RunningService, body: unknown, query?: Record<string, string>) =>
  service.post(planAddress(query), body);
const item = (source: string, destination: string) => ({ local_path_on_storage: source, relative_path: destination });

/** Everything that a plan must not touch: data, areas, and what is recorded. */
async function stateOf(service: RunningService) {
  return {
    storage: snapshot(service.storage),
    areas: snapshot(service.areas),
    operations: await operations(service),
    files: readdirSync(service.dir).sort(),
  };
}

describe('a plan', () => {
  let service: RunningService;
  beforeAll(async () => {
    service = await startService({ files: { a: 'AAA', b: 'BB' }, env: { USER_VIEW_PREFIX: '/home/{username}' } });
    makeTree(`${service.storage}/tree`, { files: 12, sizes: [10], perDirectory: 5 });
    await service.stage(item('a', 'there/a'));
  });

  it('tells of each item what would happen, and touches nothing', async () => {
    const before = await stateOf(service);
    const answer = await plan(service, {
      items: [
        item('a', 'new/a'),
        item('tree', 'new/'),
        item('a', 'there/a'),
        item('missing', 'new/missing'),
        item('b', '../out'),
        item('b', 'new/a'),
        item('tree', 'there/a'),
        { ...item('a', 'there/a'), if_exists: 'fail' },
        item('../../etc/passwd', 'new/passwd'),
      ],
    });
    expect(await stateOf(service)).toEqual(before);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    const { items, totals } = answer.body;
    expect(items[0]).toEqual({
      index: 0,
      method: 'local_copy',
      username: 'ana',
      local_path_on_storage: 'a',
      relative_path: 'new/a',
      storage: 'default',
      name_encoding: null,
      kind: 'file',
      staged_path: '/home/ana/new/a',
      action: expect.stringMatching(/^(copy|clone)$/),
      files_total: 1,
      bytes_total: 3,
      matches_source: null,
      error_code: null,
      error_reason: null,
      remark: null,
      space_left_after: expect.any(Number),
    });
    expect(items[1]).toMatchObject({
      kind: 'directory',
      files_total: 12,
      bytes_total: 120,
      staged_path: '/home/ana/new/tree',
    });
    expect(items[2]).toMatchObject({ action: 'none', matches_source: true, space_left_after: null });
    expect(items.map((one: { error_code: string | null }) => one.error_code)).toEqual([
      null,
      null,
      null,
      'source_not_found',
      'path_outside_user_area',
      'destination_conflict',
      'destination_conflict',
      'already_exists',
      'path_outside_storage',
    ]);
    expect(items[3]).toMatchObject({ action: 'refused', error_reason: 'Source path does not exist: missing' });
    expect(totals.items).toMatchObject({ none: 1, refused: 6, unknown: 0 });
    expect(totals).toMatchObject({ files: 13, bytes: 123, enough_space: true });
    expect(totals.space_left_after).toBe(items[1].space_left_after);
  });

  it('is what happens then', async () => {
    const body = { items: [item('a', 'then/a'), item('tree', 'then/tree'), item('b', 'there/a')] };
    const { items } = (await plan(service, body)).body;
    for (const [index, one] of body.items.entries()) {
      const { status, body: answer } = await service.stage(one);
      const said = items[index];
      expect(status === 200 ? answer.operation.outcome : answer.code).toBe(
        said.error_code ?? (said.action === 'none' ? 'already_present' : 'staged'),
      );
      if (status !== 200) continue;
      expect(answer.operation.staged_path).toBe(said.staged_path);
      if (said.action !== 'none') expect(answer.operation.bytes_total).toBe(said.bytes_total);
      else expect(answer.operation.matches_source).toBe(said.matches_source);
    }
  });

  it('takes the body of a single request, also in its older form', async () => {
    for (const body of [item('b', 'single/b'), { data: item('b', 'single/b') }, { items: [item('b', 'single/b')] }]) {
      const answer = await plan(service, body);
      expect(answer.body).toMatchObject({ items: [{ index: 0, bytes_total: 2 }], totals: { files: 1, bytes: 2 } });
    }
  });

  it('tells what each method would do', async () => {
    const linked = (await plan(service, item('a', 'link/a'), { method: 'local_symlink' })).body.items[0];
    expect(linked.method).toBe('symlink_copy');
    expect([linked.action, linked.error_code]).toContainEqual(
      linked.error_code === null ? 'hard_link' : expect.stringMatching(/^(source_writable|cross_device_link)$/),
    );
    const fetched = (await plan(service, { local_path_on_storage: 'a' }, { method: 'direct_download' })).body;
    expect(fetched.items[0]).toMatchObject({
      action: 'download',
      staged_path: null,
      bytes_total: 3,
      space_left_after: null,
    });
    expect(fetched.totals).toMatchObject({ space_needed: 0, enough_space: null });
    const unknown = (await plan(service, item('a', 'x'), { method: 'teleport' })).body.items[0];
    expect(unknown).toMatchObject({ action: 'refused', error_code: 'invalid_method', method: 'teleport' });
    const refused = (await plan(service, item('a', 'x'), { username: 'root' })).body.items[0];
    expect(refused).toMatchObject({ action: 'refused', error_code: 'forbidden' });
  });

  it.each<[unknown, string]>([
    [{ items: [item('a', 'x'), { ...item('a', 'y'), label: 1 }] }, 'items[1].label must be a string.'],
    [{ ...item('a', 'x'), label: 1 }, 'label must be a string.'],
    [item('a', 'x\0'), 'relative_path must not contain NUL.'],
    [{ items: [] }, 'items must not be empty.'],
    ['{"items":[', 'body is not complete, valid JSON.'],
    ['[]', 'body must be a JSON object.'],
    ['', 'body is missing: send a JSON object.'],
  ])('refuses a malformed body: %j', async (body, detail) => {
    expect(await plan(service, body)).toMatchObject({ status: 422, body: { code: 'validation_failed', detail } });
  });
});

describeWhere(mountingMissing(), 'on a small file system', () => {
  it('adds up what would be left of the space', async () => {
    const area = mountTmpfs(64 * MIB);
    const service = await startService({
      files: { big: Buffer.alloc(20 * MIB, 'x') },
      env: { TARGET_STORAGE_PATH: area.path },
    });
    const names = ['one', 'two', 'three', 'four'];
    const { body } = await plan(service, { items: names.map((name) => item('big', name)) });
    const left = body.items.map((one: { space_left_after: number }) => one.space_left_after / MIB);
    expect(left.map((one: number) => Math.round(one))).toEqual([44, 24, 4, -16]);
    expect(body.totals).toMatchObject({ enough_space: false, bytes: 80 * MIB, space_needed: 80 * MIB });
    expect(body.totals.space_left_after).toBe(body.items[3].space_left_after);
    const three = await plan(service, { items: names.slice(0, 3).map((name) => item('big', name)) });
    expect(three.body.totals).toMatchObject({ enough_space: true });
  });
});

it('of many items is sent as it becomes known, and ends when its reader hangs up', async () => {
  const service = await startService({ files: { a: 'A' } });
  const body = JSON.stringify({ items: Array.from({ length: 5000 }, (_none, index) => item('a', `many/${index}`)) });
  await new Promise<void>((resolve, reject) => {
    const sent = request(service.url + planAddress(), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    sent.once('error', reject);
    sent.once('response', (answer) => {
      answer.once('data', () => {
        answer.destroy();
        resolve();
      });
      answer.on('error', () => undefined);
    });
    sent.end(body);
  });
  await until(() => service.logText().includes('/stage_data/plan'), 'The request was not logged');
  expect(await operations(service)).toEqual([]);
  const whole = await service.post(planAddress(), body);
  expect(whole.body.items).toHaveLength(5000);
  expect(whole.body.items.every((one: { index: number }, index: number) => one.index === index)).toBe(true);
  expect(whole.body.totals).toMatchObject({ files: 5000, bytes: 5000 });
  expect(readdirSync(path.join(service.areas))).toEqual(['.staging']);
  expect(service.logText()).not.toMatch(/"level":"error"/);
}, 15000);

it('takes a body of many MiB', async () => {
  const service = await startService({ files: { a: 'A' } });
  const items = Array.from({ length: 200 }, () => ({ ...item('missing', 'x'), label: 'y'.repeat(150) }));
  const padded = JSON.stringify({ items }).replaceAll('},{', `},${' '.repeat(50_000)}{`);
  expect(padded.length).toBeGreaterThan(9 * MIB);
  const { body } = await service.post(planAddress(), padded);
  expect(body.totals.items.refused).toBe(200);
});
