import { loadSettings } from '@app/core';
import { type RootRegistry, type RootState } from '@app/files';
import { type AppLogger } from '@app/logging';
import { RootMonitor } from './root-monitor';

const settings = loadSettings({ SOURCE_STORAGE_PATH: '/srv/storage', TARGET_STORAGE_PATH: '/srv/areas' });

function roots(problem: string | null = null): RootState[] {
  const space = { freeBytes: 1, totalBytes: 2, readOnly: false, pair: null };
  return [
    { storage: null, path: '/srv/areas', available: true, problem: null, ...space },
    { storage: 'default', path: '/srv/storage', available: problem === null, problem, ...space },
  ];
}

describe('RootMonitor', () => {
  const inspect = jest.fn<Promise<RootState[]>, []>();
  const logger = { info: jest.fn(), warning: jest.fn(), error: jest.fn() };
  let monitor: RootMonitor;

  beforeEach(() => {
    jest.useFakeTimers();
    jest.resetAllMocks();
    monitor = new RootMonitor({ inspect } as unknown as RootRegistry, logger as unknown as AppLogger, settings);
  });
  afterEach(() => {
    monitor.beforeApplicationShutdown();
    jest.useRealTimers();
  });

  it('knows the roots once the service has started, and how old that is', async () => {
    inspect.mockResolvedValue(roots());
    expect(monitor.seen).toMatchObject({ target: { available: false }, secondsAgo: null });
    await monitor.onApplicationBootstrap();
    expect(monitor.seen).toEqual({ target: roots()[0], storages: [roots()[1]], secondsAgo: 0 });
    inspect.mockReturnValue(new Promise(() => undefined));
    await jest.advanceTimersByTimeAsync(60_000);
    expect(monitor.seen.secondsAgo).toBeGreaterThanOrEqual(59);
  });

  it('does not keep the service from starting when a root hangs, and looks once at a time', async () => {
    inspect.mockReturnValue(new Promise(() => undefined));
    const started = monitor.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(1000);
    await started;
    await jest.advanceTimersByTimeAsync(60_000);
    expect(inspect).toHaveBeenCalledTimes(1);
    expect(monitor.seen.storages[0]).toMatchObject({ path: '/srv/storage', available: false });
  });

  it('notices what comes and goes, and tells it once', async () => {
    inspect.mockResolvedValue(roots());
    await monitor.onApplicationBootstrap();
    expect(logger.info).not.toHaveBeenCalled();
    inspect.mockResolvedValue(roots('It is not mounted.'));
    await jest.advanceTimersByTimeAsync(20_000);
    expect(monitor.seen.storages[0]).toMatchObject({ available: false, problem: 'It is not mounted.' });
    expect(logger.warning).toHaveBeenCalledTimes(1);
    inspect.mockResolvedValue(roots());
    await jest.advanceTimersByTimeAsync(20_000);
    expect(monitor.seen.storages[0]).toMatchObject({ available: true });
    expect(logger.info).toHaveBeenCalledTimes(1);
  });

  it('says that nothing can be used when a look finds the roots in one another', async () => {
    inspect.mockResolvedValue(roots());
    await monitor.onApplicationBootstrap();
    inspect.mockRejectedValue(new Error('lie inside one another'));
    await jest.advanceTimersByTimeAsync(6000);
    expect(monitor.seen.storages[0]!.available).toBe(false);
    expect(monitor.seen.target.available).toBe(false);
    expect(logger.error).toHaveBeenCalled();
  });

  it('has nothing to tell when a look is cut short by the end of the service', async () => {
    let fail: (error: Error) => void;
    inspect.mockReturnValue(new Promise((_resolve, reject) => (fail = reject)));
    const started = monitor.onApplicationBootstrap();
    monitor.beforeApplicationShutdown();
    fail!(new Error('The worker pool is closed'));
    await started;
    expect(logger.error).not.toHaveBeenCalled();
  });
});
