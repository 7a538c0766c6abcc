import { type Records } from '../create-records';
import { type OperationStatus, StagingRecord } from '../entities/staging-record.entity';
import { newOperationId } from '../operations/operation-id';
import { RecordsSuite } from './records-suite';
import { success, testFile, testRecord } from './test-records';

/** How operations are listed and walked through, on any database. */
export function describeListing(open: () => Promise<Records>): void {
  const suite = new RecordsSuite(open);
  const { add, ids } = suite;
  let records: Records;
  beforeAll(async () => (records = await suite.open()));

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

    it('finds what somebody asked for', async () => {
      const [one] = [
        await add({ requestedBy: 'issuer#portal', username: 'ana' }),
        await add({ requestedBy: 'issuer#Portal' }),
      ];
      await add();
      expect(await ids({ requestedBy: 'issuer#portal' })).toEqual([one.id]);
      expect(await ids({ requestedBy: 'issuer#portal', username: 'jane' })).toEqual([]);
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
}
