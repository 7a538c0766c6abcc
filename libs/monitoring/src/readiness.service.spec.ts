import { AppError } from '@app/core';
import { type RootState } from '@app/files';
import { type DatabaseHealth } from '@app/records';
import { Readiness } from './readiness.service';
import { type MethodMonitor, type MethodState } from './method-monitor';
import { type RootMonitor, type RootsSeen } from './root-monitor';

function root(fields: Partial<RootState> = {}): RootState {
  const space = { freeBytes: 1, totalBytes: 2, readOnly: false };
  return { storage: null, path: '/srv/x', available: true, problem: null, pair: null, ...space, ...fields };
}

interface Scene {
  check?: () => Promise<void>;
  seen?: Partial<RootsSeen>;
  queue?: { accepting: boolean };
  methods?: MethodState[];
}

function readiness({ check = () => Promise.resolve(), seen = {}, queue = { accepting: true }, methods = [] }: Scene) {
  const roots = { seen: { target: root(), storages: [root({ storage: 'hot' })], secondsAgo: 1, ...seen } };
  return new Readiness({ check } as DatabaseHealth, roots as RootMonitor, queue, {
    seen: methods,
  } as unknown as MethodMonitor);
}

describe('Readiness', () => {
  it('is up when all there is can be used', async () => {
    expect(await readiness({}).check()).toEqual({
      status: 'up',
      checks: {
        service: { status: 'up', detail: null },
        database: { status: 'up', detail: null },
        storages: [{ name: 'hot', status: 'up', detail: null }],
        user_areas: { status: 'up', detail: null },
        methods: [],
      },
      warnings: [],
    });
  });

  it('warns of a service behind a method that is away, and stays up: the other methods work', async () => {
    const answer = await readiness({
      methods: [
        { name: 'local_copy', available: null, problem: null },
        { name: 'jupyter_copy', available: false, problem: 'The hub does not answer.' },
      ],
    }).check();
    expect(answer).toMatchObject({
      status: 'up',
      checks: { methods: [{ name: 'jupyter_copy', status: 'down', detail: 'The hub does not answer.' }] },
      warnings: ['jupyter_copy does not work just now: The hub does not answer.'],
    });
  });

  it('tells which storage is away, and why', async () => {
    const away = root({ storage: 'cold', available: false, problem: 'It is not mounted.' });
    const answer = await readiness({ seen: { storages: [root({ storage: 'hot' }), away] } }).check();
    expect(answer.status).toBe('down');
    expect(answer.checks.storages).toEqual([
      { name: 'hot', status: 'up', detail: null },
      { name: 'cold', status: 'down', detail: 'It is not mounted.' },
    ]);
  });

  it('tells that the database is down, without what the driver says', async () => {
    const secret = new Error('connect ECONNREFUSED db.internal:3306');
    const known = new AppError('database_unavailable', 'The database does not answer.', { cause: secret });
    const answer = await readiness({ check: () => Promise.reject(known) }).check();
    expect(answer.checks.database).toEqual({ status: 'down', detail: 'The database does not answer.' });
    const unknown = await readiness({ check: () => Promise.reject(secret) }).check();
    expect(unknown.status).toBe('down');
    expect(JSON.stringify(unknown)).not.toContain('internal:3306');
  });

  describe('with a database that hangs', () => {
    beforeEach(() => void jest.useFakeTimers());
    afterEach(() => void jest.useRealTimers());

    it('answers after two seconds, and asks it once only', async () => {
      const check = jest.fn(() => new Promise<void>(() => undefined));
      const subject = readiness({ check });
      const answers = Promise.all([subject.check(), subject.check()]);
      await jest.advanceTimersByTimeAsync(2000);
      for (const answer of await answers) {
        expect(answer.checks.database).toEqual({ status: 'down', detail: 'The database did not answer for 2 s.' });
      }
      expect(check).toHaveBeenCalledTimes(1);
    });
  });

  it('is down while the service stops', async () => {
    const answer = await readiness({ queue: { accepting: false } }).check();
    expect(answer.status).toBe('down');
    expect(answer.checks.service).toEqual({ status: 'down', detail: 'The service is stopping.' });
  });

  it('warns of what is old and of what cannot be linked, without being down', async () => {
    const pair = { storage: 'hot', hardLink: false, clone: false, note: 'on another file system' };
    const answer = await readiness({ seen: { storages: [root({ storage: 'hot', pair })], secondsAgo: 60 } }).check();
    expect(answer.status).toBe('up');
    expect(answer.warnings).toEqual([
      expect.stringContaining('No hard links can be made from the storage "hot"'),
      expect.stringContaining('last seen 60 s ago'),
    ]);
  });
});
