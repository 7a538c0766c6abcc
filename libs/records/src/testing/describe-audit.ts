import { v7 } from 'uuid';
import { type Records } from '../create-records';
import { type NewAuditEntry, StagingAudit } from '../entities/staging-audit.entity';
import { StagingBatch } from '../entities/staging-batch.entity';
import { RecordsSuite } from './records-suite';
import { testEntry } from './test-records';

/** The audit, on any database. */
export function describeAudit(open: () => Promise<Records>): void {
  const suite = new RecordsSuite(open);
  let records: Records;
  beforeAll(async () => (records = await suite.open()));
  afterEach(() => records.database.dataSource.getRepository(StagingAudit).clear());

  /** An entry that was made now, above all that were made before, or at another time. */
  const entry = (values: Partial<NewAuditEntry> = {}, time?: Date) => {
    const id = time ? v7({ msecs: time.getTime() }) : v7();
    return Object.assign(new StagingAudit(), testEntry(values), { id, at: time ?? new Date() });
  };
  const listed = async (...args: Parameters<typeof records.audit.page>) =>
    (await records.audit.page(...args)).items.map(({ requestId }) => requestId);

  describe('the audit', () => {
    it('keeps entries as they are', async () => {
      const odd = { ...entry({ asked: { path: `\\' "😀\u202e\n` }, request: 'GET /%00' }), times: 7 };
      const bare = entry({
        caller: null,
        callerName: null,
        role: null,
        address: null,
        asked: null,
        username: null,
        requestId: null,
      });
      await records.audit.add([odd, bare]);
      const { items } = await records.audit.page({}, 5);
      expect(items.map((one) => ({ ...one }))).toEqual(expect.arrayContaining([{ ...odd }, { ...bare }]));
      expect(items).toHaveLength(2);
    });

    it('is newest first, and comes in parts', async () => {
      const entries = ['1', '2', '3', '4', '5'].map((requestId) => entry({ requestId }));
      await records.audit.add(entries);
      const first = await records.audit.page({}, 2);
      expect(first.items.map(({ requestId }) => requestId)).toEqual(['5', '4']);
      const second = await records.audit.page({}, 2, first.nextCursor!);
      expect(second.items.map(({ requestId }) => requestId)).toEqual(['3', '2']);
      expect(await records.audit.page({}, 2, second.nextCursor!)).toMatchObject({ nextCursor: null });
      await expect(records.audit.page({}, 2, 'x')).rejects.toMatchObject({ code: 'validation_failed' });
    });

    it('is looked through by caller, user, decision, operation and time', async () => {
      const [operationId, other] = [v7(), v7()];
      await records.audit.add([
        entry({ requestId: 'a', caller: 'portal' }, new Date('2026-01-01T00:00:00Z')),
        entry({ requestId: 'b', username: 'bob', operationId }, new Date('2026-01-02T00:00:00Z')),
        entry({ requestId: 'c', decision: 'denied', operationId: other }, new Date('2026-01-03T00:00:00Z')),
      ]);
      expect(await listed({ caller: 'portal' }, 5)).toEqual(['a']);
      expect(await listed({ caller: 'PORTAL' }, 5)).toEqual([]);
      expect(await listed({ username: 'bob' }, 5)).toEqual(['b']);
      expect(await listed({ decision: 'denied' }, 5)).toEqual(['c']);
      expect(await listed({ operationId }, 5)).toEqual(['b']);
      expect(await listed({ from: new Date('2026-01-02T00:00:00Z') }, 5)).toEqual(['c', 'b']);
      expect(await listed({ to: new Date('2026-01-02T00:00:00Z') }, 5)).toEqual(['a']);
      expect(await listed({ username: 'bob', decision: 'denied' }, 5)).toEqual([]);
    });

    it('says for whom an operation or a batch is, where the request did not', async () => {
      const record = await suite.add({ username: 'ana' });
      const batch = Object.assign(new StagingBatch(), {
        id: v7(),
        method: 'local_copy',
        username: 'bob',
        items: 1,
        createdAt: new Date(),
      });
      await records.batches.insert(batch);
      const about = { username: null };
      await records.audit.add([
        entry({ ...about, operationId: record.id, requestId: '1' }),
        entry({ ...about, batchId: batch.id, requestId: '2' }),
        entry({ ...about, operationId: v7(), requestId: '3' }),
        entry({ username: 'eve', operationId: record.id, requestId: '4' }),
        entry({ ...about, requestId: '5' }),
      ]);
      const { items } = await records.audit.page({}, 9);
      expect(Object.fromEntries(items.map((one) => [one.requestId, one.username]))).toEqual({
        '1': 'ana',
        '2': 'bob',
        '3': null,
        '4': 'eve',
        '5': null,
      });
      await records.batches.remove(batch.id);
    });

    it('adds all or none', async () => {
      const [one, two] = [entry(), entry()];
      await records.audit.add([one]);
      await expect(records.audit.add([two, one])).rejects.toThrow();
      expect((await records.audit.page({}, 5)).items).toHaveLength(1);
      expect(await records.audit.known([one.id, two.id])).toEqual(new Set([one.id]));
    });

    it('is given whole in parts', async () => {
      for (let part = 0; part < 3; part += 1) {
        await records.audit.add(Array.from({ length: 200 }, (_none, at) => entry({ requestId: `${part * 200 + at}` })));
      }
      const seen: (string | null)[] = [];
      for await (const items of records.audit.each({})) seen.push(...items.map(({ requestId }) => requestId));
      expect(seen).toEqual(Array.from({ length: 600 }, (_none, at) => `${599 - at}`));
    });

    it('loses what is older than a date, the oldest first, and nothing else', async () => {
      const day = (number: number) => new Date(`2026-01-0${number}T12:00:00Z`);
      await records.audit.add([1, 2, 3, 4].map((number) => entry({ requestId: `${number}` }, day(number))));
      expect(await records.audit.deleteBefore(day(4), 2)).toBe(2);
      expect(await listed({}, 9)).toEqual(['4', '3']);
      expect(await records.audit.deleteBefore(day(4), 2)).toBe(1);
      expect(await records.audit.deleteBefore(day(4), 2)).toBe(0);
      expect(await listed({}, 9)).toEqual(['4']);
    });
  });
}
