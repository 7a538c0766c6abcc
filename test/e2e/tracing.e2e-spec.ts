import { readFileSync } from 'node:fs';
import { type LogEntry } from '@app/logging';
import { cleanUpAfterEach } from '../support/cleanups';
import { Cluster, clusterMissing } from '../support/cluster';
import { describeWhere } from '../support/describe-where';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceparent = `00-${TRACE}-00f067aa0ba902b7-01`;
const BODY = { local_path_on_storage: 'file.fits', relative_path: 'in/file.fits' };

const linesOf = (service: RunningService) =>
  readFileSync(service.logFile, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as LogEntry);

/** The line that tells that a request has ended, once it is there. */
async function endOf(service: RunningService, requestId: string): Promise<LogEntry> {
  const find = () => linesOf(service).find((line) => line.request_id === requestId);
  await until(() => find() !== undefined, 'The request is not in the log');
  return find()!;
}

cleanUpAfterEach();

describe('one process', () => {
  let service: RunningService;
  beforeAll(async () => (service = await startService({ files: { 'file.fits': 'content' } })));

  it('logs a request and its operation under the trace that the request names', async () => {
    const answer = await service.stage(BODY, {}, { traceparent });
    expect(answer.status).toBe(200);
    expect([answer.headers.traceparent, answer.headers.traceresponse]).toEqual([undefined, undefined]);
    expect(await endOf(service, answer.headers['x-request-id'] as string)).toMatchObject({ trace_id: TRACE });
    const lines = linesOf(service).filter((line) => line.operation_id === answer.body.operation.id);
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) expect(line).toMatchObject({ trace_id: TRACE });
  });

  it.each([
    ['none', undefined],
    ['zeros', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
    ['much', 'x'.repeat(3000)],
    ['two', `${traceparent}, ${traceparent}`],
  ])('begins a trace where a request names %s', async (_what, header) => {
    const answer = await service.stage(BODY, {}, header === undefined ? {} : { traceparent: header });
    expect(answer.status).toBe(200);
    const { trace_id: trace } = await endOf(service, answer.headers['x-request-id'] as string);
    expect(trace).toMatch(/^[0-9a-f]{32}$/);
    expect(trace).not.toBe(TRACE);
    const lines = linesOf(service).filter((line) => line.operation_id === answer.body.operation.id);
    for (const line of lines) expect(line).toMatchObject({ trace_id: trace });
  });

  it('is in the line of a download that is sent', async () => {
    const answer = await service.stage(
      { local_path_on_storage: 'file.fits' },
      { method: 'direct_download' },
      { traceparent },
    );
    const id = answer.headers['x-operation-id'];
    const find = () =>
      linesOf(service).find((line) => line.operation_id === id && line.message === 'Download complete');
    await until(() => find() !== undefined, 'The download is not in the log');
    expect(find()).toMatchObject({ trace_id: TRACE });
  });
});

describeWhere(clusterMissing(), 'a site with workers', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.start({ apis: 1, workers: 1, files: { 'file.fits': 'content' } });
  }, 60_000);

  it('has lines of the worker under the trace of the request, also of a batch', async () => {
    const single = await cluster.api.stage(BODY, {}, { traceparent });
    expect(single.status).toBe(200);
    const items = [{ ...BODY, relative_path: 'batch/file.fits' }];
    const batch = await cluster.api.post(
      '/stage_data/batch?method=local_copy&username=ana',
      { items },
      { traceparent },
    );
    const operations = async () => (await cluster.api.get(`/operations?batch_id=${batch.body.batch_id}`)).body.items;
    await until(async () => (await operations())[0]?.status === 'success', 'The batch does not end');
    for (const id of [single.body.operation.id, (await operations())[0].id]) {
      const ofWorker = () =>
        linesOf(cluster.api).filter((line) => line.operation_id === id && /^worker-/.test(String(line.process)));
      await until(() => ofWorker().some((line) => line.message === 'Staged'), 'No line of the worker came');
      for (const line of ofWorker()) expect(line).toMatchObject({ trace_id: TRACE });
    }
  });
});
