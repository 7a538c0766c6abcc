import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { type AddressInfo } from 'node:net';
import path from 'node:path';
import { ASYNC, became, from, GIB, idOf, leftOvers, serviceWithEndless } from '../support/background-scene';
import { cleanUpAfterEach, onCleanup } from '../support/cleanups';
import { EventStream } from '../support/event-stream';
import { makeSparseFile, patchFile, writeFiles } from '../support/files';
import { type Answer } from '../support/http-client';
import { metric, operationOf, operationWriting } from '../support/operations';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

/** What is asked of operations that are there already, in all their forms, and what each answer is like. */

cleanUpAfterEach();

const LONG_ENOUGH = 90_000;

const ask = (service: RunningService, id: string, what: string, headers = {}) =>
  service.post(`/operations/${id}/${what}`, undefined, headers);

interface Property {
  type?: string;
  nullable?: boolean;
  enum?: unknown[];
  format?: string;
}
const DOCUMENT = JSON.parse(readFileSync(path.resolve(__dirname, '../../docs/openapi.json'), 'utf8')) as {
  components: { schemas: Record<string, { properties: Record<string, Property> }> };
};

/** Expects just the fields of a schema of the document, each of its type. */
function expectOf(schema: string, value: Answer['body']): void {
  const { properties } = DOCUMENT.components.schemas[schema]!;
  expect(Object.keys(value as object).sort()).toEqual(Object.keys(properties).sort());
  for (const [name, property] of Object.entries(properties)) {
    expect([name, faultOf(property, (value as Record<string, unknown>)[name])]).toEqual([name, null]);
  }
}

function faultOf({ type, nullable, enum: values, format }: Property, value: unknown): string | null {
  const told = JSON.stringify(value);
  if (value === null) return nullable ? null : 'is null';
  if (type === 'integer' && !Number.isInteger(value)) return `is no whole number: ${told}`;
  if (type === 'string' && typeof value !== 'string') return `is no text: ${told}`;
  if (type === 'boolean' && typeof value !== 'boolean') return `is neither true nor false: ${told}`;
  if (values && !values.includes(value)) return `is none of its values: ${told}`;
  if (format === 'date-time' && new Date(value as string).toISOString() !== value) return 'is no time';
  return null;
}

it('each answer has the fields of the document, and names its operation', async () => {
  const service = await serviceWithEndless({ env: { WORKER_CONCURRENCY: '1' } });
  const accepted = await service.stage(from('endless'), {}, ASYNC);
  const waits = await service.stage(from('small'), {}, { Prefer: 'wait=0' });
  await operationWriting(`${service.areas}/.staging`);
  await until(async () => (await operationOf(service, idOf(accepted))).bytes_done > 0, 'nothing is written');
  for (const { body } of [accepted, waits]) {
    expect(Object.keys(body as object).sort()).toEqual(['message', 'operation', 'status']);
    expectOf('OperationDto', body.operation);
  }
  expectOf('OperationDto', await operationOf(service, idOf(accepted)));
  for (const one of (await service.get('/operations')).body.items) expectOf('OperationDto', one);
  const stream = await EventStream.open(`${service.url}/operations/${idOf(accepted)}/events`);
  await until(() => stream.events.length > 1, 'no events come');
  for (const what of ['cancel', 'retry', 'cancel']) expectAnswer(await ask(service, idOf(waits), what), idOf(waits));
  expectAnswer(await ask(service, idOf(accepted), 'cancel'), idOf(accepted));
  await until(() => stream.isOver, 'the stream does not end');
  for (const { data } of stream.events) expectOf('OperationDto', data);
  expectAnswer(await ask(service, idOf(waits), 'retry'), idOf(waits));
  await became(service, idOf(waits), 'success');
  const { items } = (await service.get(`/operations/${idOf(waits)}/attempts`)).body;
  expect(items).toHaveLength(2);
  for (const one of items) expectOf('AttemptDto', one);
  expectAnswer(await ask(service, idOf(waits), 'release'), idOf(waits));
  await until(async () => (await operationOf(service, idOf(waits))).released_at !== null, 'it is not released');
  expect(existsSync(`${service.areas}/ana/small`)).toBe(false);

  function expectAnswer(answer: Answer, id: string): void {
    expect(answer).toMatchObject({ status: 202, headers: { 'x-operation-id': id }, body: { id } });
    expectOf('OperationDto', answer.body);
  }
});

it(
  'a copy that was cancelled in its middle is retried to its end',
  async () => {
    const service = await startService();
    makeSparseFile(`${service.storage}/large`, 3 * GIB);
    patchFile(`${service.storage}/large`, 3 * GIB - 7, 'the end');
    const id = idOf(await service.stage(from('large'), {}, ASYNC));
    await until(async () => (await operationOf(service, id)).bytes_done > GIB / 2, 'it does not come far', 60);
    expect((await ask(service, id, 'cancel')).body).toMatchObject({ status: 'cancelled', retryable: true });
    expect([leftOvers(service), existsSync(`${service.areas}/ana`)]).toEqual([[], false]);
    await ask(service, id, 'retry');
    expect(await became(service, id, 'success')).toMatchObject({
      attempts: 2,
      bytes_done: 3 * GIB,
      error_reason: null,
    });
    expect(statSync(`${service.areas}/ana/large`).size).toBe(3 * GIB);
    expect(leftOvers(service)).toEqual([]);
  },
  LONG_ENOUGH,
);

it('items of a batch are watched, cancelled and retried as any operation', async () => {
  const service = await serviceWithEndless({ env: { WORKER_CONCURRENCY: '1' } });
  const items = [from('endless'), from('small', 'in/small'), from('late', 'in/late')];
  const batch = (await service.post('/stage_data/batch?method=local_copy&username=ana', { items })).body.batch_id;
  const all = (await service.get(`/operations?batch_id=${batch}`)).body.items as Answer['body'][];
  const [late, small, endless] = all.map(({ id }) => id as string) as [string, string, string];
  await became(service, endless, 'running');
  const stream = await EventStream.open(`${service.url}/operations/${small}/events`);
  expect((await ask(service, small, 'cancel')).body).toMatchObject({ status: 'cancelled', batch_id: batch });
  await until(() => stream.isOver, 'the stream does not end');
  expect(stream.events.at(-1)).toMatchObject({ event: 'end', data: { id: small, status: 'cancelled' } });
  await ask(service, endless, 'cancel');
  await became(service, late, 'failure');
  writeFiles(service.storage, { late: 'here I am' });
  for (const id of [small, late]) expect((await ask(service, id, 'retry')).body).toMatchObject({ attempts: 2 });
  for (const id of [small, late]) await became(service, id, 'success');
  expect((await ask(service, small, 'release')).status).toBe(202);
  const counts = async () => (await service.get(`/batches/${batch}`)).body.counts;
  // Counted at most once a second.
  await until(async () => (await counts()).success === 2, 'the batch does not count them');
  expect(await counts()).toMatchObject({ queued: 0, running: 0, cancelled: 1, failure: 0 });
});

it(
  "what needs the caller's own token runs at once, in the background as well, and so does its retry",
  async () => {
    const tokens = new Set<string>();
    // Answers to the site's own looks; what has the caller's token never hears anything.
    const jupyter = createServer(({ headers }, response) => {
      if (headers.authorization) tokens.add(headers.authorization);
      else response.setHeader('Content-Type', 'application/json').end('{"version":"2.14.0"}');
    }).listen(0, '127.0.0.1');
    onCleanup(() => {
      jupyter.close();
      jupyter.closeAllConnections();
    });
    await until(() => jupyter.listening, 'it does not listen');
    const url = `http://127.0.0.1:${(jupyter.address() as AddressInfo).port}/`;
    const service = await serviceWithEndless({ env: { JUPYTER_SERVER_URL: url, WORKER_CONCURRENCY: '1' } });
    const busy = idOf(await service.stage(from('endless'), {}, ASYNC));
    const own = { 'X-JupyterHub-Token': 'first-token' };
    const answer = await service.stage(from('small'), { method: 'jupyter_copy' }, { ...own, ...ASYNC });
    const id = idOf(answer);
    expect(answer).toMatchObject({ status: 202, headers: { 'preference-applied': 'respond-async' } });
    expect(answer.body.operation).toMatchObject({ status: 'running' });
    await until(() => tokens.has('token first-token'), 'the token is not used');
    await ask(service, id, 'cancel');
    await became(service, id, 'cancelled');
    const again = await ask(service, id, 'retry', { 'X-JupyterHub-Token': 'second-token' });
    expect(again).toMatchObject({ status: 202, body: { id, status: 'running', attempts: 2 } });
    await until(() => tokens.has('token second-token'), 'the token of the retry is not used');
    expect((await operationOf(service, busy)).status).toBe('running');
    await ask(service, id, 'cancel');
    // Nobody's token: it waits for its turn as any other.
    expect((await ask(service, id, 'retry')).body).toMatchObject({ status: 'queued', attempts: 3 });
    expect(service.logText()).not.toMatch(/first-token|second-token/);
  },
  LONG_ENOUGH,
);

it('a caller that hangs up ends its waiting, not the work; a repeat by key is not waited for', async () => {
  const service = await serviceWithEndless();
  const search = 'method=local_copy&username=ana';
  const headers = { 'content-type': 'application/json', Prefer: 'wait=600', 'Idempotency-Key': 'one' };
  const sent = request(`${service.url}/stage_data?${search}`, { method: 'POST', agent: false, headers });
  sent.on('error', () => undefined).end(JSON.stringify(from('endless')));
  const id = await operationWriting(`${service.areas}/.staging`);
  const unanswered = await service.stage(from('endless'), {}, { 'Idempotency-Key': 'one' });
  expect(unanswered).toMatchObject({ status: 409, body: { code: 'idempotency_in_progress' } });
  sent.destroy();
  let repeat = unanswered;
  const key = { 'Idempotency-Key': 'one', Prefer: 'respond-async, wait=600' };
  await until(async () => {
    repeat = await service.stage(from('endless'), {}, key);
    return repeat.status !== 409;
  }, 'the key is not answered');
  expect(repeat).toMatchObject({
    status: 202,
    headers: { 'preference-applied': 'respond-async', 'x-operation-id': id },
    body: { operation: { id, status: 'running' } },
  });
  await ask(service, id, 'cancel');
});

it('a stream asked for by HEAD ends; one that comes while the service stops does not keep it', async () => {
  const service = await serviceWithEndless({ env: { SHUTDOWN_GRACE_SECONDS: '3' } });
  const id = idOf(await service.stage(from('endless'), {}, ASYNC));
  const address = `/operations/${id}/events`;
  expect(await service.request(address, { method: 'HEAD' })).toMatchObject({
    status: 200,
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
  });
  const stopped = service.stop();
  await until(() => service.logText().includes('Stopping on SIGTERM'), 'it does not stop');
  const late = await EventStream.open(service.url + address);
  await until(() => late.isOver, 'the stream stays');
  expect(late.events).toMatchObject([{ event: 'progress', data: { id, status: 'running' } }]);
  expect(late.answer.complete).toBe(true);
  expect(await stopped).toBe(0);
});

it('clients that watch and hang up leave nothing behind', async () => {
  const service = await serviceWithEndless();
  const id = idOf(await service.stage(from('endless'), {}, ASYNC));
  const open = () => metric(service, 'nodejs_active_resources{type="TCPSocketWrap"}');
  const before = await open();
  const address = `${service.url}/operations/${id}/events`;
  const streams = await Promise.all(Array.from({ length: 50 }, () => EventStream.open(address)));
  await until(() => streams.every(({ events }) => events.length > 1), 'not all of them see it');
  expect(await open()).toBeGreaterThanOrEqual(before + 50);
  for (const stream of streams) stream.close();
  await until(async () => (await open()) <= before, 'connections stay');
  expect((await ask(service, id, 'cancel')).body).toMatchObject({ status: 'cancelled' });
});
