import { type JobQueue } from '../contract/job-queue';
import { describeAnyOrder } from './describe-any-order';
import { idOf, newJob, type Opener, QueueScene, REASON } from './queue-scene';

/** How a queue under test is had. */
export interface QueueHarness {
  /** A new, empty queue. `maxRunningPerUser` 0: no limit. */
  open(options: { concurrency: number; maxRunningPerUser: number }): Promise<JobQueue>;
  /** Gives back what `open` needed; the queue has been stopped. */
  close?(queue: JobQueue): Promise<void>;
}

/** The promises of the port, held against a real queue: the spec of each implementation calls this. */
export function describeJobQueue(name: string, harness: QueueHarness): void {
  describe(`${name} as a job queue`, () => {
    let scene: QueueScene;
    const open = async (concurrency = 1, maxRunningPerUser = 0) => {
      scene = new QueueScene(await harness.open({ concurrency, maxRunningPerUser }));
      return scene;
    };
    const opened = async (concurrency = 1, maxRunningPerUser = 0) => {
      await open(concurrency, maxRunningPerUser);
      scene.start();
      return scene;
    };
    afterEach(async () => {
      await scene.queue.stop(0, () => REASON);
      await harness.close?.(scene.queue);
    });

    describeTurns(open, opened);
    describePlaces(opened);
    describeWaiting(opened);
    describeStop(opened);
    describeAnyOrder(opened);
  });
}

function describeTurns(open: Opener, opened: Opener): void {
  it('hands out what was added, in order, as places become free', async () => {
    const scene = await opened(2);
    await scene.queue.add([1, 2, 3, 4].map((number) => newJob(number)));
    await scene.settle();
    expect(scene.begun).toEqual([1, 2]);
    expect([scene.queue.running, scene.queue.waiting]).toEqual([2, 2]);
    await scene.end(2);
    await scene.end(1);
    expect(scene.begun).toEqual([1, 2, 3, 4]);
    expect([scene.most, scene.queue.waiting]).toEqual([2, 0]);
  });

  it('keeps what comes before it is started', async () => {
    const scene = await open();
    await scene.queue.add([newJob(1)]);
    expect(scene.queue.waiting).toBe(1);
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
    await scene.queue.add(Array.from({ length: 20_000 }, (_none, index) => newJob(index)));
    while (done < 20_000) await scene.settle();
    expect([scene.queue.running, scene.queue.waiting]).toEqual([0, 0]);
  });
}

function describePlaces(opened: Opener): void {
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

  it('gives none while somebody waits who could begin', async () => {
    const scene = await opened(1);
    await scene.queue.add([newJob(1), newJob(2)]);
    await scene.settle();
    expect(scene.queue.reserve(newJob(3, { user: 'john' }))).toBeNull();
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

  it('passes on what work in a place comes to', async () => {
    const scene = await opened(1);
    await expect(scene.queue.reserve(newJob(1))!.run(() => Promise.resolve('done'))).resolves.toBe('done');
    await expect(scene.queue.reserve(newJob(2))!.run(() => Promise.reject(REASON))).rejects.toBe(REASON);
    expect(scene.queue.running).toBe(0);
  });

  it('lets attended work run beside the places, but counts it for its user', async () => {
    const scene = await opened(1, 2);
    await scene.queue.add([newJob(1)]);
    await scene.settle();
    const working = scene.queue.attend(newJob(2))!.run(scene.attended(2, 'jane'));
    await scene.settle();
    expect(scene.begun).toEqual([1, 2]);
    expect(scene.queue.attend(newJob(3))).toBeNull();
    scene.queue.attend(newJob(4, { user: 'john' }))!.giveBack();
    await scene.end(2);
    await working;
  });

  it('keeps a user within the limit, while others pass', async () => {
    const scene = await opened(3, 1);
    await scene.queue.add([newJob(1), newJob(2), newJob(3, { user: 'john' })]);
    await scene.settle();
    expect(scene.begun).toEqual([1, 3]);
    expect(scene.queue.reserve(newJob(4))).toBeNull();
    expect(scene.queue.waitOf(idOf(2))).toMatchObject({ kind: 'limit', limit: 1, position: 1 });
    await scene.end(1);
    expect(scene.begun).toEqual([1, 3, 2]);
  });
}

function describeWaiting(opened: Opener): void {
  it('says why a job waits, and where in the line', async () => {
    const scene = await opened(1);
    await scene.queue.add([1, 2, 3, 4].map((number) => newJob(number)));
    await scene.queue.add([newJob(5, { user: 'john' })]);
    await scene.settle();
    expect(scene.queue.waitOf(idOf(1))).toBeNull();
    expect(scene.queue.waitOf(idOf(2))).toEqual({ kind: 'turn', position: expect.any(Number), waiting: 4 });
    const positions = [2, 3, 4].map((number) => (scene.queue.waitOf(idOf(number)) as { position: number }).position);
    expect(positions).toEqual([...positions].sort((one, other) => one - other));
    expect(new Set(positions).size).toBe(3);
    expect(scene.queue.waitOf(idOf(99))).toBeNull();
    expect([scene.queue.waitingOf('jane'), scene.queue.waitingOf('john'), scene.queue.waitingOf('bob')]).toEqual([
      3, 1, 0,
    ]);
  });

  it('does not begin a job before its time', async () => {
    const scene = await opened(1);
    const until = new Date(Date.now() + 3_600_000);
    const soon = new Date(Date.now() + 20);
    await scene.queue.add([newJob(1, { notBefore: until }), newJob(2, { notBefore: soon }), newJob(3)]);
    await scene.settle();
    expect(scene.begun[0]).toBe(3);
    expect(scene.queue.waitOf(idOf(1))).toEqual({ kind: 'delay', until });
    expect(scene.queue.waitingOf('jane')).toBeGreaterThanOrEqual(1);
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
    expect(await scene.queue.withdraw(idOf(1))).toBe(false);
    expect(await scene.queue.withdraw(idOf(2))).toBe(true);
    expect(await scene.queue.withdraw(idOf(2))).toBe(false);
    expect(await scene.queue.withdraw(idOf(4))).toBe(true);
    expect(await scene.queue.withdrawBatch('b')).toBe(3001);
    expect(await scene.queue.withdrawBatch('b')).toBe(0);
    expect(scene.queue.waiting).toBe(1);
    await scene.end(1);
    expect(scene.begun).toEqual([1, 5]);
  });
}

function describeStop(opened: Opener): void {
  it('asks what runs to end, for a reason, and nothing else', async () => {
    const scene = await opened(2);
    await scene.queue.add([newJob(1), newJob(2), newJob(3)]);
    await scene.settle();
    expect(await scene.queue.abort(idOf(3), REASON)).toBe(false);
    expect(await scene.queue.abort(idOf(1), REASON)).toBe(true);
    await scene.settle();
    expect(scene.reasons).toEqual([REASON]);
    expect(await scene.queue.abort(idOf(1), REASON)).toBe(false);
  });

  it('tells also what has a place and has not begun yet', async () => {
    const scene = await opened(1);
    const place = scene.queue.reserve(newJob(1))!;
    expect(await scene.queue.abort(idOf(1), REASON)).toBe(true);
    await place.run((signal) => Promise.resolve(expect(signal.reason).toBe(REASON)));
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
    for (const refused of [() => scene.queue.reserve(newJob(4)), () => scene.queue.attend(newJob(4))]) {
      expect(refused).toThrow(expect.objectContaining({ code: 'shutting_down' }));
    }
    await expect(scene.queue.add([newJob(4)])).rejects.toMatchObject({ code: 'shutting_down' });
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
