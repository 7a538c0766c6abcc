import { cleanUpAfterEach } from '../support/cleanups';
import { EventStream } from '../support/event-stream';
import { makeSparseFile, patchFile } from '../support/files';
import { type Answer } from '../support/http-client';
import { operationOf } from '../support/operations';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

cleanUpAfterEach();

const GIB = 1024 ** 3;
const ASYNC = { Prefer: 'respond-async' };
const idOf = (answer: Answer) => answer.body.operation.id as string;
const from = (source: string) => ({ local_path_on_storage: source, relative_path: source });
const watch = (service: RunningService, id: string, headers = {}) =>
  EventStream.open(`${service.url}/operations/${id}/events`, headers);
const over = (stream: EventStream) => until(() => stream.isOver, 'the stream does not end', 60);

async function serviceWith(gib: number, env = {}): Promise<RunningService> {
  const service = await startService({ files: { small: 'small' }, env });
  makeSparseFile(`${service.storage}/large`, gib * GIB);
  patchFile(`${service.storage}/large`, 0, 'not a hole');
  return service;
}

describe('the events of an operation', () => {
  it('show a copy from its beginning to its end, steadily', async () => {
    const service = await serviceWith(3);
    const id = idOf(await service.stage(from('large'), {}, ASYNC));
    const stream = await watch(service, id);
    expect(stream.answer.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    await over(stream);
    const progress = stream.events.filter(({ event }) => event === 'progress').map(({ data }) => data);
    const last = stream.events.at(-1)!;
    expect(stream.events.map(({ event }) => event)).toEqual([...progress.map(() => 'progress'), 'end']);
    const bytes = progress.map((one) => (one.bytes_done as number | null) ?? 0);
    expect(bytes).toEqual([...bytes].sort((one, other) => one - other));
    // At once, and then as it moves.
    expect(progress[0]).toMatchObject({ id, status: 'running' });
    expect(new Set(bytes).size).toBeGreaterThan(3);
    expect(progress.some((one) => one.bytes_per_second > 0 && one.eta_seconds >= 0)).toBe(true);
    expect(last.data).toMatchObject({ status: 'success', bytes_done: 3 * GIB, bytes_total: 3 * GIB });
    expect(last.data).toEqual(await operationOf(service, id));
  }, 90_000);

  it('of one that has ended are its end, and a client that has seen that is told to stop', async () => {
    const service = await serviceWith(1);
    const id = idOf(await service.stage(from('small')));
    const stream = await watch(service, id);
    await over(stream);
    expect(stream.events).toMatchObject([{ event: 'end', data: { id, status: 'success' } }]);
    const again = await watch(service, id, { 'Last-Event-ID': stream.events[0]!.id });
    await over(again);
    expect([again.answer.statusCode, again.text]).toEqual([204, '']);
    const stranger = await watch(service, id, { 'Last-Event-ID': '1-7' });
    await over(stranger);
    expect(stranger.events).toMatchObject([{ event: 'end' }]);
  });

  it('follow an operation that waits, begins, and is cancelled', async () => {
    const service = await serviceWith(100, { WORKER_CONCURRENCY: '1' });
    const first = idOf(await service.stage(from('large'), {}, ASYNC));
    const waiting = idOf(await service.stage({ ...from('large'), relative_path: 'two' }, {}, ASYNC));
    const stream = await watch(service, waiting);
    await until(() => stream.events.length > 0, 'nothing comes');
    expect(stream.events[0]).toMatchObject({
      event: 'progress',
      data: { status: 'queued', wait_reason: expect.any(String) },
    });
    await service.post(`/operations/${first}/cancel`);
    await until(() => stream.events.some(({ data }) => data.status === 'running'), 'its beginning is not told');
    await service.post(`/operations/${waiting}/cancel`);
    await over(stream);
    expect(stream.events.at(-1)).toMatchObject({ event: 'end', data: { status: 'cancelled' } });
  });

  it('end with the service, without an end of the operation', async () => {
    const service = await serviceWith(100, { SHUTDOWN_GRACE_SECONDS: '0' });
    const id = idOf(await service.stage(from('large'), {}, ASYNC));
    const stream = await watch(service, id);
    await until(() => stream.events.length > 0, 'nothing comes');
    expect(await service.stop()).toBe(0);
    await over(stream);
    expect(stream.events.every(({ event }) => event === 'progress')).toBe(true);
  });

  it('are a problem for what is no operation', async () => {
    const service = await serviceWith(1);
    const answer = await service.get('/operations/01900000-0000-7000-8000-000000000000/events');
    expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });
});
