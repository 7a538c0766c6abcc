import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { AppError } from '@app/core';
import { temporaryFolder } from '../../../../test/support/temporary-folder';
import { until } from '../../../../test/support/until';
import { Ledger } from './control';
import { type TaskKind } from './tasks';
import { type RunOptions, WorkerPool } from './worker-pool';

/**
 * The pool with real threads, but with workers of this test's own, which do as their task says: they speak the protocol
 * of `worker-main` and its shared memory. So a call that never returns needs no file system that hangs.
 */
const WORKER = `
  const { parentPort, workerData, threadId } = require('node:worker_threads');
  const pulse = new Int32Array(workerData.pulse);
  const beat = () => Atomics.add(pulse, 0, 1);
  parentPort.on('message', ({ id, input, ledger }) => {
    const flags = new Int32Array(ledger);
    const send = (message) => parentPort.postMessage({ id, ...message });
    const { does, where, gate, patience } = input;
    if (where !== undefined) Atomics.store(pulse, 1, where);
    Atomics.store(pulse, 2, patience ?? 1);
    beat();
    if (does === 'crash') throw new Error('a crash');
    if (does === 'exit') process.exit(1);
    if (does === 'report') for (let n = 0; n < input.times; n += 1) send({ type: 'report', data: n });
    const cell = gate && new Int32Array(gate);
    if (does === 'hang') Atomics.wait(cell, 0, 0);
    if (does === 'live') while (Atomics.load(cell, 0) === 0) { Atomics.wait(cell, 0, 0, 5); beat(); }
    if (does === 'fail') {
      const error = { name: 'AppError', message: 'no', stack: 'its stack', app: { code: 'source_not_found', retryable: false } };
      return send({ type: 'failed', error });
    }
    send({ type: 'done', value: { threadId, cancelled: Atomics.load(flags, 0) === 1 } });
  });`;

jest.mock('node:worker_threads', () => {
  const real = jest.requireActual<typeof import('node:worker_threads')>('node:worker_threads');
  class TestWorker extends real.Worker {
    constructor(_file: string, options: import('node:worker_threads').WorkerOptions) {
      super(workerFile, options);
    }
  }
  return { ...real, Worker: TestWorker };
});

let workerFile: string;
const pools: WorkerPool[] = [];
/** Gates that are still shut: a thread behind one would not end. */
const gates: Gate[] = [];

beforeAll(() => {
  workerFile = path.join(temporaryFolder(), 'worker.cjs');
  writeFileSync(workerFile, WORKER);
});
afterEach(async () => {
  for (const gate of gates.splice(0)) gate.open();
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

class Gate {
  readonly memory = new SharedArrayBuffer(4);
  constructor() {
    gates.push(this);
  }
  open(): void {
    const cell = new Int32Array(this.memory);
    Atomics.store(cell, 0, 1);
    Atomics.notify(cell, 0);
  }
}

interface Deed {
  does: 'nothing' | 'hang' | 'live' | 'crash' | 'exit' | 'fail' | 'report';
  where?: number;
  gate?: Gate;
  patience?: number;
  times?: number;
}
interface Done {
  threadId: number;
  cancelled: boolean;
}

function makePool(options: { size?: number; timeoutMs?: number } = {}): WorkerPool {
  const pool = new WorkerPool({
    size: 2,
    timeoutMs: 60_000,
    rootNames: ['The areas', 'The disk', 'The tape'],
    ...options,
  });
  pools.push(pool);
  return pool;
}

function run(pool: WorkerPool, deed: Deed, options: RunOptions = {}, kind: TaskKind = 'place'): Promise<Done> {
  const input = { ...deed, gate: deed.gate?.memory };
  return pool.run(kind, input as never, options) as unknown as Promise<Done>;
}

const codeOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 'done',
    (error: Error) => (error instanceof AppError ? `${error.code}: ${error.message}` : error.message),
  );

describe('threads', () => {
  it('are as many as tasks at once, and used again', async () => {
    const pool = makePool();
    const gate = new Gate();
    const held = [run(pool, { does: 'live', gate }), run(pool, { does: 'live', gate })];
    const waiting = [1, 2, 3].map(() => run(pool, { does: 'nothing' }));
    expect(pool.waiting).toBe(3);
    gate.open();
    const threads = new Set((await Promise.all([...held, ...waiting])).map((one) => one.threadId));
    expect(threads.size).toBe(2);
    expect(pool.waiting).toBe(0);
  });

  it('take tasks in the order of their coming', async () => {
    const pool = makePool({ size: 1 });
    const order: number[] = [];
    await Promise.all([1, 2, 3, 4].map((number) => run(pool, { does: 'nothing' }).then(() => order.push(number))));
    expect(order).toEqual([1, 2, 3, 4]);
  });

  it('leave one more for brief tasks while all are busy', async () => {
    const pool = makePool({ size: 1 });
    const gate = new Gate();
    const long = run(pool, { does: 'live', gate });
    const queued = run(pool, { does: 'nothing' });
    const brief = (['listStorage', 'listArea', 'inspectRoot', 'createFile', 'listPrivate'] as const).map((kind) =>
      run(pool, { does: 'nothing' }, {}, kind),
    );
    await Promise.all(brief);
    expect(pool.waiting).toBe(1);
    gate.open();
    await Promise.all([long, queued]);
  });

  it('are not all taken by brief tasks, however many come', async () => {
    const pool = makePool({ size: 1 });
    let ended = false;
    const readAll = async () => {
      while (!ended) await run(pool, { does: 'nothing' }, {}, 'readPiece');
    };
    // More than there are threads, each asking for the next as soon as it has one: a brief task waits at any time.
    const readers = Array.from({ length: 6 }, readAll);
    await until(() => pool.waiting > 0, 'nothing waits');
    await run(pool, { does: 'nothing' });
    ended = true;
    await Promise.all(readers);
  });

  it.each(['crash', 'exit'] as const)('that %s fail their task only; another takes the next', async (does) => {
    const pool = makePool({ size: 1 });
    const released = jest.fn();
    const lost = run(pool, { does }, { onReleased: released });
    const next = run(pool, { does: 'nothing' });
    await expect(lost).rejects.toThrow(does === 'crash' ? 'a crash' : 'A worker thread ended unexpectedly');
    expect(released).toHaveBeenCalledTimes(1);
    await expect(next).resolves.toMatchObject({ cancelled: false });
  });

  it('send errors of the project as such, with their stack', async () => {
    const error = await run(makePool(), { does: 'fail' }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: 'source_not_found', message: 'no', stack: 'its stack' });
  });

  it('send what they report in order, and before their end', async () => {
    const heard: unknown[] = [];
    await run(makePool(), { does: 'report', times: 5 }, { onReport: (data) => heard.push(data) });
    expect(heard).toEqual([0, 1, 2, 3, 4]);
  });
});

describe('a task that hangs', () => {
  const quick = { size: 1, timeoutMs: 1000 };

  it('is given up after the time-out, told of the root that it touched last; its thread is replaced', async () => {
    const pool = makePool(quick);
    const gate = new Gate();
    const released = jest.fn();
    const late = jest.fn();
    const ledger = new Ledger();
    const hung = run(pool, { does: 'hang', where: 1, gate }, { ledger, onReleased: released, onLate: late });
    const next = run(pool, { does: 'nothing' });
    await expect(hung).rejects.toMatchObject({
      code: 'storage_unavailable',
      message: 'The disk is not available (no answer for 1 s). Try again later.',
      retryAfterSeconds: 30,
    });
    expect(pool.hanging).toBe(true);
    expect([ledger.cancelled, released.mock.calls.length, late.mock.calls.length]).toEqual([true, 0, 0]);
    const { threadId } = await next;
    // The call returns after all.
    gate.open();
    await until(() => released.mock.calls.length > 0, 'the thread did not come back');
    expect(late).toHaveBeenCalledWith({ threadId: expect.any(Number), cancelled: true });
    expect((late.mock.calls[0] as [Done])[0].threadId).not.toBe(threadId);
    expect(pool.hanging).toBe(false);
    await expect(run(pool, { does: 'nothing' })).resolves.toMatchObject({ cancelled: false });
  });

  it('is told from one that only takes long, by its signs of life', async () => {
    const same = { size: 1, timeoutMs: 1500 };
    const gate = new Gate();
    const lively = run(makePool(same), { does: 'live', gate });
    await expect(run(makePool(same), { does: 'hang', gate: new Gate() })).rejects.toMatchObject({
      code: 'storage_unavailable',
    });
    gate.open();
    await expect(lively).resolves.toMatchObject({ cancelled: false });
  });

  it('gets more time for a call that may rightly take long', async () => {
    const pool = makePool({ size: 2, timeoutMs: 1000 });
    const gate = new Gate();
    const patient = run(pool, { does: 'hang', gate, patience: 10_000 });
    await expect(run(pool, { does: 'hang', gate: new Gate() })).rejects.toMatchObject({ code: 'storage_unavailable' });
    gate.open();
    await expect(patient).resolves.toMatchObject({ cancelled: false });
  });

  it('twice in one root: further tasks for it are refused at once, others go on, until it answers again', async () => {
    const pool = makePool({ size: 2, timeoutMs: 1000 });
    const gate = new Gate();
    const hung = [1, 2].map(() => codeOf(run(pool, { does: 'hang', where: 2, gate }, { roots: [0, 2] })));
    const released = jest.fn();
    const queued = codeOf(run(pool, { does: 'nothing' }, { roots: [0, 2], onReleased: released }));
    const brief = codeOf(run(pool, { does: 'hang', where: 2, gate }, { roots: [2] }, 'listStorage'));
    const elsewhere = run(pool, { does: 'nothing' }, { roots: [0, 1] });
    const answers = await Promise.all([...hung, queued, brief]);
    expect(answers.slice(0, 2)).toEqual(
      Array(2).fill('storage_unavailable: The tape is not available (no answer for 1 s). Try again later.'),
    );
    expect(answers[2]).toBe('storage_unavailable: The tape is not available (it does not answer). Try again later.');
    expect(answers[3]).toMatch(/^storage_unavailable: The tape/);
    expect(released).toHaveBeenCalledTimes(1);
    await expect(elsewhere).resolves.toMatchObject({ cancelled: false });
    const refused = jest.fn();
    await expect(codeOf(run(pool, { does: 'nothing' }, { roots: [2], onReleased: refused }))).resolves.toMatch(
      /does not answer/,
    );
    expect(refused).toHaveBeenCalledTimes(1);
    await expect(run(pool, { does: 'nothing' }, { roots: [1] })).resolves.toBeDefined();
    gate.open();
    await until(() => !pool.hanging, 'the threads did not come back');
    await expect(run(pool, { does: 'nothing' }, { roots: [2] })).resolves.toMatchObject({ cancelled: false });
  });

  it('that comes back to a pool with enough threads ends its own', async () => {
    const pool = makePool({ size: 1, timeoutMs: 200 });
    const gate = new Gate();
    const hung = [1, 2, 3].map((where) => codeOf(run(pool, { does: 'hang', where, gate })));
    await Promise.all(hung);
    gate.open();
    await until(() => !pool.hanging, 'the threads did not come back');
    expect((Reflect.get(pool, 'threads') as Set<unknown>).size).toBeLessThanOrEqual(2);
  });
});

describe('withdraw', () => {
  it('takes back what waits for an operation, and only that', async () => {
    const pool = makePool({ size: 1 });
    const gate = new Gate();
    const [mine, other] = [new Ledger(), new Ledger()];
    const running = run(pool, { does: 'live', gate }, { ledger: mine });
    const released = jest.fn();
    const queued = run(pool, { does: 'nothing' }, { ledger: mine, onReleased: released });
    const kept = run(pool, { does: 'nothing' }, { ledger: other });
    pool.withdraw(mine);
    await expect(queued).rejects.toMatchObject({ name: 'CancelledError' });
    expect(released).toHaveBeenCalledTimes(1);
    expect(pool.waiting).toBe(1);
    gate.open();
    await Promise.all([running, kept]);
  });
});

describe('closing', () => {
  it('ends the threads; what runs, waits or comes later is rejected and released', async () => {
    const pool = makePool({ size: 1 });
    const released = jest.fn();
    const running = codeOf(run(pool, { does: 'live', gate: new Gate() }, { onReleased: released }));
    const waiting = codeOf(run(pool, { does: 'nothing' }, { onReleased: released }));
    await pool.close();
    await expect(running).resolves.toBe('A worker thread ended unexpectedly');
    await expect(waiting).resolves.toBe('The worker pool is closed');
    await expect(codeOf(run(pool, { does: 'nothing' }, { onReleased: released }))).resolves.toBe(
      'The worker pool is closed',
    );
    expect(released).toHaveBeenCalledTimes(3);
  });

  it('does not wait for a thread that hangs', async () => {
    const pool = makePool({ size: 1, timeoutMs: 200 });
    await codeOf(run(pool, { does: 'hang', gate: new Gate() }));
    await pool.close();
    expect(pool.hanging).toBe(true);
  });
});
