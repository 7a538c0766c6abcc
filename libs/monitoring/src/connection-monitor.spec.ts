import { AppError } from '@app/core';
import { type QueueHealth } from '@app/queue';
import { type DatabaseHealth } from '@app/records';
import { ConnectionMonitor } from './connection-monitor';

const WELL: QueueHealth = { up: true, workers: 3, problem: null };

/** Real: the monitor. Fake: the database and the queue that it asks. */
function scene() {
  const check = jest.fn<Promise<void>, []>(() => Promise.resolve());
  const health = jest.fn<Promise<QueueHealth>, []>(() => Promise.resolve(WELL));
  return { monitor: new ConnectionMonitor({ check } as unknown as DatabaseHealth, { health }), check, health };
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('ConnectionMonitor', () => {
  it('knows nothing before the start, and all there is after it', async () => {
    const { monitor } = scene();
    expect(monitor.seen).toEqual({ database: null, queue: null });
    await monitor.onApplicationBootstrap();
    expect(monitor.seen).toEqual({ database: true, queue: WELL });
    monitor.beforeApplicationShutdown();
  });

  it('notices who goes and who comes back', async () => {
    const { monitor, check, health } = scene();
    await monitor.onApplicationBootstrap();
    const away = { up: false, workers: null, problem: 'Redis does not answer.' };
    check.mockRejectedValueOnce(new AppError('database_unavailable', 'The database does not answer.'));
    health.mockResolvedValueOnce(away);
    await jest.advanceTimersByTimeAsync(5000);
    expect(monitor.seen).toEqual({ database: false, queue: away });
    await jest.advanceTimersByTimeAsync(5000);
    expect(monitor.seen).toEqual({ database: true, queue: WELL });
    monitor.beforeApplicationShutdown();
  });

  it('takes who does not answer in time for away, and asks it no second time meanwhile', async () => {
    const { monitor, check, health } = scene();
    await monitor.onApplicationBootstrap();
    check.mockReturnValue(new Promise(() => undefined));
    await jest.advanceTimersByTimeAsync(20_000);
    expect(monitor.seen).toEqual({ database: false, queue: WELL });
    expect(check).toHaveBeenCalledTimes(2);
    expect(health.mock.calls.length).toBeGreaterThanOrEqual(4);
    monitor.beforeApplicationShutdown();
  });

  it('asks nobody once the process stops', async () => {
    const { monitor, check } = scene();
    await monitor.onApplicationBootstrap();
    monitor.beforeApplicationShutdown();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(check).toHaveBeenCalledTimes(1);
  });
});
