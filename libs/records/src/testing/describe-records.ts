import { v7 } from 'uuid';
import { AppError } from '@app/core';
import { type Records } from '../create-records';
import { StagingFile } from '../entities/staging-file.entity';
import { type OperationStatus, StagingRecord } from '../entities/staging-record.entity';
import { newOperationId } from '../operations/operation-id';
import { type OperationFilter } from '../operations/record-statements';
import { success, testFile, testRecord } from './test-records';

/** The tests that records must pass on either database. `open` gives records on a database that is empty. */
export function describeRecords(open: () => Promise<Records>): void {
  let records: Records;

  beforeAll(async () => {
    records = await open();
  });

  afterEach(async () => {
    for (const entity of [StagingRecord, StagingFile]) await records.database.dataSource.getRepository(entity).clear();
  });

  afterAll(() => records.close());

  const add = async (values: Partial<StagingRecord> = {}) => {
    const record = testRecord(values);
    await records.operations.insert(record);
    return record;
  };
  const ids = async (filter: OperationFilter, limit = 100) =>
    (await records.operations.page(filter, limit)).items.map((record) => record.id);

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

  describe('the list', () => {
    it('is newest first and comes in parts, each once, also while others are added', async () => {
      const made: string[] = [];
      for (let at = 0; at < 7; at += 1) made.unshift((await add()).id);

      const first = await records.operations.page({}, 3);
      await add();
      const second = await records.operations.page({}, 3, first.nextCursor!);
      const third = await records.operations.page({}, 3, second.nextCursor!);

      const listed = [first, second, third].flatMap((page) => page.items.map((record) => record.id));
      expect(listed).toEqual(made);
      expect(third.nextCursor).toBeNull();
      expect(first.nextCursor).toMatch(/^[\w-]+$/);
      expect((await records.operations.page({}, 8)).nextCursor).toBeNull();
    });

    it.each([
      ['nothing', ''],
      ['a letter', 'x'],
      ['what base64url has not', '*'],
      ['a zero byte', 'AA'],
      ['much', 'A'.repeat(4000)],
    ])('refuses %s as a cursor', async (_what, cursor) => {
      const refusal = {
        code: 'validation_failed',
        errors: [{ field: 'cursor', message: expect.any(String) as string }],
      };
      await expect(records.operations.page({}, 3, cursor)).rejects.toMatchObject(refusal);
      await expect(records.manifest.page(newOperationId(), { limit: 3, cursor })).rejects.toMatchObject(refusal);
    });

    it('refuses the cursor of another list', async () => {
      const number = Buffer.from('123').toString('base64url');
      const id = Buffer.from(newOperationId()).toString('base64url');

      await expect(records.operations.page({}, 3, number)).rejects.toMatchObject({ code: 'validation_failed' });
      const ofManifest = records.manifest.page(newOperationId(), { limit: 3, cursor: id });
      await expect(ofManifest).rejects.toMatchObject({ code: 'validation_failed' });
    });

    it('filters by what is exactly the same', async () => {
      const batchId = newOperationId();
      const one = await add({ username: 'Ana', method: 'symlink_copy', batchId });
      const other = await add({ status: 'queued' });

      expect(await ids({ username: 'Ana' })).toEqual([one.id]);
      expect(await ids({ username: 'ana' })).toEqual([other.id]);
      expect(await ids({ method: 'symlink_copy', username: 'Ana', status: 'running', batchId })).toEqual([one.id]);
      expect(await ids({ method: 'symlink_copy', status: 'queued' })).toEqual([]);
      expect(await ids({ batchId })).toEqual([one.id]);
    });

    it('filters by time: from inclusive, to exclusive', async () => {
      const at = (milliseconds: number) => new Date(1_764_000_000_000 + milliseconds);
      const [early, , late] = [
        await add({ createdAt: at(0) }),
        await add({ createdAt: at(1) }),
        await add({ createdAt: at(2) }),
      ];

      expect(await ids({ from: at(1) })).toHaveLength(2);
      expect(await ids({ to: at(1) })).toEqual([early.id]);
      expect(await ids({ from: at(2), to: at(3) })).toEqual([late.id]);
      expect(await ids({ from: at(3) })).toEqual([]);
      expect(await ids({ from: new Date(-1), to: new Date(8_640_000_000_000_000) })).toHaveLength(3);
    });

    it.each([
      ['localPathOnStorage', 'a%b_c\\d', 'axbxcxd'],
      ['relativePath', '100%', '100'],
      ['stagedPath', '/Home', '/home'],
      ['label', "it's _", "it's x"],
      ['errorReason', 'é😀', 'e'],
    ] as const)('searches %s literally', async (column, text, without) => {
      const hit = await add({ [column]: `before ${text} after` });
      await add({ [column]: `before ${without} after` });

      expect(await ids({ q: text })).toEqual([hit.id]);
    });

    it('searches far below, together with filters, in parts', async () => {
      const old = await Promise.all([1, 2, 3].map((at) => add({ label: 'needle', createdAt: new Date(at * 1000) })));
      const values = Array.from({ length: 4500 }, () => testRecord({ label: 'hay' }));
      for (let at = 0; at < values.length; at += 500) {
        await records.database.write((manager) => manager.insert(StagingRecord, values.slice(at, at + 500)));
      }

      const first = await records.operations.page({ q: 'needle', username: 'ana' }, 2);
      expect(first.items.map(({ id }) => id)).toEqual([old[2]!.id, old[1]!.id]);
      const last = await records.operations.page({ q: 'needle', username: 'ana' }, 2, first.nextCursor!);
      expect(last).toMatchObject({ items: [{ id: old[0]!.id }], nextCursor: null });
      expect(await ids({ q: 'needle', to: new Date(2000) })).toEqual([old[0]!.id]);
      expect(await ids({ q: 'needle', status: 'queued' })).toEqual([]);
    });
  });

  describe('walks', () => {
    it('finds all that a process has not ended, what runs first', async () => {
      const owner = `host/${newOperationId()}/1/1/1`;
      const statuses: OperationStatus[] = ['queued', 'running', 'success', 'failure', 'cancelled'];
      const made = await Promise.all(statuses.map((status) => add({ status, owner })));
      await add({ status: 'queued', owner: 'another' });
      const values = Array.from({ length: 1200 }, () => testRecord({ status: 'queued', owner }));
      await records.operations.insertAll(values);

      const found: string[] = [];
      for await (const part of records.operations.eachUnfinishedOf(owner)) {
        found.push(...part.map((record) => record.id));
        // Whoever finds them may change them on the way.
        await records.operations.transitionAll(part.map(({ id }) => ({ id, from: ['running'], values: success() })));
        await records.operations.handOver(
          part.map(({ id }) => id),
          'heir',
        );
      }
      expect(found).toEqual([made[1]!.id, made[0]!.id, ...values.map((record) => record.id)]);
    });

    it('deletes what ended before a date, oldest first, with its files', async () => {
      const day = (at: number) => new Date(Date.UTC(2026, 0, at));
      const made: StagingRecord[] = [];
      for (const at of [1, 2, 3]) {
        const record = await add({ createdAt: day(at), status: 'success', finishedAt: day(at + 1) });
        await records.manifest.add([testFile(record.id)]);
        made.push(record);
      }
      const running = await add({ createdAt: day(1) });

      expect(await records.operations.deleteEndedBefore(day(3), 10)).toBe(1);
      expect(await ids({})).toEqual(
        [running.id, ...made.map(({ id }) => id)]
          .filter((id) => id !== made[0]!.id)
          .sort()
          .reverse(),
      );
      expect((await records.manifest.page(made[0]!.id, { limit: 10 })).items).toEqual([]);
      expect((await records.manifest.page(made[1]!.id, { limit: 10 })).items).toHaveLength(1);
      expect(await records.operations.deleteEndedBefore(day(20), 1)).toBe(1);
      expect(await ids({ status: 'success' })).toEqual([made[2]!.id]);
      expect(await records.operations.deleteEndedBefore(day(20), 1000)).toBe(1);
      expect(await ids({})).toEqual([running.id]);
    });
  });

  describe('the manifest', () => {
    it('comes back as it was written', async () => {
      const { id } = await add();
      const file = testFile(id, {
        path: `a%FF/${'p'.repeat(12_000)}`,
        nameEncoding: 'percent',
        kind: 'link',
        size: 2 ** 50 + 1,
        mtimeNs: '-9223372036854775808',
        device: '18446744073709551615',
        inode: '18446744073709551615',
        algorithm: null,
        checksum: null,
        errorCode: 'source_changed',
        status: 'failed',
      });
      await records.manifest.add([file]);

      const { items } = await records.manifest.page(id, { limit: 10 });
      expect(items).toEqual([{ ...file, id: expect.any(Number) as number }]);
    });

    it('lists in the order of staging, in parts, by status', async () => {
      const { id } = await add();
      await records.manifest.add(
        Array.from({ length: 1203 }, (_, at) =>
          testFile(id, { path: `f${at}`, status: at % 400 ? 'staged' : 'failed' }),
        ),
      );
      await records.manifest.add([testFile(newOperationId(), { path: 'foreign' })]);

      const first = await records.manifest.page(id, { limit: 500 });
      const second = await records.manifest.page(id, { limit: 500, cursor: first.nextCursor! });
      const third = await records.manifest.page(id, { limit: 500, cursor: second.nextCursor! });
      const paths = [first, second, third].flatMap((page) => page.items.map((file) => file.path));
      expect(paths).toEqual(Array.from({ length: 1203 }, (_, at) => `f${at}`));
      expect(third.nextCursor).toBeNull();

      const failed = await records.manifest.page(id, { limit: 3, status: 'failed' });
      expect(failed.items.map((file) => file.path)).toEqual(['f0', 'f400', 'f800']);
      const rest = await records.manifest.page(id, { limit: 3, status: 'failed', cursor: failed.nextCursor! });
      expect(rest).toMatchObject({ items: [{ path: 'f1200' }], nextCursor: null });

      const parts: number[] = [];
      for await (const files of records.manifest.each(id)) parts.push(files.length);
      expect(parts).toEqual([1000, 203]);
    });

    it('is removed alone, however long', async () => {
      const [one, other] = [await add(), await add()];
      await records.manifest.add(Array.from({ length: 5001 }, () => testFile(one.id)));
      await records.manifest.add([testFile(other.id)]);

      await records.manifest.removeOf(one.id);
      await records.manifest.removeOf(one.id);

      expect((await records.manifest.page(one.id, { limit: 10 })).items).toEqual([]);
      expect((await records.manifest.page(other.id, { limit: 10 })).items).toHaveLength(1);
    });

    it('knows the latest checksum of a file that is still the same', async () => {
      const { id } = await add();
      const identity = { device: '1', inode: '18446744073709551615', size: 5, mtimeNs: '1764000000123456789' };
      await records.manifest.add([
        testFile(id, { ...identity, algorithm: 'md5', checksum: 'aa' }),
        testFile(id, { ...identity, algorithm: 'xxh3', checksum: 'bb' }),
        testFile(id, { ...identity, algorithm: null, checksum: null }),
      ]);

      expect(await records.manifest.knownChecksum(identity)).toEqual({ algorithm: 'xxh3', value: 'bb' });
      const others = [
        { device: '2' },
        { inode: '18446744073709551614' },
        { size: 6 },
        { mtimeNs: '1764000000123456788' },
      ];
      for (const other of others) {
        expect(await records.manifest.knownChecksum({ ...identity, ...other })).toBeNull();
      }
    });
  });

  it('sorts ids as they were made', async () => {
    const made = Array.from({ length: 50 }, (_, at) => v7({ msecs: 1_764_000_000_000 + Math.floor(at / 10), seq: at }));
    for (const id of [...made].reverse()) await add({ id });

    expect(await ids({})).toEqual([...made].reverse());
  });
}
