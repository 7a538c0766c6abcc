import { AppError } from '@app/core';
import { type AppLogger } from '@app/logging';
import { type MethodRegistry, type StagingMethod } from '@app/staging';
import { MethodMonitor } from './method-monitor';

function method(name: string, check?: StagingMethod['check']): StagingMethod {
  return { name, aliases: [], description: 'Does.', capabilities: { destination: 'remote' }, stage: jest.fn(), check };
}

/** Real: the monitor. Fake: the methods that it asks, and the log. */
function scene(...offered: StagingMethod[]) {
  const lines: string[] = [];
  const write = (message: string) => void lines.push(message);
  const logger = { info: write, warning: write } as unknown as AppLogger;
  return { monitor: new MethodMonitor({ offered } as unknown as MethodRegistry, logger), lines };
}

const away = () => Promise.reject(new AppError('jupyter_unavailable', 'The hub does not answer.'));

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('MethodMonitor', () => {
  it('says nothing of methods that need nobody', async () => {
    const { monitor, lines } = scene(method('copy'));
    await monitor.onApplicationBootstrap();
    expect(monitor.seen).toEqual([{ name: 'copy', available: null, problem: null }]);
    expect(lines).toEqual([]);
    monitor.beforeApplicationShutdown();
  });

  it('tells who is away, once in the log, and who is back', async () => {
    const check = jest.fn<Promise<void>, [AbortSignal]>(away);
    const { monitor, lines } = scene(method('upload', check));
    await monitor.onApplicationBootstrap();
    expect(monitor.seen).toEqual([{ name: 'upload', available: false, problem: 'The hub does not answer.' }]);
    await jest.advanceTimersByTimeAsync(15_000);
    expect(check).toHaveBeenCalledTimes(2);
    expect(lines).toHaveLength(1);
    check.mockResolvedValue();
    await jest.advanceTimersByTimeAsync(15_000);
    expect(monitor.seen).toEqual([{ name: 'upload', available: true, problem: null }]);
    expect(lines[1]).toBe('The service behind upload answers');
    monitor.beforeApplicationShutdown();
  });

  it('gives nothing away of an error that nobody expected', async () => {
    const { monitor } = scene(method('upload', () => Promise.reject(new Error('token hunter2'))));
    await monitor.onApplicationBootstrap();
    expect(JSON.stringify(monitor.seen)).not.toContain('hunter2');
    monitor.beforeApplicationShutdown();
  });

  it('lets the start go on, and asks a slow neighbour only once at a time', async () => {
    const check = jest.fn(() => new Promise<void>(() => undefined));
    const { monitor } = scene(method('upload', check));
    const started = monitor.onApplicationBootstrap();
    // The delay of node:timers/promises is not one of the timers that are faked.
    await started;
    await jest.advanceTimersByTimeAsync(60_000);
    expect(check).toHaveBeenCalledTimes(1);
    expect(monitor.seen).toMatchObject([{ available: false }]);
    monitor.beforeApplicationShutdown();
  });
});
