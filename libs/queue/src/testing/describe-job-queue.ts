import { type JobQueue } from '../contract/job-queue';
import { describeAnyOrder } from './describe-any-order';
import { idOf, newJob, type Opener, QueueScene, REASON } from './queue-scene';

/** How a queue under test is had. */
export interface QueueHarness {
  /** A new, empty queue. `maxRunningPerUser` 0: no limit. */
  open(options: { concurrency: number; maxRunningPerUser: number }): Promise<JobQueue>;
  /** Its jobs may begin in other processes. */
  shared?: true;
  /** Resolves when the queue has done all that it can do now. */
  settle(queue: JobQueue): Promise<void>;
  /** Gives back what `open` needed; the queue has been stopped. */
  close?(queue: JobQueue): Promise<void>;
  /** How many jobs, and how many sequences of steps, are tried where many are (default: 20,000 and 60). */
  many?: { jobs: number; runs: number };
}

/** The promises of the port, held against a real queue: the spec of each implementation calls this. */
export function describeJobQueue(name: string, harness: QueueHarness): void {
  describe(`${name} as a job queue`, () => {
    let scene: QueueScene;
    const open = async (concurrency = 1, maxRunningPerUser = 0) => {
      const queue = await harness.open({ concurrency, maxRunningPerUser });
      scene = new QueueScene(queue, () => harness.settle(queue));
      return scene;
    };
    const opened = async (concurrency = 1, maxRunningPerUser = 0) => {
      await open(concurrency, maxRunningPerUser);
      scene.start();
      return scene;
    };
    const close = async () => {
      await scene.queue.stop(0, () => REASON);
      await harness.close?.(scene.queue);
    };
    afterEach(close);
    const { jobs, runs } = harness.many ?? { jobs: 20_000, runs: 60 };

    describeTurns(open, opened, jobs);
    if (harness.shared) describeSharing(opened);
    else describeReserving(opened);
    describePlaces(opened);
    describeWaiting(opened);
    describeRoom(opened);
    describeStop(opened);
    describeAnyOrder(opened, close, runs);
  });
}

function describeTurns(open: Opener, opened: Opener, many: number): void {
  it('hands out what was added, in order, as places become free', async () => {
    const scene = await opened(2);
    await scene.queue.add([1, 2, 3, 4].map((number) => newJob(number)));
    await scene.settle();
    expect(scene.begun).toEqual([1, 2]);
    expect(await scene.counts()).toEqual([2, 2]);
    await scene.end(2);
    await scene.end(1);
    expect(scene.begun).toEqual([1, 2, 3, 4]);
    expect([scene.most, ...(await scene.counts())]).toEqual([2, 2, 0]);
  });

  it('keeps what comes before it is started', async () => {
    const scene = await open();
    await scene.queue.add([newJob(1)]);
    expect(await scene.counts()).toEqual([0, 1]);
    scene.start();
    await scene.settle();
    expect(scene.begun).toEqual([1]);
  });

  it('goes round by user: many jobs of one do not keep the first one of another', async () => {
    const scene = await opened(2);
    await scene.queue.add(Array.from({ length: 20_000 }, (_none, index) => newJob(index)));
    await scene.settle();
    await scene.queue.add([newJob(100_001, { user: 'john' }), newJob(100_002, { user: 'john' })]);
    // Who has nothing running is next, and has their share from then on.
    await scene.end(0);
    expect(scene.begun).toEqual([0, 1, 100_001]);
    await scene.end(100_001);
    await scene.end(1);
    expect(scene.begun).toContain(100_002);
  });

  it('goes on after a job that throws', async () => {
    const scene = await open();
    const begun: string[] = [];
    scene.queue.start(({ id }) => {
      begun.push(id);
      return Promise.reject(new Error('a defect'));
    });
    await scene.queue.add([newJob(1), newJob(2)]);
    await scene.settle();
    expect(begun).toEqual([idOf(1), idOf(2)]);
  });

  it('ends thousands of short jobs without growing the stack', async () => {
    const scene = await open(4);
    let done = 0;
    scene.queue.start(() => Promise.resolve(void (done += 1)));
    await scene.queue.add(Array.from({ length: many }, (_none, index) => newJob(index)));
    while (done < many) await scene.settle();
    await scene.settle();
    expect(await scene.counts()).toEqual([0, 0]);
  });
}

/** Of a queue whose jobs begin in this process. */
function describeReserving(opened: Opener): void {
  it('gives a place to what need not wait, and counts it', async () => {
    const scene = await opened(2);
    const place = scene.queue.reserve(newJob(1))!;
    const working = place.run(scene.attended(1, 'jane'));
    await scene.queue.add([newJob(2), newJob(3)]);
    await scene.settle();
    expect(scene.begun).toEqual([1, 2]);
    expect(scene.queue.reserve(newJob(4))).toBeNull();
    await scene.end(1);
    await working;
    expect(scene.begun).toEqual([1, 2, 3]);
  });

  it('gives none while somebody waits who could begin, none beyond a limit, and none while it pauses', async () => {
    const scene = await opened(1);
    await scene.queue.add([newJob(1), newJob(2)]);
    await scene.settle();
    expect(scene.queue.reserve(newJob(3, { user: 'john' }))).toBeNull();
    await scene.end(1);
    await scene.end(2);
    scene.queue.pause('the mount is away');
    expect(scene.queue.reserve(newJob(3))).toBeNull();
    scene.queue.resume();
    scene.queue.reserve(newJob(3))!.giveBack();
  });

  it('takes a place back unused', async () => {
    const scene = await opened(1);
    const place = scene.queue.reserve(newJob(1))!;
    await scene.queue.add([newJob(2)]);
    await scene.settle();
    expect(scene.begun).toEqual([]);
    place.giveBack();
    await scene.settle();
    expect(scene.begun).toEqual([2]);
  });

  it('tells also what has a place and has not begun yet', async () => {
    const scene = await opened(1);
    const place = scene.queue.reserve(newJob(1))!;
    expect(scene.queue.abort(idOf(1), REASON)).toBe(true);
    await place.run((signal) => Promise.resolve(expect(signal.reason).toBe(REASON)));
  });
}

/** Of a queue whose jobs begin wherever it may be. */
function describeSharing(opened: Opener): void {
  it('gives nobody a place beforehand: what comes waits for its turn, wherever that is', async () => {
    const scene = await opened(1);
    expect(scene.queue.reserve(newJob(1))).toBeNull();
  });
}

function describePlaces(opened: Opener): void {
  it('passes on what work in a place comes to', async () => {
    const scene = await opened(1);
    const place = async (number: number) => (await scene.queue.attend(newJob(number)))!;
    await expect((await place(1)).run(() => Promise.resolve('done'))).resolves.toBe('done');
    await expect((await place(2)).run(() => Promise.reject(REASON))).rejects.toBe(REASON);
    expect(await scene.counts()).toEqual([0, 0]);
  });

  it('lets attended work run beside the places, but counts it for its user', async () => {
    const scene = await opened(1, 2);
    await scene.queue.add([newJob(1)]);
    await scene.settle();
    const working = (await scene.queue.attend(newJob(2)))!.run(scene.attended(2, 'jane'));
    await scene.settle();
    expect(scene.begun).toEqual([1, 2]);
    expect(scene.queue.runningHere).toEqual([idOf(1), idOf(2)]);
    expect(await scene.queue.attend(newJob(3))).toBeNull();
    (await scene.queue.attend(newJob(4, { user: 'john' })))!.giveBack();
    await scene.end(2);
    await working;
    (await scene.queue.attend(newJob(3)))!.giveBack();
  });

  it('keeps a user within the limit, while others pass', async () => {
    const scene = await opened(3, 1);
    await scene.queue.add([newJob(1), newJob(2), newJob(3, { user: 'john' })]);
    await scene.settle();
    expect(scene.begun).toEqual([1, 3]);
    expect(await scene.queue.waitOf(newJob(2))).toMatchObject({ kind: 'limit', limit: 1, position: 1 });
    await scene.end(1);
    expect(scene.begun).toEqual([1, 3, 2]);
  });

  it('hands out nothing while it pauses, and goes on after that', async () => {
    const scene = await opened(2);
    await scene.queue.add([newJob(1)]);
    await scene.settle();
    scene.queue.pause('the mount is away');
    await scene.queue.add([newJob(2)]);
    await scene.settle();
    expect(scene.begun).toEqual([1]);
    scene.queue.resume();
    await scene.settle();
    expect(scene.begun).toEqual([1, 2]);
  });

  it('hands out jobs also where it holds back, when there is nobody else', async () => {
    const scene = await opened(2);
    scene.queue.pause('the mounts are away');
    await scene.settle();
    await scene.queue.add([newJob(1)]);
    await scene.settle();
    expect(scene.begun).toEqual([]);
    scene.queue.holdBack('one of the mounts is away');
    while (scene.begun.length === 0) await scene.settle();
    scene.queue.resume();
    await scene.queue.add([newJob(2)]);
    await scene.settle();
    expect(scene.begun).toEqual([1, 2]);
  });
}

function describeWaiting(opened: Opener): void {
  it('says why a job waits, and where in the line', async () => {
    const scene = await opened(1);
    await scene.queue.add([1, 2, 3, 4].map((number) => newJob(number)));
    await scene.queue.add([newJob(5, { user: 'john' })]);
    await scene.settle();
    expect(await scene.queue.waitOf(newJob(1))).toBeNull();
    expect(await scene.queue.waitOf(newJob(2))).toEqual({ kind: 'turn', position: expect.any(Number), waiting: 4 });
    const waits = await Promise.all([2, 3, 4].map((number) => scene.queue.waitOf(newJob(number))));
    const positions = waits.map((wait) => (wait as { position: number }).position);
    expect(positions).toEqual([...positions].sort((one, other) => one - other));
    expect(new Set(positions).size).toBe(3);
    expect(await scene.queue.waitOf(newJob(99))).toBeNull();
  });

  it('does not begin a job before its time', async () => {
    const scene = await opened(1);
    const until = new Date(Date.now() + 3_600_000);
    const soon = new Date(Date.now() + 20);
    await scene.queue.add([newJob(1, { notBefore: until }), newJob(2, { notBefore: soon }), newJob(3)]);
    await scene.settle();
    expect(scene.begun[0]).toBe(3);
    expect(await scene.queue.waitOf(newJob(1, { notBefore: until }))).toEqual({ kind: 'delay', until });
    await scene.end(3);
    while (!scene.under.has(2)) await scene.settle();
    expect(Date.now()).toBeGreaterThanOrEqual(soon.getTime());
    expect(scene.begun).toEqual([3, 2]);
  });

  it('takes single jobs out, and whole batches', async () => {
    const scene = await opened(1);
    const later = new Date(Date.now() + 3_600_000);
    await scene.queue.add([newJob(1), newJob(2), newJob(3, { batch: 'b' }), newJob(4, { notBefore: later })]);
    await scene.queue.add(Array.from({ length: 3000 }, (_none, index) => newJob(1000 + index, { batch: 'b' })));
    await scene.queue.add([newJob(5)]);
    await scene.settle();
    expect(await scene.queue.withdraw(newJob(1))).toBe(false);
    expect(await scene.queue.withdraw(newJob(2))).toBe(true);
    expect(await scene.queue.withdraw(newJob(2))).toBe(false);
    expect(await scene.queue.withdraw(newJob(4, { notBefore: later }))).toBe(true);
    expect(await scene.queue.withdrawBatch('b', 'jane')).toBe(3001);
    expect(await scene.queue.withdrawBatch('b', 'jane')).toBe(0);
    expect(await scene.counts()).toEqual([1, 1]);
    await scene.end(1);
    expect(scene.begun).toEqual([1, 5]);
  });
}

function describeRoom(opened: Opener): void {
  it('keeps room for what comes soon, within a limit that counts all that waits', async () => {
    const scene = await opened(1);
    const later = new Date(Date.now() + 3_600_000);
    await scene.queue.add([newJob(1), newJob(2), newJob(3, { notBefore: later })]);
    await scene.settle();
    const keep = (jobs: number, user = 'jane') => scene.queue.keepRoom(user, jobs, 5);
    // The first one has begun.
    expect(await keep(4)).toEqual({ kept: false, waiting: 2 });
    const room = await keep(2);
    expect(room).toMatchObject({ kept: true });
    expect(await keep(2)).toEqual({ kept: false, waiting: 4 });
    expect(await keep(1)).toMatchObject({ kept: true });
    expect(await keep(5, 'john')).toMatchObject({ kept: true });
    if (room.kept) room.leave();
    await scene.settle();
    expect(await keep(3)).toEqual({ kept: false, waiting: 3 });
    expect(await scene.queue.keepRoom('jane', 1000, 0)).toMatchObject({ kept: true });
  });

  it('gives room to as many of those that come at once as there is', async () => {
    const scene = await opened(1);
    const all = await Promise.all(Array.from({ length: 20 }, () => scene.queue.keepRoom('jane', 2, 7)));
    expect(all.filter(({ kept }) => kept)).toHaveLength(3);
  });
}

function describeStop(opened: Opener): void {
  it('asks what runs to end, for a reason, and nothing else', async () => {
    const scene = await opened(2);
    await scene.queue.add([newJob(1), newJob(2), newJob(3)]);
    await scene.settle();
    expect(scene.queue.abort(idOf(3), REASON)).toBe(false);
    expect(scene.queue.abort(idOf(1), REASON)).toBe(true);
    await scene.settle();
    expect(scene.reasons).toEqual([REASON]);
    expect(scene.queue.abort(idOf(1), REASON)).toBe(false);
  });

  it('stops: hands out nothing more, waits for what runs, then asks it to end', async () => {
    const scene = await opened(2);
    await scene.queue.add([newJob(1), newJob(2), newJob(3)]);
    await scene.settle();
    expect(scene.queue.accepting).toBe(true);
    let isStopped = false;
    const stopped = scene.queue.stop(60_000, () => REASON).then(() => (isStopped = true));
    expect(scene.queue.accepting).toBe(false);
    await scene.end(1);
    expect([scene.begun, isStopped]).toEqual([[1, 2], false]);
    await scene.end(2);
    await stopped;
    expect(scene.reasons).toEqual([]);
    expect(() => scene.queue.reserve(newJob(4))).toThrow(expect.objectContaining({ code: 'shutting_down' }));
    for (const refused of [scene.queue.attend(newJob(4)), scene.queue.add([newJob(4)])]) {
      await expect(refused).rejects.toMatchObject({ code: 'shutting_down' });
    }
  });

  it('stops what does not end within the grace, and may be stopped twice', async () => {
    const scene = await opened(2);
    await scene.queue.add([newJob(1)]);
    await scene.settle();
    const both = [scene.queue.stop(0, () => REASON), scene.queue.stop(60_000, () => new Error('another'))];
    await Promise.all(both);
    expect(scene.reasons).toEqual([REASON]);
    expect(scene.under.size).toBe(0);
  });
}
