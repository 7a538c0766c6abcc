import { setImmediate as breathe } from 'node:timers/promises';
import { type Database } from '../database/database';
import { DatabaseUnavailable } from '../database/database-errors';
import { insertRows, updateRows } from '../database/table-statements';
import { type NewStagingFile } from '../entities/staging-file.entity';
import { type OperationStatus, StagingRecord, UNFINISHED } from '../entities/staging-record.entity';
import { fromCursor, type Page, pageOf } from '../lists/cursor';
import { insertFiles, type ManifestRepository } from '../manifest/manifest.repository';
import { type DeferredSettlements } from '../settlements/deferred-settlements';
import { isOperationId, lowestIdAt } from './operation-id';
import {
  type AttemptKey,
  containing,
  insertRecord,
  matching,
  type OperationFilter,
  recordsAfter,
  type RecordValues,
  takenOver,
  updateUnfinished,
  updateWhere,
  walk,
} from './record-statements';

/** Records that a search looks through in one statement, so that none takes long. */
const SEARCH_STEP = 2000;
const ID_STEP = 500;
/** Rows of one INSERT: fixed, so that the statement is prepared once. */
const INSERT_STEP = 100;
/** Records that are deleted together with their files. */
const DELETE_STEP = 50;

/**
 * The records of all operations. Every method throws `database_unavailable` when the database is down or does not answer
 * in time, and then has had no effect, or for `insert` and `settle` perhaps has: see there.
 */
export class OperationRepository {
  constructor(
    private readonly database: Database,
    private readonly deferred: DeferredSettlements,
    private readonly manifest: ManifestRepository,
  ) {}

  /**
   * Writes a new record. When it throws, the operation must not be done. Should the database have taken the record, or
   * take it when it wakes up, then it becomes a failure `database_unavailable` as soon as possible.
   */
  async insert(record: StagingRecord): Promise<void> {
    const heartbeatAt = record.heartbeatAt && this.database.timestamp();
    try {
      await this.database.write((manager) => insertRecord(manager, { ...record, heartbeatAt }));
    } catch (error) {
      if (error instanceof DatabaseUnavailable && error.ambiguous) this.deferred.settleLater(unanswered(record, error));
      throw error;
    }
  }

  /** Writes many new records, in parts: when it throws, some of them may be there. */
  async insertAll(records: readonly StagingRecord[]): Promise<void> {
    for (let at = 0; at < records.length; at += INSERT_STEP) {
      await this.database.write((manager) => insertRows(manager, StagingRecord, records.slice(at, at + INSERT_STEP)));
    }
  }

  /**
   * Ends a queued or running operation and adds the last lines of its manifest, both or neither. What does not end as a
   * success has staged nothing: the lines that its manifest has are removed. False when it had ended already, or another
   * attempt has begun: then nothing is changed. When it throws, hand the whole record to `DeferredSettlements`.
   */
  async settle(key: AttemptKey, outcome: Partial<StagingRecord>, rows: NewStagingFile[] = []): Promise<boolean> {
    const settled = await this.end(key, outcome, rows);
    if (settled && outcome.status !== 'success') await this.manifest.removeOf(typeof key === 'string' ? key : key.id);
    return settled;
  }

  private async end(key: AttemptKey, outcome: Partial<StagingRecord>, rows: NewStagingFile[]): Promise<boolean> {
    if (rows.length === 0) return this.database.write((manager) => updateUnfinished(manager, key, outcome));
    return this.database.transaction(async (manager) => {
      if (!(await updateUnfinished(manager, key, outcome))) return false;
      await insertFiles(manager, rows);
      return true;
    });
  }

  /** Removes the record of an operation that has not ended, with its manifest; idempotent. */
  async discard(id: string): Promise<void> {
    await this.manifest.removeOf(id);
    await this.database.write((manager) =>
      manager
        .createQueryBuilder()
        .delete()
        .from(StagingRecord)
        .where('id = :id AND status IN (:...unfinished)', { id, unfinished: UNFINISHED })
        .execute(),
    );
  }

  /** Writes the progress of an operation that has not ended; one that has stays as it is. */
  async update(key: AttemptKey, progress: Partial<StagingRecord>): Promise<void> {
    await this.database.write((manager) => updateUnfinished(manager, key, progress));
  }

  /**
   * Changes an operation that has one of these statuses, by one statement: of several that want to change it at once one
   * does. False when it has another status, is at another attempt, or is not there.
   */
  transition(key: AttemptKey, from: readonly OperationStatus[], values: RecordValues): Promise<boolean> {
    return this.database.write((manager) => updateWhere(manager, key, from, values));
  }

  /** The same for several, all or none of them written; returns the ids of those that had such a status. */
  transitionAll(changes: readonly Transition[]): Promise<string[]> {
    return this.database.transaction(async (manager) => {
      const changed: string[] = [];
      for (const { id, from, values } of changes) if (await updateWhere(manager, id, from, values)) changed.push(id);
      return changed;
    });
  }

  /**
   * Makes sure, by writing, that the end of a running operation will find its record: to be called before anything
   * becomes visible. Throws `already_ended` when somebody else has ended it, or has taken it over.
   */
  async confirmRunning(key: AttemptKey): Promise<void> {
    const heartbeatAt = this.database.timestamp();
    if (await this.database.write((manager) => updateUnfinished(manager, key, { heartbeatAt }))) return;
    throw takenOver();
  }

  /** How operations stand that a process works on; of those that are not there any more nothing. */
  async standingOf(ids: readonly string[]): Promise<Standing[]> {
    if (ids.length === 0) return [];
    return this.database.read((manager) =>
      manager
        .createQueryBuilder(StagingRecord, 'record')
        .select(['record.id', 'record.attempts', 'record.status', 'record.cancelRequestedAt'])
        .where('record.id IN (:...ids)', { ids })
        .getMany(),
    );
  }

  /** Those of some operations that have ended. */
  endedOf(ids: readonly string[]): Promise<StagingRecord[]> {
    if (ids.length === 0) return Promise.resolve([]);
    return this.database.read((manager) =>
      manager
        .createQueryBuilder(StagingRecord, 'record')
        .where('record.id IN (:...ids)', { ids })
        .andWhere('record.status NOT IN (:...unfinished)', { unfinished: UNFINISHED })
        .getMany(),
    );
  }

  /** Asks whoever runs operations to end them; those that do not run stay as they are. */
  async requestCancel(ids: readonly string[]): Promise<void> {
    const values = { cancelRequestedAt: this.database.timestamp() };
    for (const id of ids) await this.database.write((manager) => updateWhere(manager, id, ['running'], values));
  }

  /** How many operations wait. */
  countQueued(): Promise<number> {
    return this.database.read((manager) => manager.countBy(StagingRecord, { status: 'queued' }));
  }

  /** All that wait, oldest first, in parts. */
  eachQueued(): AsyncGenerator<StagingRecord[], void> {
    return walk((after, count) =>
      this.database.read((manager) => recordsAfter(manager, after, count).andWhere({ status: 'queued' }).getMany()),
    );
  }

  /** Changes the record of an operation that ended as a success; false when it did not, or is not there. */
  async changeSuccess(id: string, values: Partial<StagingRecord>): Promise<boolean> {
    const where = { text: 'id = ? AND status = ?', parameters: [id, 'success'] };
    return (await this.database.write((manager) => updateRows(manager, StagingRecord, values, where))) === 1;
  }

  /** One record, or null. */
  find(id: string): Promise<StagingRecord | null> {
    return this.database.read((manager) => manager.findOneBy(StagingRecord, { id }));
  }

  /** A part of the list of operations, newest first. Throws `validation_failed` for a cursor that is none. */
  async page(filter: OperationFilter, limit: number, cursor?: string): Promise<Page<StagingRecord>> {
    const before = cursor === undefined ? undefined : fromCursor(cursor, isOperationId);
    const found = filter.q
      ? this.search(filter, filter.q, limit + 1, before)
      : this.list(filter, limit + 1, { before });
    return pageOf(await found, limit);
  }

  private list(filter: OperationFilter, count: number, range: IdRange, q?: string): Promise<StagingRecord[]> {
    return this.database.read((manager) => {
      const query = matching(manager, filter).limit(count);
      if (range.before !== undefined) query.andWhere('record.id < :before', { before: range.before });
      if (range.since !== undefined) query.andWhere('record.id >= :since', { since: range.since });
      return (q === undefined ? query : containing(query, q)).getMany();
    });
  }

  /** Text has no index: looks through the records in steps, so that others get their turn on SQLite and no step is late. */
  private async search(filter: OperationFilter, q: string, count: number, start?: string): Promise<StagingRecord[]> {
    const found: StagingRecord[] = [];
    for (let before = start; ;) {
      const since = await this.endOfStep(filter, before);
      found.push(...(await this.list(filter, count - found.length, { before, since }, q)));
      if (found.length >= count || since === undefined) return found;
      before = since;
      await breathe();
    }
  }

  /** Id of the record with which a step of a search ends; undefined when there is none so far below. */
  private async endOfStep(filter: OperationFilter, before?: string): Promise<string | undefined> {
    const row = await this.database.read((manager) => {
      const query = matching(manager, filter).select('record.id', 'id').limit(1);
      if (before !== undefined) query.andWhere('record.id < :before', { before });
      return query.offset(SEARCH_STEP - 1).getRawOne<{ id: string }>();
    });
    return row?.id;
  }

  /** What a process has not ended: what runs, then what waits, each oldest first; in parts, so that memory stays flat. */
  async *eachUnfinishedOf(owner: string): AsyncGenerator<StagingRecord[], void> {
    for (const status of ['running', 'queued'] as const) {
      yield* walk((after, count) =>
        this.database.read((manager) => recordsAfter(manager, after, count).andWhere({ status, owner }).getMany()),
      );
    }
  }

  /** The operations of a batch that have a status, oldest first, in parts; the caller may change them meanwhile. */
  eachOf(batchId: string, status: OperationStatus): AsyncGenerator<StagingRecord[], void> {
    return walk((after, count) =>
      this.database.read((manager) => recordsAfter(manager, after, count).andWhere({ batchId, status }).getMany()),
    );
  }

  /** Makes a process the owner of operations. */
  async handOver(ids: readonly string[], owner: string): Promise<void> {
    for (let at = 0; at < ids.length; at += ID_STEP) {
      const part = ids.slice(at, at + ID_STEP);
      await this.database.write((manager) =>
        manager.createQueryBuilder().update(StagingRecord).set({ owner }).where('id IN (:...part)', { part }).execute(),
      );
    }
  }

  /** Deletes records that ended before a date, oldest first, `limit` at most, with their files; returns how many. */
  async deleteEndedBefore(date: Date, limit: number): Promise<number> {
    const ended = await this.database.read((manager) =>
      manager
        .createQueryBuilder(StagingRecord, 'record')
        .select(['record.id', 'record.filesTotal'])
        // What ended before the date began before it: a walk along the oldest ids.
        .where('record.id < :bound AND record.finishedAt < :date', { bound: lowestIdAt(date), date })
        .orderBy('record.id')
        .limit(limit)
        .getMany(),
    );
    for (let at = 0; at < ended.length; at += DELETE_STEP) {
      await this.delete(ended.slice(at, at + DELETE_STEP).map((record) => record.id));
    }
    return ended.length;
  }

  private async delete(ids: string[]): Promise<void> {
    // Files first: should the rest not follow, the record is still there to be deleted again.
    for (const id of ids) await this.manifest.removeOf(id);
    await this.database.write((manager) =>
      manager.createQueryBuilder().delete().from(StagingRecord).where('id IN (:...ids)', { ids }).execute(),
    );
  }
}

interface IdRange {
  /** Exclusive. */
  before?: string;
  /** Inclusive. */
  since?: string;
}

/** How an operation stands. */
export type Standing = Pick<StagingRecord, 'id' | 'attempts' | 'status' | 'cancelRequestedAt'>;

/** A change of one operation's status. */
export interface Transition {
  id: string;
  from: readonly OperationStatus[];
  values: RecordValues;
}

/** What an operation came to whose record the database took or did not take. */
function unanswered(record: StagingRecord, error: DatabaseUnavailable): StagingRecord {
  return {
    ...record,
    status: 'failure',
    errorCode: error.code,
    errorReason: error.message,
    retryable: error.retryable,
    finishedAt: new Date(),
  };
}
