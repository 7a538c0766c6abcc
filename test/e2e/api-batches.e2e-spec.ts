import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import { cleanUpAfterEach } from '../support/cleanups';
import { makeSparseFile, snapshot } from '../support/files';
import { type Answer } from '../support/http-client';
import { operations, privateNames } from '../support/operations';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

/** Batches over HTTP: accepted as a whole or not at all, watched, cancelled and tried again. */

cleanUpAfterEach();

const MIB = 1024 ** 2;
const LIMIT = 64 * MIB;
const BATCH = '/stage_data/batch?method=local_copy&username=ana';
const NONE = { queued: 0, running: 0, success: 0, failure: 0, cancelled: 0 };

const item = (source: string, destination = `in/${source}`) => ({
  local_path_on_storage: source,
  relative_path: destination,
});

async function stateOf(service: RunningService, id: string): Promise<Answer['body']> {
  const { status, body } = await service.get(`/batches/${id}`);
  expect(status).toBe(200);
  return body;
}

async function ended(service: RunningService, id: string): Promise<Answer['body']> {
  let state: Answer['body'];
  await until(
    async () => (state = await stateOf(service, id)).finished_at !== null,
    `The batch ${id} does not end`,
    120,
  );
  return state;
}

async function accepted(service: RunningService, items: unknown[], address = BATCH): Promise<string> {
  const { status, body } = await service.post(address, { items });
  expect({ status, body }).toEqual({ status: 202, body: { batch_id: expect.any(String), accepted: items.length } });
  return (body as { batch_id: string }).batch_id;
}

/** Sends a head and some of the body, and lets `act` do what it likes with the connection. */
function halfSent(
  service: RunningService,
  headers: Record<string, string | number>,
  act: (sent: ReturnType<typeof request>) => void,
): Promise<{ status: number; body: string } | 'broken'> {
  return new Promise((resolve) => {
    const sent = request(service.url + BATCH, {
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/json', ...headers },
    });
    sent.once('error', () => resolve('broken'));
    sent.once('response', (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text: string) => (body += text));
      answer.once('end', () => resolve({ status: answer.statusCode!, body }));
      answer.once('error', () => resolve('broken'));
    });
    act(sent);
  });
}

it('stages 2000 files, each of them once', async () => {
  const service = await startService();
  const names = Array.from({ length: 2000 }, (_none, index) => `d${index % 20}/f${index}`);
  for (let folder = 0; folder < 20; folder += 1) mkdirSync(path.join(service.storage, `d${folder}`));
  for (const name of names) writeFileSync(path.join(service.storage, name), `content of ${name}\n`);
  const answer = await service.post(BATCH, { items: names.map((name) => item(name)) });
  expect(answer).toMatchObject({ status: 202, body: { accepted: 2000 } });
  const id = answer.body.batch_id as string;
  expect(answer.headers.location).toBe(`/batches/${id}`);
  const state = await ended(service, id);
  const bytes = names.reduce((all, name) => all + `content of ${name}\n`.length, 0);
  expect(state).toEqual({
    batch_id: id,
    method: 'local_copy',
    username: 'ana',
    counts: { ...NONE, success: 2000 },
    bytes_total: bytes,
    bytes_done: bytes,
    created_at: expect.stringMatching(/^\d{4}-.*Z$/),
    finished_at: expect.stringMatching(/^\d{4}-.*Z$/),
  });
  const all = await operations(service, `batch_id=${id}`);
  expect(new Set(all.map((one) => one.local_path_on_storage))).toEqual(new Set(names));
  expect(all.every((one) => one.outcome === 'staged' && one.attempts === 1)).toBe(true);
  for (const name of names) {
    expect(readFileSync(path.join(service.areas, 'ana/in', name), 'utf8')).toBe(`content of ${name}\n`);
  }
  // Receipts go with the last record that is written.
  const left = () => readdirSync(path.join(service.areas, '.staging'));
  await until(() => left().length === 0, `Something is left: ${left().join(', ')}`);
}, 90_000);

describe('a service', () => {
  let service: RunningService;
  beforeAll(async () => {
    service = await startService({
      files: { a: 'AAA', b: 'BB', 'd/a': 'other' },
      env: { MAX_BATCH_ITEMS: '50', PUBLIC_URL: 'http://staging.example/portal', ALLOWED_HOSTS: '127.0.0.1' },
    });
  });

  it.each([
    '/stage-data/batch?',
    '/stage_data/batch/?',
    '/api/v1/stage_data/batch?',
    '/portal/api/v1/stage-data/batch/?',
  ])('takes batches at %s', async (address) => {
    const id = await accepted(service, [item('a', `at/${address.length}`)], `${address}method=local_copy&username=ana`);
    expect((await ended(service, id)).counts).toEqual({ ...NONE, success: 1 });
    expect((await service.get(`/api/v1/batches/${id}/`)).status).toBe(200);
  });

  it('tells the address of a batch as a proxy shows it', async () => {
    const { headers, body } = await service.post(BATCH, { items: [item('a', 'proxy')] });
    expect(headers.location).toBe(`/portal/batches/${body.batch_id}`);
  });

  it('records items whose paths lead where they must not, and does the others', async () => {
    const id = await accepted(service, [
      item('a', 'mixed/a'),
      item('b', '../out'),
      item('b', '/absolute'),
      item('b', 'mixed//./a'),
      item('d/a', 'mixed/'),
      item('a', 'mixed/a'),
      item('missing', 'mixed/missing'),
      { ...item('a', 'mixed/checked'), checksum: { algorithm: 'adler32', value: '00000000' } },
    ]);
    expect((await ended(service, id)).counts).toEqual({ ...NONE, success: 2, failure: 6 });
    const failed = await operations(service, `batch_id=${id}&status=failure`);
    expect(failed.reverse().map((one) => [one.relative_path, one.error_code])).toEqual([
      ['../out', 'path_outside_user_area'],
      ['/absolute', 'path_outside_user_area'],
      ['mixed//./a', 'destination_conflict'],
      ['mixed/', 'destination_conflict'],
      ['mixed/missing', 'source_not_found'],
      ['mixed/checked', 'checksum_mismatch'],
    ]);
    expect(failed[2].error_reason).toContain('items[0]');
    const staged = await operations(service, `batch_id=${id}&status=success`);
    expect(staged.map((one) => one.outcome).sort()).toEqual(['already_present', 'staged']);
    expect(readFileSync(`${service.areas}/ana/mixed/a`, 'utf8')).toBe('AAA');
    expect(existsSync(`${service.areas}/out`)).toBe(false);
  });

  const many = JSON.stringify({ items: Array.from({ length: 51 }, (_none, index) => item('a', `many/${index}`)) });
  const good = JSON.stringify(item('a', 'malformed/a'));
  it.each<[string, string | Buffer, string]>([
    ['no body', '', 'body is missing: send a JSON object.'],
    ['no JSON', '{"items":[', 'body is not complete, valid JSON.'],
    ['more after the end', `{"items":[${good}]}}`, 'body is not complete, valid JSON.'],
    ['no list', '{"items":{}}', 'items must be an array.'],
    ['no items', '{"items":[]}', 'items must not be empty.'],
    ['too many', many, 'items must have at most 50 items.'],
    ['another field', `{"items":[${good}],"label":"x"}`, 'label is not a known field.'],
    ['items twice', `{"items":[${good}],"items":[${good}]}`, 'items is given twice.'],
    ['a field twice', `{"items":[{"label":"a","label":"b"}]}`, 'items[0].label is given twice.'],
    ['a wrong field at the end', `{"items":[${good},{"a":1}]}`, 'items[1].a is not a known field'],
    ['NUL', `{"items":[${good}, {"local_path_on_storage":"a\0"}]}`, 'body is not complete, valid JSON.'],
    [
      'an escaped NUL',
      `{"items":[${JSON.stringify(item('a\0', 'b'))}]}`,
      'items[0].local_path_on_storage must not contain NUL.',
    ],
    ['no UTF-8', Buffer.from(`{"items":[{"local_path_on_storage":"caf\xe9"}]}`, 'latin1'), 'body is not UTF-8.'],
    ['depth', `{"items":[${good},${'['.repeat(500_000)}`, 'items[1] is nested too deeply.'],
    [
      'a missing destination',
      `{"items":[${good},{"local_path_on_storage":"a"}]}`,
      'items[1].relative_path is required by this method.',
    ],
    ['an unknown storage', `{"items":[${JSON.stringify({ ...item('a'), storage: 'cold' })}]}`, 'items[0].storage '],
  ])('refuses %s, and leaves nothing behind', async (_what, body, detail) => {
    const before = await operations(service);
    const answer = await service.post(BATCH, body);
    expect(answer).toMatchObject({
      status: 422,
      body: { code: 'validation_failed', operation_id: null, detail: expect.stringContaining(detail) },
    });
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(await operations(service)).toEqual(before);
    expect(existsSync(`${service.areas}/ana/malformed`)).toBe(false);
  });

  it('refuses a method, a user or a type that it does not know', async () => {
    const body = { items: [item('a', 'unknown/a')] };
    const before = await operations(service);
    const posted = (address: string, headers = {}) => service.post(`/stage_data/batch?${address}`, body, headers);
    expect(await posted('method=teleport&username=ana')).toMatchObject({
      status: 400,
      body: { code: 'invalid_method', detail: 'Invalid staging method: teleport' },
    });
    expect(await posted('method=local_copy&username=root')).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect((await posted('method=local_copy&username=a/b')).body).toMatchObject({ errors: [{ field: 'username' }] });
    const known = 'method=local_copy&username=ana';
    for (const headers of [
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/json; charset=latin1' },
      { 'content-encoding': 'gzip' },
    ]) {
      expect(await posted(known, headers)).toMatchObject({ status: 415, body: { code: 'unsupported_media_type' } });
    }
    expect(await operations(service)).toEqual(before);
  });

  it('knows no batch by what is no id, nor by that of an operation', async () => {
    await service.stage(item('a', 'single'));
    const [operation] = await operations(service);
    for (const id of ['7', 'x'.repeat(300), '01981f7e-6b1c-7d4e-9a3b-2f6d8c1e5a70', operation.id as string, '%00']) {
      for (const answer of [
        await service.get(`/batches/${id}`),
        await service.post(`/batches/${id}/cancel`),
        await service.post(`/batches/${id}/retry`),
      ]) {
        expect(answer).toMatchObject({ status: 404, body: { code: 'not_found', detail: 'There is no such batch.' } });
      }
    }
  });

  it('lists batches, newest first, each with its counts', async () => {
    const ids: string[] = [];
    for (const name of ['one', 'two', 'three'])
      ids.unshift(await accepted(service, [item('a', `list/${name}`), item('no', name)]));
    const others = '/stage_data/batch?method=local_copy&username=bob';
    const other = await accepted(service, [item('b', 'list/b')], others);
    for (const id of [...ids, other]) await ended(service, id);
    const list = async (query: string) =>
      (await service.get(`/batches?${query}`)).body as { items: Answer['body'][]; next_cursor: string | null };
    const first = await list('username=ana&limit=2');
    expect(first.items.map(({ batch_id: id }) => id as string)).toEqual(ids.slice(0, 2));
    expect(first.items[0]).toEqual(await stateOf(service, ids[0]!));
    expect(first.items[0]!.counts).toEqual({ ...NONE, success: 1, failure: 1 });
    const second = await list(`username=ana&limit=2&cursor=${first.next_cursor}`);
    expect(second.items[0]!.batch_id).toBe(ids[2]);
    expect((await list('username=bob')).items.map(({ batch_id: id }) => id as string)).toEqual([other]);
    expect((await list('')).items[0]!.batch_id).toBe(other);
    for (const query of ['limit=51', 'limit=0', 'cursor=x', `username=${'x'.repeat(65)}`]) {
      const { status, body } = await service.get(`/batches?${query}`);
      expect([query, status, body.code]).toEqual([query, 422, 'validation_failed']);
    }
  });

  it('says of a batch that has ended what cannot be done with it', async () => {
    const id = await accepted(service, [item('a', 'over/a')]);
    await ended(service, id);
    expect(await service.post(`/batches/${id}/cancel`)).toMatchObject({ status: 409, body: { code: 'already_ended' } });
    expect(await service.post(`/batches/${id}/retry`)).toMatchObject({ status: 409, body: { code: 'not_retryable' } });
  });
});

describe('a large body', () => {
  it('is refused by its head, before any of it has come', async () => {
    const service = await startService();
    const answer = await halfSent(service, { 'content-length': LIMIT + 1 }, (sent) => sent.flushHeaders());
    expect(answer).toMatchObject({ status: 413, body: expect.stringContaining(`${LIMIT} bytes`) });
  });

  it('is refused while it comes, and the service goes on', async () => {
    const service = await startService({ files: { a: 'A' } });
    const answer = await halfSent(service, { 'transfer-encoding': 'chunked' }, (sent) => {
      const piece = Buffer.alloc(MIB, ' ');
      sent.write('{"items":[');
      let left = 70;
      const write = () => {
        while (left > 0) {
          left -= 1;
          if (!sent.write(piece)) return void sent.once('drain', write);
        }
        sent.end();
      };
      write();
    });
    expect(answer).toMatchObject({ status: 413, body: expect.stringContaining('payload_too_large') });
    expect(await operations(service)).toEqual([]);
    await ended(service, await accepted(service, [item('a')]));
  }, 60_000);

  it('that breaks off in its middle leaves nothing', async () => {
    const service = await startService({ files: { a: 'A' } });
    const before = snapshot(service.areas);
    const items = Array.from({ length: 70_000 }, (_none, index) => ({
      ...item('a', `half/${index}`),
      label: 'x'.repeat(190),
    }));
    const whole = Buffer.from(JSON.stringify({ items }));
    const answer = await halfSent(service, { 'content-length': 60 * MIB }, (sent) => {
      sent.write(whole.subarray(0, whole.length - 100), () => sent.destroy());
    });
    expect(answer).toBe('broken');
    await until(() => service.logText().includes('/stage_data/batch'), 'The request was not logged');
    expect(await operations(service)).toEqual([]);
    expect(snapshot(service.areas)).toEqual(before);
    const id = await accepted(service, [item('a')]);
    expect((await ended(service, id)).counts).toEqual({ ...NONE, success: 1 });
  }, 60_000);

  it('of almost as many bytes as are allowed is taken', async () => {
    const service = await startService({ files: { a: 'A' } });
    // Each item brings the same to the same place, so that little is to be staged.
    const one = JSON.stringify({ ...item('a'), label: '\u00e9'.repeat(200) });
    const count = 500;
    const blanks = Math.floor((LIMIT - 100 - count * (Buffer.byteLength(one) + 1)) / count);
    const padded = `${one}${' '.repeat(blanks)}`;
    const body = `{"items":[${Array.from({ length: count }, () => padded).join(',')}]}`;
    expect(Buffer.byteLength(body)).toBeGreaterThan(LIMIT - 2 * count);
    const answer = await service.post(BATCH, body);
    expect(answer).toMatchObject({ status: 202, body: { accepted: count } });
    expect((await ended(service, answer.body.batch_id as string)).counts).toEqual({ ...NONE, success: count });
  }, 120_000);
});

it('is cancelled in its middle, and tried again to its end', async () => {
  const service = await startService({ env: { WORKER_CONCURRENCY: '1' } });
  for (let index = 0; index < 12; index += 1) makeSparseFile(path.join(service.storage, `f${index}`), 100 * MIB);
  const items = Array.from({ length: 12 }, (_none, index) => item(`f${index}`));
  const id = await accepted(service, items);
  await until(async () => (await stateOf(service, id)).counts.success >= 1, 'Nothing is staged');
  const cancelled = await service.post(`/batches/${id}/cancel`);
  expect(cancelled.status).toBe(202);
  expect(cancelled.body.counts.queued).toBe(0);
  const { counts } = await ended(service, id);
  expect(counts.cancelled).toBeGreaterThan(0);
  expect(counts.success + counts.cancelled).toBe(12);
  expect(privateNames(path.join(service.areas, '.staging'))).toEqual([]);

  const again = await service.post(`/batches/${id}/retry`);
  expect(again.status).toBe(202);
  expect(again.body.finished_at).toBe(null);
  expect((await ended(service, id)).counts).toEqual({ ...NONE, success: 12 });
  const all = await operations(service, `batch_id=${id}`);
  expect(all.filter((one) => one.attempts === 2)).toHaveLength(counts.cancelled as number);
}, 120_000);
