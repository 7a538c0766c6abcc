import { AppError } from '@app/core';
import { type RootState, type WorkerPool } from '@app/files';
import { type QueueHealth } from '@app/queue';
import { type DeferredSettlements } from '@app/records';
import { type MethodRegistry, OperationEvents } from '@app/staging';
import { type ConnectionMonitor, type ConnectionsSeen } from './connection-monitor';
import { Metrics } from './metrics.service';
import { type RootMonitor, type RootsSeen } from './root-monitor';
import { StateGauges } from './state-gauges';

function root(storage: string | null, fields: Partial<RootState> = {}): RootState {
  const space = { freeBytes: 100, totalBytes: 200, readOnly: false };
  return { storage, path: '/srv/x', available: true, problem: null, pair: null, ...space, ...fields };
}

/** Real: metrics and gauges. Fake: all that they read from. */
function scene() {
  const depth = jest.fn(() => Promise.resolve({ waiting: 5, running: 99 }));
  const queue = { depth, runningHere: ['one', 'two'] };
  const roots: { seen: RootsSeen } = { seen: { target: root(null), storages: [root('hot')], secondsAgo: 1 } };
  const health: QueueHealth = { up: true, workers: 3, problem: null };
  const connections: { seen: ConnectionsSeen } = { seen: { database: true, queue: health } };
  const deferred = { pending: 4 };
  const metrics = new Metrics(new OperationEvents(), {} as MethodRegistry);
  new StateGauges(
    metrics,
    { waiting: 7 } as WorkerPool,
    queue,
    roots as RootMonitor,
    connections as ConnectionMonitor,
    deferred as DeferredSettlements,
  );
  return { depth, roots, connections, deferred, read: () => metrics.registry.metrics() };
}

describe('StateGauges', () => {
  it('tell what waits, what runs, and whether all that is needed is there', async () => {
    const text = await scene().read();
    expect(text).toMatch(/^staging_queue_depth 5$/m);
    expect(text).toMatch(/^staging_operations_running 2$/m);
    expect(text).toMatch(/^staging_file_tasks_waiting 7$/m);
    expect(text).toMatch(/^staging_workers 3$/m);
    expect(text).toMatch(/^staging_queue_up 1$/m);
    expect(text).toMatch(/^staging_database_up 1$/m);
    expect(text).toMatch(/^staging_settlements_pending 4$/m);
    expect(text).toMatch(/^staging_storage_up\{storage="hot"\} 1$/m);
    expect(text).toMatch(/^staging_storage_up\{storage="user_areas"\} 1$/m);
    expect(text).toMatch(/^staging_storage_free_bytes\{storage="hot"\} 100$/m);
  });

  it('tell what is away', async () => {
    const { roots, connections, read } = scene();
    const away = root('hot', { available: false, problem: 'It is not mounted.', freeBytes: null });
    roots.seen = { target: root(null), storages: [away], secondsAgo: 1 };
    connections.seen = { database: false, queue: { up: false, workers: null, problem: 'Redis does not answer.' } };
    const text = await read();
    expect(text).toMatch(/^staging_queue_up 0$/m);
    expect(text).toMatch(/^staging_database_up 0$/m);
    expect(text).toMatch(/^staging_storage_up\{storage="hot"\} 0$/m);
    expect(text).toMatch(/^staging_storage_free_bytes\{storage="user_areas"\} 100$/m);
    expect(text).not.toMatch(/^staging_storage_free_bytes\{storage="hot"\}/m);
    expect(text).not.toMatch(/^staging_workers /m);
  });

  it('leave out what is not known, also what once was', async () => {
    const { depth, roots, connections, read } = scene();
    expect(await read()).toMatch(/^staging_queue_depth 5$/m);
    depth.mockRejectedValue(new AppError('queue_unavailable', 'The queue does not answer.'));
    connections.seen = { database: null, queue: null };
    roots.seen = { ...roots.seen, secondsAgo: null };
    const text = await read();
    expect(text).not.toMatch(/^staging_(queue_depth|workers|queue_up|database_up|storage_up|storage_free_bytes)[ {]/m);
    expect(text).toMatch(/^staging_operations_running 2$/m);
    expect(text).toMatch(/^staging_settlements_pending 4$/m);
  });

  it('wait no longer than a second for a queue that hangs', async () => {
    const { depth, read } = scene();
    depth.mockReturnValue(new Promise(() => undefined));
    const begun = performance.now();
    const [text] = await Promise.all([read(), read()]);
    expect(performance.now() - begun).toBeLessThan(5000);
    expect(text).not.toMatch(/^staging_queue_depth /m);
    expect(text).toMatch(/^staging_database_up 1$/m);
    expect(depth).toHaveBeenCalledTimes(1);
  });
});
