import { AppError } from '@app/core';
import { type RootState } from '@app/files';
import { type QueueHealth } from '@app/queue';
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
  accepting?: boolean;
  health?: () => Promise<QueueHealth>;
  methods?: MethodState[];
}

const LOCAL: QueueHealth = { up: true, workers: null, problem: null };

function readiness({ check = () => Promise.resolve(), seen = {}, accepting = true, methods = [], ...more }: Scene) {
  const queue = { accepting, health: more.health ?? (() => Promise.resolve(LOCAL)) };
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
        queue: { status: 'up', detail: null },
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

  it('is down while the queue is, and tells why', async () => {
    const away = { up: false, workers: null, problem: 'Redis does not answer.' };
    const answer = await readiness({ health: () => Promise.resolve(away) }).check();
    expect(answer.status).toBe('down');
    expect(answer.checks.queue).toEqual({ status: 'down', detail: 'Redis does not answer.' });
    expect(answer.warnings).toEqual([]);
  });

  it('warns of a queue without workers, and of what else is wrong with it, and stays up', async () => {
    const health = { up: true, workers: 0, problem: null };
    const answer = await readiness({ health: () => Promise.resolve(health) }).check();
    expect(answer).toMatchObject({ status: 'up', checks: { queue: { status: 'up', detail: null } } });
    expect(answer.warnings).toEqual([expect.stringContaining('No worker is running')]);
    const told = { up: true, workers: 2, problem: 'Redis keeps nothing on disk.' };
    const other = await readiness({ health: () => Promise.resolve(told) }).check();
    expect(other).toMatchObject({ status: 'up', warnings: ['Redis keeps nothing on disk.'] });
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

    it('waits for a queue that hangs at the same time, not after it', async () => {
      const hang = () => new Promise<never>(() => undefined);
      const answer = readiness({ check: hang, health: hang }).check();
      await jest.advanceTimersByTimeAsync(2000);
      expect(await answer).toMatchObject({
        checks: { queue: { status: 'down', detail: 'The queue did not answer for 2 s.' } },
      });
    });
  });

  it('is down while the service stops', async () => {
    const answer = await readiness({ accepting: false }).check();
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
