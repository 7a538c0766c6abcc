import { type EntityManager } from 'typeorm';
import { type Database } from '../database/database';
import { insertRows } from '../database/table-statements';
import { type AuditDecision, StagingAudit } from '../entities/staging-audit.entity';
import { StagingBatch } from '../entities/staging-batch.entity';
import { StagingRecord } from '../entities/staging-record.entity';
import { fromCursor, type Page, pageOf } from '../lists/cursor';
import { isOperationId, lowestIdAt } from '../operations/operation-id';

/** Entries of one part of a walk. */
const WALK_STEP = 500;
/** Entries that are deleted by one statement. */
const DELETE_STEP = 500;

/** Which entries a list is about; what is not given does not matter. */
export interface AuditFilter {
  caller?: string;
  username?: string;
  decision?: AuditDecision;
  operationId?: string;
  /** Made at this time or later. */
  from?: Date;
  /** Made before this time. */
  to?: Date;
}

/** The trail of who asked what for whom. Entries are added and, when they are old enough, removed; never changed. */
export class AuditRepository {
  constructor(private readonly database: Database) {}

  /**
   * Adds entries, all or none. Those that name an operation or batch, but not for whom, get that from its record. An
   * entry that is there already makes it fail: what was added and not answered for is not to be added again.
   */
  async add(entries: readonly StagingAudit[]): Promise<void> {
    await this.database.transaction(async (manager) => {
      await fillUsernames(manager, entries);
      await insertRows(manager, StagingAudit, entries);
    });
  }

  /** Which of these are there. */
  async known(ids: readonly string[]): Promise<Set<string>> {
    const found = await this.database.read((manager) =>
      manager
        .createQueryBuilder(StagingAudit, 'entry')
        .select('entry.id')
        .where('entry.id IN (:...ids)', { ids })
        .getMany(),
    );
    return new Set(found.map(({ id }) => id));
  }

  /** A part of the list, newest first. Throws `validation_failed` for a cursor that is none. */
  async page(filter: AuditFilter, limit: number, cursor?: string): Promise<Page<StagingAudit>> {
    const before = cursor === undefined ? undefined : fromCursor(cursor, isOperationId);
    return pageOf(await this.list(filter, limit + 1, before), limit);
  }

  /** All of the list, newest first, in parts; entries that come meanwhile are not in it. */
  async *each(filter: AuditFilter): AsyncGenerator<StagingAudit[], void> {
    for (let before: string | undefined; ;) {
      const entries = await this.list(filter, WALK_STEP, before);
      if (entries.length > 0) yield entries;
      if (entries.length < WALK_STEP) return;
      before = entries.at(-1)!.id;
    }
  }

  private list(filter: AuditFilter, count: number, before?: string): Promise<StagingAudit[]> {
    return this.database.read((manager) => {
      const query = manager.createQueryBuilder(StagingAudit, 'entry').orderBy('entry.id', 'DESC').limit(count);
      for (const column of ['caller', 'username', 'decision', 'operationId'] as const) {
        const value = filter[column];
        if (value !== undefined) query.andWhere(`entry.${column} = :${column}`, { [column]: value });
      }
      // Ids tell the time, so that a period is a range of the primary key.
      if (filter.from) query.andWhere('entry.id >= :from', { from: lowestIdAt(filter.from) });
      if (filter.to) query.andWhere('entry.id < :to', { to: lowestIdAt(filter.to) });
      if (before !== undefined) query.andWhere('entry.id < :before', { before });
      return query.getMany();
    });
  }

  /** Removes entries of before a date, oldest first, `limit` at most; returns how many. */
  async deleteBefore(date: Date, limit: number): Promise<number> {
    const old = await this.database.read((manager) =>
      manager
        .createQueryBuilder(StagingAudit, 'entry')
        .select('entry.id')
        .where('entry.id < :bound', { bound: lowestIdAt(date) })
        .orderBy('entry.id')
        .limit(limit)
        .getMany(),
    );
    for (let at = 0; at < old.length; at += DELETE_STEP) {
      const ids = old.slice(at, at + DELETE_STEP).map(({ id }) => id);
      await this.database.write((manager) => manager.delete(StagingAudit, ids));
    }
    return old.length;
  }
}

async function fillUsernames(manager: EntityManager, entries: readonly StagingAudit[]): Promise<void> {
  for (const [key, table] of [
    ['operationId', StagingRecord],
    ['batchId', StagingBatch],
  ] as const) {
    const open = entries.filter((entry) => entry.username === null && entry[key] !== null);
    if (open.length === 0) continue;
    const ids = [...new Set(open.map((entry) => entry[key]))];
    const found = await manager
      .createQueryBuilder<StagingRecord | StagingBatch>(table, 'subject')
      .select(['subject.id', 'subject.username'])
      .where('subject.id IN (:...ids)', { ids })
      .getMany();
    const users = new Map(found.map(({ id, username }) => [id, username]));
    for (const entry of open) entry.username = users.get(entry[key]!) ?? null;
  }
}
