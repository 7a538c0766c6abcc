import { type Records } from '../create-records';
import { type AttemptEntry } from '../entities/attempt-entry';
import { StagingBatch } from '../entities/staging-batch.entity';
import { type StagingRecord } from '../entities/staging-record.entity';
import { newOperationId } from '../operations/operation-id';
import { IdempotencyRepository } from '../idempotency/idempotency.repository';
import { Processes } from '../processes/processes';
import { success, testFile, testRecord } from './test-records';

const DAY_MS = 86_400_000;

/** A new batch; details may be overridden. */
function testBatch(values: Partial<StagingBatch> = {}): StagingBatch {
  const base = { id: newOperationId(), method: 'local_copy', username: 'ana', items: 3, createdAt: new Date() };
  return Object.assign(new StagingBatch(), { ...base, owner: 'me', ...values });
}

/** What operations in the background need of the records, on any database. */
export function describeBackground(open: () => Promise<Records>): void {
  let records: Records;
  beforeAll(async () => {
    records = await open();
  });

  const add = async (values: Partial<StagingRecord> = {}) => {
    const record = testRecord(values);
    await records.operations.insert(record);
    return record;
  };
  const find = (id: string) => records.operations.find(id);

  describe('an operation in the background', () => {
    it('is read back with all that it needs to be done again', async () => {
      const entry: AttemptEntry = {
        attempt: 1,
        status: 'failure',
        errorCode: 'storage_unavailable',
        errorReason: 'It is "away" – again.',
        startedAt: new Date(1).toISOString(),
        endedAt: new Date(2).toISOString(),
      };
      const more = { ifExists: 'fail', expectedAlgorithm: 'md5', expectedChecksum: 'ab', background: true } as const;
      const record = await add({
        ...more,
        notBefore: new Date(1_800_000_000_123),
        history: [entry],
        status: 'queued',
        heartbeatAt: null,
      });
      expect(await find(record.id)).toEqual(record);
    });

    it('changes its status when it has the one that it must have', async () => {
      const { id } = await add({ status: 'queued' });
      const begun = { status: 'running', startedAt: new Date(5) } as const;
      expect(await records.operations.transition(id, ['queued'], begun)).toBe(true);
      expect(await records.operations.transition(id, ['queued'], { label: 'late' })).toBe(false);
      expect(await records.operations.transition(newOperationId(), ['queued'], begun)).toBe(false);
      expect(await find(id)).toMatchObject({ ...begun, label: null });
    });

    it('is taken by one of several that want it', async () => {
      const { id } = await add({ status: 'queued' });
      const wins = await Promise.all(
        Array.from({ length: 8 }, (_none, index) =>
          records.operations.transition(id, ['queued'], { status: 'running', label: `${index}` }),
        ),
      );
      expect(wins.filter(Boolean)).toHaveLength(1);
      expect((await find(id))!.label).toBe(`${wins.indexOf(true)}`);
    });

    it('changes together with others, those that can', async () => {
      const made = [
        await add({ status: 'failure' }),
        await add({ status: 'success' }),
        await add({ status: 'cancelled' }),
      ];
      const changes = made.map(({ id }, index) => ({
        id,
        from: ['failure', 'cancelled'] as const,
        values: { status: 'queued' as const, attempts: index + 2 },
      }));
      expect(await records.operations.transitionAll(changes)).toEqual([made[0]!.id, made[2]!.id]);
      expect((await find(made[2]!.id))!.attempts).toBe(4);
      expect((await find(made[1]!.id))!.status).toBe('success');
    });

    it('is not ended by what an earlier attempt comes to late', async () => {
      const record = await add({ attempts: 1 });
      await records.operations.transition(record.id, ['running'], { status: 'queued', attempts: 2 });
      records.deferred.settleLater({
        ...record,
        status: 'failure',
        errorCode: 'internal_error',
        finishedAt: new Date(),
      });
      await records.deferred.flush();
      expect(await find(record.id)).toMatchObject({ status: 'queued', attempts: 2, errorCode: null });
    });
  });

  describe('a batch', () => {
    it('is found, accepted, and told apart from others', async () => {
      const batch = testBatch();
      await records.batches.insert(batch);
      expect(await records.batches.find(batch.id)).toEqual(batch);
      expect((await records.batches.unacceptedOf('me')).map(({ id }) => id)).toContain(batch.id);
      await records.batches.accept(batch.id, new Date(5));
      expect(await records.batches.find(batch.id)).toMatchObject({ acceptedAt: new Date(5) });
      expect((await records.batches.unacceptedOf('me')).map(({ id }) => id)).not.toContain(batch.id);
      expect(await records.batches.find(newOperationId())).toBeNull();
    });

    it('is listed once it is accepted, newest first, by user and by who asked', async () => {
      const [username, requestedBy] = ['of-batches', 'https://iam#1'];
      const batches = Array.from({ length: 4 }, () => Object.assign(testBatch(), { username }));
      batches[1]!.requestedBy = requestedBy;
      for (const batch of batches) await records.batches.insert(batch);
      for (const { id } of batches.slice(0, 3)) await records.batches.accept(id, new Date());
      const ids = ({ items }: { items: { id: string }[] }) => items.map(({ id }) => id);
      const expected = batches
        .slice(0, 3)
        .map(({ id }) => id)
        .reverse();
      const first = await records.batches.page({ username }, 2);
      expect(ids(first)).toEqual(expected.slice(0, 2));
      const second = await records.batches.page({ username }, 2, first.nextCursor!);
      expect([ids(second), second.nextCursor]).toEqual([expected.slice(2), null]);
      expect(ids(await records.batches.page({ requestedBy }, 5))).toEqual([batches[1]!.id]);
      await expect(records.batches.page({}, 5, 'x')).rejects.toMatchObject({ code: 'validation_failed' });
    });

    it('counts its operations by status, and ends with the last of them', async () => {
      const batchId = newOperationId();
      const ended = { batchId, bytesTotal: 10, bytesDone: 10 } as const;
      await add({ ...ended, status: 'success', finishedAt: new Date(1_700_000_001_234) });
      await add({ ...ended, status: 'failure', bytesDone: null, finishedAt: new Date(1_700_000_005_678) });
      const { id } = await add({ ...ended, status: 'running', bytesDone: 4 });
      await add({ status: 'queued', batchId: newOperationId() });
      const sums = { bytesTotal: 30, bytesDone: 14 };
      const counts = { queued: 0, running: 1, success: 1, failure: 1, cancelled: 0 };
      expect(await records.batches.countsOf(batchId)).toEqual({ counts, ...sums, finishedAt: null });
      await records.operations.settle(id, { status: 'cancelled', finishedAt: new Date(1_700_000_003_000) });
      expect(await records.batches.countsOf(batchId)).toMatchObject({
        counts: { running: 0, cancelled: 1 },
        finishedAt: new Date(1_700_000_005_678),
      });
    });

    it('cancels what waits, and nothing else', async () => {
      const batchId = newOperationId();
      const waiting = Array.from({ length: 1100 }, () => testRecord({ batchId, status: 'queued' }));
      await records.operations.insertAll(waiting);
      const running = await add({ batchId });
      const other = await add({ status: 'queued' });
      const end = { status: 'cancelled', finishedAt: new Date() } as const;
      expect(await records.batches.cancelQueued(batchId, end)).toBe(1100);
      expect(await records.batches.cancelQueued(batchId, end)).toBe(0);
      expect((await records.batches.countsOf(batchId)).counts).toMatchObject({ cancelled: 1100, running: 1 });
      expect([(await find(running.id))!.status, (await find(other.id))!.status]).toEqual(['running', 'queued']);
    });

    it('walks through its operations of one status, also while they change', async () => {
      const batchId = newOperationId();
      const made = Array.from({ length: 1100 }, () => testRecord({ batchId, status: 'failure' }));
      await records.operations.insertAll(made);
      const found: string[] = [];
      for await (const part of records.operations.eachOf(batchId, 'failure')) {
        found.push(...part.map(({ id }) => id));
        const changes = part.map(({ id }) => ({
          id,
          from: ['failure'] as const,
          values: { status: 'queued' as const },
        }));
        await records.operations.transitionAll(changes);
      }
      expect(found).toEqual(made.map(({ id }) => id));
    });

    it('that was not accepted is discarded with all that it has', async () => {
      const batch = testBatch();
      await records.batches.insert(batch);
      const made = Array.from({ length: 700 }, () => testRecord({ batchId: batch.id, status: 'queued' }));
      await records.operations.insertAll(made);
      const other = await add({ status: 'queued' });
      await records.batches.discard(batch.id);
      await records.batches.discard(batch.id);
      expect(await records.batches.find(batch.id)).toBeNull();
      expect((await records.operations.page({ batchId: batch.id }, 1)).items).toEqual([]);
      expect(await find(other.id)).not.toBeNull();
    });

    it('goes when its records have gone', async () => {
      const old = new Date(Date.now() - 9 * DAY_MS);
      const [empty, full] = [testBatch({ createdAt: old }), testBatch({ createdAt: old })];
      for (const batch of [empty, full]) {
        await records.batches.insert(batch);
        await records.batches.accept(batch.id, old);
      }
      await add({ batchId: full.id });
      await records.batches.deleteEmptyBefore(new Date(Date.now() - DAY_MS));
      expect(await records.batches.find(empty.id)).toBeNull();
      expect(await records.batches.find(full.id)).not.toBeNull();
    });
  });

  describe('an attempt', () => {
    const late = { attempts: 1 };

    it('changes nothing any more once another one has begun', async () => {
      const { id } = await add({ status: 'running', attempts: 2 });
      const first = { id, ...late };
      await expect(records.operations.confirmRunning(first)).rejects.toMatchObject({ code: 'already_ended' });
      await expect(records.manifest.addOf(first, [testFile(id)])).rejects.toMatchObject({ code: 'already_ended' });
      await records.manifest.addOf({ id, attempts: 2 }, [testFile(id)]);
      await expect(records.manifest.restart(first)).rejects.toMatchObject({ code: 'already_ended' });
      await records.operations.update(first, { bytesDone: 7 });
      expect(await records.operations.transition(first, ['running'], { status: 'queued' })).toBe(false);
      expect(await records.operations.settle(first, success(), [testFile(id)])).toBe(false);
      expect(await records.operations.settle(first, { status: 'failure', finishedAt: new Date() })).toBe(false);
      expect(await records.operations.find(id)).toMatchObject({ status: 'running', bytesDone: null });
      expect((await records.manifest.page(id, { limit: 10 })).items).toHaveLength(1);
    });

    it('is the present one: it writes its manifest, begins it anew and ends', async () => {
      const { id } = await add({ status: 'running', attempts: 2 });
      const present = { id, attempts: 2 };
      await records.manifest.addOf(
        present,
        Array.from({ length: 450 }, () => testFile(id)),
      );
      await records.manifest.restart(present);
      await records.manifest.addOf(present, [testFile(id, { path: 'anew' })]);
      await records.operations.confirmRunning(present);
      expect(await records.operations.settle(present, success())).toBe(true);
      expect((await records.manifest.page(id, { limit: 10 })).items).toMatchObject([{ path: 'anew' }]);
      await expect(records.manifest.addOf(present, [testFile(id)])).rejects.toMatchObject({ code: 'already_ended' });
    });

    it('is asked to end by a mark in its record, while it runs', async () => {
      const [running, waiting] = [await add({ status: 'running' }), await add({ status: 'queued' })];
      await records.operations.requestCancel([running.id, waiting.id]);
      const standing = await records.operations.standingOf([running.id, waiting.id, newOperationId()]);
      expect(standing).toHaveLength(2);
      expect(standing.find(({ id }) => id === running.id)!.cancelRequestedAt).toBeInstanceOf(Date);
      expect(standing.find(({ id }) => id === waiting.id)!.cancelRequestedAt).toBeNull();
      expect(await records.operations.endedOf([running.id, waiting.id])).toEqual([]);
      await records.operations.settle(running.id, success());
      expect(await records.operations.endedOf([running.id, waiting.id])).toMatchObject([{ id: running.id }]);
    });

    it('that waits is found, and counted', async () => {
      const before = await records.operations.countQueued();
      const made = [await add({ status: 'queued' }), await add({ status: 'queued' }), await add({ status: 'running' })];
      expect(await records.operations.countQueued()).toBe(before + 2);
      const found = [];
      for await (const part of records.operations.eachQueued()) found.push(...part.map(({ id }) => id));
      expect(found).toEqual(expect.arrayContaining(made.slice(0, 2).map(({ id }) => id)));
      expect(found).not.toContain(made[2]!.id);
    });
  });

  describe('an idempotency key', () => {
    const request = (values = {}) => ({ key: newOperationId(), payload: 'p', subject: newOperationId(), ...values });

    it('belongs to the first request, until it is freed', async () => {
      const first = request();
      expect(await records.idempotency.claim(first)).toEqual({ type: 'new' });
      const repeat = { ...first, subject: newOperationId() };
      expect(await records.idempotency.claim(repeat)).toEqual({ type: 'in_progress' });
      expect(await records.idempotency.claim({ ...repeat, payload: 'q' })).toEqual({ type: 'reused' });
      await records.idempotency.answered(first.key, first.subject);
      expect(await records.idempotency.claim(repeat)).toEqual({ type: 'repeat', subject: first.subject });
      await records.idempotency.free(first.key, newOperationId());
      expect(await records.idempotency.claim(repeat)).toEqual({ type: 'repeat', subject: first.subject });
      await records.idempotency.free(first.key, first.subject);
      expect(await records.idempotency.claim(repeat)).toEqual({ type: 'new' });
    });

    it('belongs to one of several that come at once', async () => {
      const key = newOperationId();
      const claims = await Promise.all(Array.from({ length: 6 }, () => records.idempotency.claim(request({ key }))));
      expect(claims.map(({ type }) => type).sort()).toEqual([...Array<string>(5).fill('in_progress'), 'new']);
    });

    it('that a dead process left unanswered tells what was to be made', async () => {
      const dead = { name: `dead-${newOperationId()}`, isDead: () => false } as unknown as Records['identity'];
      const processes = new Processes(records.database, dead);
      await processes.register();
      const first = request();
      await new IdempotencyRepository(records.database, dead, processes).claim(first);
      const repeat = { ...first, subject: 'other' };
      expect(await records.idempotency.claim(repeat)).toEqual({ type: 'in_progress' });
      // Whoever went on with what it left has removed it, wherever it ran.
      await records.processes.forget(dead.name);
      expect(await records.idempotency.claim(repeat)).toEqual({ type: 'repeat', subject: first.subject });
    });

    it('that a process of this host left which is surely dead tells so at once', async () => {
      const name = records.identity.name.replace(/\d+$/, '1');
      const dead = Object.assign(Object.create(records.identity) as Records['identity'], { name });
      const first = request();
      await new IdempotencyRepository(records.database, dead, records.processes).claim(first);
      const repeat = { ...first, subject: 'other' };
      expect(await records.idempotency.claim(repeat)).toEqual({ type: 'repeat', subject: first.subject });
    });

    it('counts for a day', async () => {
      const first = request();
      const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.now());
      await records.idempotency.claim(first);
      await records.idempotency.answered(first.key, first.subject);
      clock.mockReturnValue(Date.now() + DAY_MS + 60_000);
      expect(await records.idempotency.claim({ ...first, payload: 'q' })).toEqual({ type: 'new' });
      clock.mockRestore();
      await records.idempotency.deleteBefore(new Date(Date.now() + DAY_MS));
      expect(await records.idempotency.claim(first)).toEqual({ type: 'new' });
    });
  });

  describe('the list of releases', () => {
    it('has each operation once, by process', async () => {
      const [one, two] = [newOperationId(), newOperationId()];
      expect(await records.releases.add(one)).toBe(true);
      expect(await records.releases.add(two)).toBe(true);
      expect(await records.releases.add(one)).toBe(false);
      expect(await records.releases.of(records.identity.name)).toEqual([one, two]);
      await records.releases.remove(one);
      await records.releases.remove(one);
      expect(await records.releases.of(records.identity.name)).toEqual([two]);
      await records.releases.takeOver('nobody');
      expect(await records.releases.of('nobody')).toEqual([]);
    });
  });

  it('manifests stay with the record that is tried again', async () => {
    const { id } = await add();
    await records.manifest.add([testFile(id)]);
    await records.operations.transition(id, ['running'], { status: 'queued', attempts: 2 });
    await records.operations.transition(id, ['queued'], { status: 'running' });
    await records.operations.settle(id, success(), [testFile(id, { path: 'second' })]);
    expect((await records.manifest.page(id, { limit: 10 })).items).toHaveLength(2);
  });
}
