import { StagingRecord } from '@app/records';
import { type MethodRegistry, OperationEvents } from '@app/staging';
import { Metrics } from './metrics.service';

const events = new OperationEvents();
const destinations: Record<string, string> = { local_copy: 'user_area', direct_download: 'none' };
const methods = {
  enabledNames: Object.keys(destinations),
  find: (name: string) => destinations[name] && { capabilities: { destination: destinations[name] } },
} as MethodRegistry;

function ended(fields: Partial<StagingRecord>): void {
  events.ended({ record: Object.assign(new StagingRecord(), fields), seconds: 2, failure: null });
}

describe('Metrics', () => {
  let metrics: Metrics;

  beforeEach(() => {
    metrics = new Metrics(events, methods);
    metrics.onModuleInit();
  });
  afterEach(() => metrics.onApplicationShutdown());

  it('count operations by method, status and code', async () => {
    ended({ method: 'local_copy', status: 'success', outcome: 'staged', bytesDone: 10 });
    ended({ method: 'local_copy', status: 'success', outcome: 'staged', bytesDone: 5 });
    ended({ method: 'local_copy', status: 'success', outcome: 'already_present', bytesDone: 99 });
    ended({ method: 'local_copy', status: 'failure', errorCode: 'source_not_found' });
    const text = await metrics.registry.metrics();
    expect(text).toContain('staging_operations_total{method="local_copy",status="success",code="none"} 3');
    expect(text).toContain('staging_operations_total{method="local_copy",status="failure",code="source_not_found"} 1');
    expect(text).toContain('staging_bytes_total{method="local_copy"} 15');
    expect(text).toContain('staging_operation_duration_seconds_sum{method="local_copy",status="success"} 6');
  });

  it('never make a label of what a caller sent', async () => {
    ended({ method: 'evil"} 1\nname', username: 'jane', status: 'failure', errorCode: 'invalid_method' });
    const text = await metrics.registry.metrics();
    expect(text).toContain('staging_operations_total{method="unknown",status="failure",code="invalid_method"} 1');
    expect(text).not.toMatch(/evil|jane/);
  });

  it('count what is downloaded once, by what was really taken', async () => {
    metrics.countDownload('complete', 10);
    metrics.countDownload('aborted', 3);
    metrics.countDownload('complete', 10);
    ended({ method: 'direct_download', status: 'success', outcome: 'staged', bytesDone: 10 });
    const text = await metrics.registry.metrics();
    expect(text).toContain('staging_downloads_total{result="complete"} 2');
    expect(text).toContain('staging_downloads_total{result="aborted"} 1');
    expect(text).toContain('staging_bytes_total{method="direct_download"} 23');
  });

  it('count what was lost to other processes', async () => {
    expect(await metrics.registry.metrics()).toMatch(/^staging_lost_leases_total 0$/m);
    events.lost();
    expect(await metrics.registry.metrics()).toMatch(/^staging_lost_leases_total 1$/m);
  });

  it('tell how the process is', async () => {
    const text = await metrics.registry.metrics();
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
    expect(text).toMatch(/^process_resident_memory_bytes /m);
  });
});
