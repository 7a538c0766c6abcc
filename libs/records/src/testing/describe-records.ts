import { v7 } from 'uuid';
import { AppError } from '@app/core';
import { type Records } from '../create-records';
import { StagingRecord } from '../entities/staging-record.entity';
import { newOperationId } from '../operations/operation-id';
import { RecordsSuite } from './records-suite';
import { success, testFile, testRecord } from './test-records';

/** The tests that records must pass on either database. `open` gives records on a database that is empty. */
export function describeRecords(open: () => Promise<Records>): void {
  const suite = new RecordsSuite(open);
  const { add, ids } = suite;
  let records: Records;
  beforeAll(async () => (records = await suite.open()));

  it('has exactly the tables that its entities describe', async () => {
    const { upQueries } = await records.database.dataSource.driver.createSchemaBuilder().log();

    expect(upQueries.map(({ query }) => query)).toEqual([]);
  });

  it('answers to a health check', async () => {
    await expect(records.health.check()).resolves.toBeUndefined();
    expect(records.health.kind).toBe(records.database.kind);
  });

  describe('one record', () => {
    it('comes back as it was written, whatever the text and however large the numbers', async () => {
      const moment = new Date('2026-03-29T01:30:00.123Z'); // an hour that local clocks lack
      const full = testRecord({
        requestedBy: 'https://issuer/ö',
        storage: 'tape',
        localPathOnStorage: `/a 'b" \\ \`c\`;--\n${'😀'.repeat(1000)}`,
        relativePath: 'a%FF/b?',
        nameEncoding: 'percent',
        stagedPath: '/home/ana/ü',
        kind: 'directory',
        outcome: 'already_present',
        errorCode: 'internal_error',
        errorReason: 'x'.repeat(60_000),
        retryable: false,
        warning: '',
        filesTotal: Number.MAX_SAFE_INTEGER,
        filesDone: 0,
        bytesTotal: 2 ** 52,
        bytesDone: 2 ** 40 + 1,
        checksumAlgorithm: 'sha256',
        checksumValue: 'f'.repeat(128),
        link: 'symbolic',
        matchesSource: true,
        attempts: 3,
        label: 'ł'.repeat(200),
        batchId: newOperationId(),
        server: 'gpu',
        startedAt: moment,
        finishedAt: moment,
        releasedAt: moment,
        expiresAt: moment,
        owner: 'o'.repeat(255),
      });
      await records.operations.insert(full);

      const found = await records.operations.find(full.id);
      expect(found).toBeInstanceOf(StagingRecord);
      expect(found).toEqual({ ...full, heartbeatAt: expect.any(Date) as Date });
    });

    it('is complete although it was made of little', async () => {
      const record = await add({ heartbeatAt: null, startedAt: null });

      expect(await records.operations.find(record.id)).toEqual(record);
      expect(record).toMatchObject({ attempts: 1, label: null, finishedAt: null, owner: null });
    });

    it('beats by the clock of the database', async () => {
      const before = await records.database.now();
      const record = await add({ heartbeatAt: new Date(0) });
      const beat = (await records.operations.find(record.id))!.heartbeatAt!;
      expect(beat.getTime()).toBeGreaterThanOrEqual(before.getTime());

      await records.operations.confirmRunning(record.id);
      expect((await records.operations.find(record.id))!.heartbeatAt!.getTime()).toBeGreaterThanOrEqual(beat.getTime());
    });

    it('is null when there is none', async () => {
      expect(await records.operations.find(newOperationId())).toBeNull();
      expect(await records.operations.find("' OR 1=1 -- ")).toBeNull();
    });

    it('cannot be written twice, which is a defect of the caller', async () => {
      const record = await add();

      const again = records.operations.insert(record);
      await expect(again).rejects.toThrow();
      await expect(again).rejects.not.toBeInstanceOf(AppError);
      expect(records.deferred.pending).toBe(0);
    });

    it('refuses text that is too long for the server, as a defect of the caller, rather than cutting it', async () => {
      if (records.database.kind === 'sqlite') return; // it has no limits
      const long = records.operations.insert(testRecord({ username: 'x'.repeat(65) }));

      await expect(long).rejects.not.toBeInstanceOf(AppError);
      await expect(long).rejects.toThrow();
    });
  });

  describe('settling', () => {
    it('ends an operation and adds its manifest, once', async () => {
      const { id } = await add();

      expect(await records.operations.settle(id, success({ filesDone: 1 }), [testFile(id)])).toBe(true);
      expect(await records.operations.find(id)).toMatchObject({ status: 'success', outcome: 'staged', filesDone: 1 });
      const failure = { status: 'failure' as const, errorCode: 'internal_error', finishedAt: new Date() };
      expect(await records.operations.settle(id, failure, [testFile(id)])).toBe(false);
      expect(await records.operations.settle(id, failure)).toBe(false);

      expect(await records.operations.find(id)).toMatchObject({ status: 'success', errorCode: null });
      expect((await records.manifest.page(id, { limit: 10 })).items).toHaveLength(1);
    });

    it('settles what is queued, and nothing that is not there', async () => {
      const { id } = await add({ status: 'queued' });

      expect(await records.operations.settle(id, { status: 'cancelled', finishedAt: new Date() })).toBe(true);
      expect(await records.operations.settle(newOperationId(), success())).toBe(false);
    });

    it('leaves no manifest of what failed, since none of it is there', async () => {
      const [failed, other] = [await add(), await add()];
      await records.manifest.add([testFile(failed.id), testFile(failed.id), testFile(other.id)]);
      const failure = { status: 'failure' as const, errorCode: 'internal_error', finishedAt: new Date() };
      expect(await records.operations.settle(failed.id, failure)).toBe(true);

      expect((await records.manifest.page(failed.id, { limit: 10 })).items).toEqual([]);
      expect((await records.manifest.page(other.id, { limit: 10 })).items).toHaveLength(1);
    });

    it('does both or neither', async () => {
      const { id } = await add();
      const bad = { ...testFile(id), path: null as unknown as string };

      await expect(records.operations.settle(id, success(), [testFile(id), bad])).rejects.toThrow(/null/i);

      expect(await records.operations.find(id)).toMatchObject({ status: 'running' });
      expect((await records.manifest.page(id, { limit: 10 })).items).toEqual([]);
      expect(await records.operations.settle(id, success())).toBe(true);
    });

    it('keeps many settlements at once apart', async () => {
      const running = await Promise.all(Array.from({ length: 60 }, () => add()));
      const bad = (id: string) => ({ ...testFile(id), path: null as unknown as string });

      const ends = await Promise.allSettled(
        running.map(({ id }, at) => records.operations.settle(id, success(), [at % 2 ? bad(id) : testFile(id)])),
      );

      expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(30);
      expect(await ids({ status: 'running' })).toHaveLength(30);
      expect(await ids({ status: 'success' })).toHaveLength(30);
    });

    it('leaves an ended operation alone when progress comes late', async () => {
      const { id } = await add();
      await records.operations.update(id, { bytesDone: 7 });
      await records.operations.settle(id, success({ bytesDone: 9 }));
      const ended = await records.operations.find(id);

      await records.operations.update(id, { bytesDone: 8 });

      expect(ended).toMatchObject({ bytesDone: 9 });
      expect(await records.operations.find(id)).toEqual(ended);
    });

    it('changes what ended well, and nothing else', async () => {
      const expiresAt = new Date('2026-02-01T12:00:00.123Z');
      const { id } = await add();
      const { id: other } = await add();
      await records.operations.settle(other, success());
      expect(await records.operations.changeSuccess(id, { expiresAt })).toBe(false);
      await records.operations.settle(id, success());
      expect(await records.operations.changeSuccess(id, { expiresAt })).toBe(true);
      // Also where nothing is another value than before.
      expect(await records.operations.changeSuccess(id, { expiresAt })).toBe(true);
      expect(await records.operations.changeSuccess(id, { status: 'cancelled' })).toBe(true);
      expect(await records.operations.changeSuccess(id, { status: 'success' })).toBe(false);

      expect(await records.operations.find(id)).toMatchObject({ status: 'cancelled', expiresAt });
      expect(await records.operations.find(other)).toMatchObject({ status: 'success', expiresAt: null });
    });

    it('confirms what runs, and tells when somebody else has ended it', async () => {
      const { id } = await add();
      await expect(records.operations.confirmRunning(id)).resolves.toBeUndefined();
      await records.operations.settle(id, { status: 'cancelled', finishedAt: new Date() });

      await expect(records.operations.confirmRunning(id)).rejects.toMatchObject({ code: 'already_ended' });
    });
  });

  describe('deferred settlements', () => {
    const ended = (record: StagingRecord, values: Partial<StagingRecord> = {}) =>
      Object.assign(new StagingRecord(), record, success({ filesDone: 1 }), values);

    it('write a record that the database never got', async () => {
      const record = ended(testRecord());
      records.deferred.settleLater(record, [testFile(record.id)]);
      await records.deferred.flush();

      expect(records.deferred.pending).toBe(0);
      expect(await records.operations.find(record.id)).toEqual(record);
      expect((await records.manifest.page(record.id, { limit: 10 })).items).toHaveLength(1);
    });

    it('win over a record that runs, and make a late INSERT of it fail', async () => {
      const record = await add();
      records.deferred.settleLater(ended(record), [testFile(record.id)]);
      await records.deferred.flush();

      await expect(records.operations.insert(record)).rejects.toThrow();
      expect(await records.operations.find(record.id)).toMatchObject({ status: 'success', filesDone: 1 });
      expect((await records.manifest.page(record.id, { limit: 10 })).items).toHaveLength(1);
    });

    it('leave no manifest of what failed', async () => {
      const record = await add();
      await records.manifest.add([testFile(record.id)]);
      records.deferred.settleLater(ended(record, { status: 'failure', outcome: null }));
      await records.deferred.flush();

      expect(await records.operations.find(record.id)).toMatchObject({ status: 'failure' });
      expect((await records.manifest.page(record.id, { limit: 10 })).items).toEqual([]);
    });

    it('yield to an end that is there, with its manifest', async () => {
      const record = await add();
      await records.operations.settle(record.id, success({ filesDone: 5 }), [testFile(record.id)]);
      records.deferred.settleLater(ended(record), [testFile(record.id)]);
      await records.deferred.flush();

      expect(records.deferred.pending).toBe(0);
      expect(await records.operations.find(record.id)).toMatchObject({ filesDone: 5 });
      expect((await records.manifest.page(record.id, { limit: 10 })).items).toHaveLength(1);
    });
  });

  it('sorts ids as they were made', async () => {
    const made = Array.from({ length: 50 }, (_, at) => v7({ msecs: 1_764_000_000_000 + Math.floor(at / 10), seq: at }));
    for (const id of [...made].reverse()) await add({ id });

    expect(await ids({})).toEqual([...made].reverse());
  });
}
