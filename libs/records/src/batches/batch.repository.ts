import { type Database } from '../database/database';
import { insertRows, updateRows } from '../database/table-statements';
import { StagingBatch } from '../entities/staging-batch.entity';
import { type OperationStatus, StagingRecord } from '../entities/staging-record.entity';
import { fromCursor, type Page, pageOf } from '../lists/cursor';
import { isOperationId } from '../operations/operation-id';
import { recordsAfter } from '../operations/record-statements';

const ID_STEP = 500;

/** How a batch stands. */
export interface BatchCounts {
  counts: Record<OperationStatus, number>;
  bytesTotal: number;
  bytesDone: number;
  /** When the last of its operations ended; null as long as one has not. */
  finishedAt: Date | null;
}

/** Which batches are asked for. */
export interface BatchFilter {
  username?: string;
  requestedBy?: string;
}

/** Sums come as text from a server, times as text from SQLite. */
interface CountRow {
  status: OperationStatus;
  count: number | string;
  total: number | string | null;
  done: number | string | null;
  finished: Date | string | null;
}

function countsOf(rows: CountRow[]): BatchCounts {
  const counts = { queued: 0, running: 0, success: 0, failure: 0, cancelled: 0 };
  for (const { status, count } of rows) counts[status] = Number(count);
  const isOpen = counts.queued + counts.running > 0;
  const times = rows.flatMap(({ finished }) => (finished === null ? [] : [timeOf(finished).getTime()]));
  const sum = (what: 'total' | 'done') => rows.reduce((all, row) => all + Number(row[what] ?? 0), 0);
  return {
    counts,
    bytesTotal: sum('total'),
    bytesDone: sum('done'),
    finishedAt: isOpen || times.length === 0 ? null : new Date(Math.max(...times)),
  };
}

function timeOf(value: Date | string): Date {
  return value instanceof Date ? value : new Date(`${value.replace(' ', 'T')}Z`);
}

/** The batches themselves; what became of their items is in the operations' records. */
export class BatchRepository {
  constructor(private readonly database: Database) {}

  async insert(batch: StagingBatch): Promise<void> {
    await this.database.write((manager) => insertRows(manager, StagingBatch, [batch]));
  }

  /** Says that all of its records are written. */
  async accept(id: string, at: Date): Promise<void> {
    const where = { text: 'id = ?', parameters: [id] };
    await this.database.write((manager) => updateRows(manager, StagingBatch, { acceptedAt: at }, where));
  }

  /** A batch, or null. */
  find(id: string): Promise<StagingBatch | null> {
    return this.database.read((manager) => manager.findOneBy(StagingBatch, { id }));
  }

  /** A part of the list of accepted batches, newest first. Throws `validation_failed` for a cursor that is none. */
  async page({ username, requestedBy }: BatchFilter, limit: number, cursor?: string): Promise<Page<StagingBatch>> {
    const before = cursor === undefined ? undefined : fromCursor(cursor, isOperationId);
    const found = await this.database.read((manager) => {
      const query = manager.createQueryBuilder(StagingBatch, 'batch').where('batch.acceptedAt IS NOT NULL');
      if (username !== undefined) query.andWhere({ username });
      if (requestedBy !== undefined) query.andWhere({ requestedBy });
      if (before !== undefined) query.andWhere('batch.id < :before', { before });
      return query
        .orderBy('batch.id', 'DESC')
        .limit(limit + 1)
        .getMany();
    });
    return pageOf(found, limit);
  }

  /** How many operations of a batch have each status, how much they bring, and when the last one ended. */
  async countsOf(id: string): Promise<BatchCounts> {
    const rows = await this.database.read((manager) =>
      manager
        .createQueryBuilder(StagingRecord, 'record')
        .select('record.status', 'status')
        .addSelect('COUNT(*)', 'count')
        .addSelect('SUM(record.bytesTotal)', 'total')
        .addSelect('SUM(record.bytesDone)', 'done')
        .addSelect('MAX(record.finishedAt)', 'finished')
        .where('record.batchId = :id', { id })
        .groupBy('record.status')
        .getRawMany<CountRow>(),
    );
    return countsOf(rows);
  }

  /** Ends all operations of a batch that wait, in parts; returns how many. */
  async cancelQueued(id: string, end: Partial<StagingRecord>): Promise<number> {
    let cancelled = 0;
    for (let ids = await this.idsOf(id, 'queued'); ids.length > 0; ids = await this.idsOf(id, 'queued')) {
      const where = { text: `status = ? AND id IN (${ids.map(() => '?').join(', ')})`, parameters: ['queued', ...ids] };
      cancelled += await this.database.write((manager) => updateRows(manager, StagingRecord, end, where));
    }
    return cancelled;
  }

  /** Removes a batch that was not accepted, with what records it has by now. Nothing of it has begun. Idempotent. */
  async discard(id: string): Promise<void> {
    for (const status of ['queued', 'failure'] as const) {
      for (let ids = await this.idsOf(id, status); ids.length > 0; ids = await this.idsOf(id, status)) {
        const part = ids;
        await this.database.write((manager) => manager.delete(StagingRecord, part));
      }
    }
    await this.remove(id);
  }

  /** Some operations of a batch that have a status. */
  private async idsOf(batchId: string, status: OperationStatus): Promise<string[]> {
    const records = await this.database.read((manager) =>
      recordsAfter(manager, '', ID_STEP).select('record.id').andWhere({ batchId, status }).getMany(),
    );
    return records.map(({ id }) => id);
  }

  /** Idempotent. */
  async remove(id: string): Promise<void> {
    await this.database.write((manager) => manager.delete(StagingBatch, { id }));
  }

  /** What a process began to accept and did not come to the end with. */
  unacceptedOf(owner: string): Promise<StagingBatch[]> {
    return this.database.read((manager) =>
      manager
        .createQueryBuilder(StagingBatch, 'batch')
        .where('batch.owner = :owner AND batch.acceptedAt IS NULL', { owner })
        .getMany(),
    );
  }

  /** Removes accepted batches of before a date that have no records any more. */
  async deleteEmptyBefore(date: Date): Promise<void> {
    await this.database.write((manager) => {
      const records = manager
        .createQueryBuilder()
        .subQuery()
        .select('1')
        .from(StagingRecord, 'record')
        .where('record.batch_id = staging_batch.id');
      return manager
        .createQueryBuilder()
        .delete()
        .from(StagingBatch)
        .where('created_at < :date AND accepted_at IS NOT NULL', { date })
        .andWhere(`NOT EXISTS ${records.getQuery()}`)
        .execute();
    });
  }
}
