import { loadSettings } from '@app/core';
import { type RootRegistry, type RootState } from '@app/files';
import { type AppLogger } from '@app/logging';
import { RootMonitor } from './root-monitor';
import { RootsGate } from './roots-gate';

const settings = loadSettings({
  SOURCE_STORAGE_PATH: 'hot=/srv/hot,cold=/srv/cold',
  TARGET_STORAGE_PATH: '/srv/areas',
});

function roots(away: Record<string, string> = {}): RootState[] {
  const space = { freeBytes: 1, totalBytes: 2, readOnly: false, pair: null };
  return [null, 'hot', 'cold'].map((storage) => {
    const problem = away[storage ?? 'areas'] ?? null;
    return { storage, path: '/srv/x', available: problem === null, problem, ...space };
  });
}

/** Real: the gate and the monitor. Fake: the roots that are looked at, and the log. */
function scene() {
  const inspect = jest.fn<Promise<RootState[]>, []>(() => Promise.resolve(roots()));
  const logger = { info: jest.fn(), warning: jest.fn(), error: jest.fn() };
  const monitor = new RootMonitor({ inspect } as unknown as RootRegistry, logger as unknown as AppLogger, settings);
  const gate = new RootsGate(monitor);
  const told: (string | null)[] = [];
  const unsubscribe = gate.onChange((problem) => told.push(problem));
  return { inspect, monitor, gate, told, unsubscribe };
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('RootsGate', () => {
  it('is closed until the roots were seen, and opens then', async () => {
    const { monitor, gate, told } = scene();
    expect(gate.isOfUse).toBe(false);
    expect(gate.problem).toContain('The storage "hot" was not looked at yet.');
    await monitor.onApplicationBootstrap();
    expect(gate.isOfUse).toBe(true);
    expect(gate.problem).toBeNull();
    expect(told).toEqual([null]);
    monitor.beforeApplicationShutdown();
  });

  it('closes while any root is away, and tells each change once', async () => {
    const { inspect, monitor, gate, told, unsubscribe } = scene();
    await monitor.onApplicationBootstrap();
    inspect.mockResolvedValue(roots({ cold: 'Cold is not mounted.' }));
    await jest.advanceTimersByTimeAsync(15_000);
    expect(gate.isOfUse).toBe(true);
    inspect.mockResolvedValue(roots({ cold: 'Cold is not mounted.', areas: 'The areas do not answer.' }));
    await jest.advanceTimersByTimeAsync(15_000);
    expect(gate.isOfUse).toBe(false);
    inspect.mockResolvedValue(roots());
    await jest.advanceTimersByTimeAsync(15_000);
    expect(told).toEqual([null, 'Cold is not mounted.', 'The areas do not answer. Cold is not mounted.', null]);
    unsubscribe();
    inspect.mockResolvedValue(roots({ hot: 'It is not mounted.', cold: 'It is not mounted.' }));
    await jest.advanceTimersByTimeAsync(15_000);
    expect(told).toHaveLength(4);
    expect(gate.isOfUse).toBe(false);
    monitor.beforeApplicationShutdown();
  });
});
