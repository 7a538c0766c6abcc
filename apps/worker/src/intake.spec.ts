import { type AppLogger } from '@app/logging';
import { type RootsGate } from '@app/monitoring';
import { Intake } from './intake';

/** Real: the intake. Fake: the gate that it looks at, the queue and the log. */
function scene(problem: string | null) {
  const calls: string[] = [];
  const queue = {
    pause: (reason: string) => void calls.push(`pause: ${reason}`),
    holdBack: (reason: string) => void calls.push(`hold back: ${reason}`),
    resume: () => void calls.push('resume'),
  };
  const listeners = new Set<(problem: string | null) => void>();
  const gate = {
    problem,
    isOfUse: false,
    onChange: (listener: (problem: string | null) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const warning = jest.fn();
  const intake = new Intake(gate as unknown as RootsGate, queue, { info: jest.fn(), warning } as unknown as AppLogger);
  return { gate, intake, calls, warning, change: (to: string | null) => listeners.forEach((listener) => listener(to)) };
}

describe('Intake', () => {
  it('takes nothing before the storages were seen, and then what comes', () => {
    const { intake, calls, warning, change } = scene('It was not looked at yet.');
    intake.onModuleInit();
    expect(calls).toEqual(['pause: It was not looked at yet.']);
    change(null);
    expect(calls).toEqual(['pause: It was not looked at yet.', 'resume']);
    expect(warning).not.toHaveBeenCalled();
  });

  it('takes nothing while it has no storage, and says why', () => {
    const { intake, calls, warning, change } = scene(null);
    intake.onModuleInit();
    expect(calls).toEqual([]);
    change('Storage "hot": It is not mounted.');
    change(null);
    expect(calls).toEqual(['pause: Storage "hot": It is not mounted.', 'resume']);
    expect(warning).toHaveBeenCalledWith(expect.any(String), { problem: 'Storage "hot": It is not mounted.' });
  });

  it('holds back while it has some storages and not all', () => {
    const { gate, intake, calls, warning, change } = scene(null);
    intake.onModuleInit();
    gate.isOfUse = true;
    change('Storage "hot": It is not mounted.');
    gate.isOfUse = false;
    change('User areas: It is not mounted.');
    expect(calls).toEqual(['hold back: Storage "hot": It is not mounted.', 'pause: User areas: It is not mounted.']);
    expect(warning).toHaveBeenCalledTimes(2);
  });

  it('leaves the queue alone once the process has stopped', () => {
    const { intake, calls, change } = scene(null);
    intake.onModuleInit();
    intake.onApplicationShutdown();
    change('Storage "hot": It is not mounted.');
    expect(calls).toEqual([]);
  });
});
