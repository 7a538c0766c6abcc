import { type Records } from '../create-records';
import { StagingFile } from '../entities/staging-file.entity';
import { StagingRecord } from '../entities/staging-record.entity';
import { newOperationId } from '../operations/operation-id';
import { type OperationFilter } from '../operations/record-statements';
import { success, testFile, testRecord } from './test-records';

const ROWS = 4000;
const STEP = 500;

/** That no list and no search reads a whole table or sorts: the database's own plan for each statement is looked at. */
export function describePlans(open: () => Promise<Records>): void {
  describe('the plan', () => {
    let records: Records;
    let batchId: string;
    let operationId: string;

    beforeAll(async () => {
      records = await open();
      batchId = newOperationId();
      const statuses = ['success', 'success', 'success', 'failure'] as const;
      const made = Array.from({ length: ROWS }, (_, at) =>
        testRecord({
          status: statuses[at % 4]!,
          method: at % 3 ? 'local_copy' : 'symlink_copy',
          username: `user${at % 50}`,
          batchId: at % 7 ? null : batchId,
          finishedAt: new Date(),
        }),
      );
      operationId = made[ROWS / 2]!.id;
      const files = made.map(({ id }, at) => testFile(at % 2 ? operationId : id, { inode: `${at}` }));
      for (let at = 0; at < ROWS; at += STEP) {
        await records.database.transaction(async (manager) => {
          await manager.insert(StagingRecord, made.slice(at, at + STEP));
          await manager.insert(StagingFile, files.slice(at, at + STEP));
        });
      }
      const analyze = records.database.kind === 'mysql' ? 'ANALYZE TABLE staging_record, staging_file' : 'ANALYZE';
      await records.database.read((manager) => manager.query(analyze));
    });

    afterAll(() => records.close());

    const filters: [string, (batch: string) => OperationFilter][] = [
      ['everything', () => ({})],
      ['a status', () => ({ status: 'failure' })],
      ['a status that nothing has', () => ({ status: 'queued' })],
      ['a method', () => ({ method: 'local_copy' })],
      ['a user', () => ({ username: 'user7' })],
      ['a batch', (batch) => ({ batchId: batch })],
      ['a user and a status', () => ({ username: 'user7', status: 'failure' })],
      ['a method and a status', () => ({ method: 'symlink_copy', status: 'success' })],
      ['all at once', (batch) => ({ username: 'user7', status: 'success', method: 'local_copy', batchId: batch })],
      ['a time', () => ({ from: new Date(0), to: new Date() })],
      ['a time and a user', () => ({ from: new Date(0), to: new Date(), username: 'user7' })],
      ['a text', () => ({ q: 'nowhere' })],
      ['a text and a user', () => ({ q: 'nowhere', username: 'user7' })],
    ];

    it.each(filters)('of a list by %s walks an index', async (_what, filter) => {
      const first = await records.operations.page(filter(batchId), 5);
      const plans = await explain(records, async () => {
        await records.operations.page(filter(batchId), 50);
        if (first.nextCursor) await records.operations.page(filter(batchId), 50, first.nextCursor);
      });

      expect(plans).toEqual(plans.map(({ statement }) => ({ statement, faults: [] })));
      expect(plans.length).toBeGreaterThan(0);
    });

    it('of everything else walks an index', async () => {
      const identity = { device: '2049', inode: '77', size: 123, mtimeNs: '1764000000123456789' };
      const plans = await explain(records, async () => {
        await records.operations.find(operationId);
        for await (const part of records.operations.eachUnfinishedOf('host/boot/1/2/3')) expect(part).toEqual([]);
        for await (const part of records.operations.eachOf(newOperationId(), 'queued')) expect(part).toEqual([]);
        await records.operations.transition(newOperationId(), ['queued'], success());
        await records.operations.transitionAll([{ id: newOperationId(), from: ['queued'], values: success() }]);
        await records.operations.handOver([newOperationId(), newOperationId()], 'me');
        await records.batches.find(newOperationId());
        await records.batches.countsOf(newOperationId());
        await records.batches.cancelQueued(newOperationId(), success());
        await records.batches.discard(newOperationId());
        await records.idempotency.free('key', 'subject');
        await records.idempotency.deleteBefore(new Date(1_700_000_000_000));
        await records.releases.of('me');
        await records.operations.settle(newOperationId(), success());
        await records.operations.deleteEndedBefore(new Date(1_700_000_000_000), 100);
        const { nextCursor } = await records.manifest.page(operationId, { limit: 100 });
        await records.manifest.page(operationId, { limit: 100, cursor: nextCursor!, status: 'staged' });
        for await (const files of records.manifest.each(operationId)) expect(files.length).toBeGreaterThan(0);
        await records.manifest.knownChecksum(identity);
        await records.manifest.removeOf(newOperationId());
      });

      expect(plans).toEqual(plans.map(({ statement }) => ({ statement, faults: [] })));
      expect(plans.length).toBeGreaterThan(9);
    });
  });
}

interface Plan {
  statement: string;
  /** Lines of the plan that read all of a table or sort. */
  faults: unknown[];
}

/** Does some work and explains each statement that it made. */
async function explain(records: Records, work: () => Promise<void>): Promise<Plan[]> {
  const runner = records.database.dataSource.createQueryRunner();
  const spy = jest.spyOn(Object.getPrototypeOf(runner) as typeof runner, 'query');
  await work();
  const statements = spy.mock.calls.map(([statement, parameters]) => ({
    statement,
    parameters: parameters as unknown[],
  }));
  spy.mockRestore();
  const plans: Plan[] = [];
  for (const { statement, parameters } of statements) {
    if (!/^(SELECT .* FROM|UPDATE|DELETE)/.test(statement)) continue;
    const explained = records.database.kind === 'mysql' ? `EXPLAIN ${statement}` : `EXPLAIN QUERY PLAN ${statement}`;
    const lines = await records.database.read((manager) => manager.query<PlanLine[]>(explained, parameters));
    plans.push({ statement, faults: lines.filter(isFault) });
  }
  await runner.release();
  return plans;
}

/** A line of a plan, of SQLite or of MySQL. */
interface PlanLine {
  detail?: string;
  type?: string;
  Extra?: string;
}

function isFault({ detail, type, Extra }: PlanLine): boolean {
  if (detail !== undefined)
    return /TEMP B-TREE/.test(detail) || (/^SCAN/.test(detail) && !/USING.* INDEX/.test(detail));
  return type === 'ALL' || /filesort|temporary/i.test(Extra ?? '');
}
