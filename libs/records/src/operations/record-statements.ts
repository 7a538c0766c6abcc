import { setImmediate as breathe } from 'node:timers/promises';
import { type EntityManager, type SelectQueryBuilder } from 'typeorm';
import { AppError } from '@app/core';
import { type QueryDeepPartialEntity } from 'typeorm/query-builder/QueryPartialEntity';
import { type OperationStatus, StagingRecord, UNFINISHED } from '../entities/staging-record.entity';
import { insertRows, updateRows } from '../database/table-statements';
import { lowestIdAt } from './operation-id';

/** Values for columns; a function gives an expression of SQL. */
export type RecordValues = QueryDeepPartialEntity<StagingRecord>;

/** Which operations a list is about; what is not given does not matter. */
export interface OperationFilter {
  status?: OperationStatus;
  method?: string;
  username?: string;
  batchId?: string;
  requestedBy?: string;
  /** Literal part of a path, the label or the reason, with the same case. */
  q?: string;
  /** Created at this time or later. */
  from?: Date;
  /** Created before this time. */
  to?: Date;
}

const SEARCHED = ['localPathOnStorage', 'relativePath', 'stagedPath', 'label', 'errorReason'] as const;

/** Adds one record. */
export async function insertRecord(manager: EntityManager, values: RecordValues): Promise<void> {
  await insertRows(manager, StagingRecord, [values]);
}

/**
 * An attempt of an operation, by the operation's id and its number: whoever does an attempt changes nothing any more once
 * another one has begun. The id alone: whatever attempt it is at.
 */
export type AttemptKey = string | Pick<StagingRecord, 'id' | 'attempts'>;

/** What an attempt is told whose operation has ended, or is at another one, before anything of it was visible. */
export function takenOver(): AppError {
  return new AppError('already_ended', 'The operation was ended or taken over while it ran; nothing was staged.');
}

/** Changes a record that has not ended; false when it has, is at another attempt, or is not there. */
export function updateUnfinished(manager: EntityManager, key: AttemptKey, values: RecordValues): Promise<boolean> {
  return updateWhere(manager, key, UNFINISHED, values);
}

/** Changes a record that has one of these statuses; false when it has another, is at another attempt, or is not there. */
export async function updateWhere(
  manager: EntityManager,
  key: AttemptKey,
  from: readonly OperationStatus[],
  values: RecordValues,
): Promise<boolean> {
  return (await updateRows(manager, StagingRecord, values, whereIs(key, from))) === 1;
}

/** The condition for a record that has one of these statuses and is at this attempt. */
export function whereIs(
  key: AttemptKey,
  statuses: readonly OperationStatus[],
): { text: string; parameters: unknown[] } {
  const text = `status IN (${statuses.map(() => '?').join(', ')})`;
  if (typeof key === 'string') return { text: `id = ? AND ${text}`, parameters: [key, ...statuses] };
  return { text: `id = ? AND attempts = ? AND ${text}`, parameters: [key.id, key.attempts, ...statuses] };
}

/** Ends the attempt that a settlement is about; false when another one has begun, or it has ended. */
export function updateAttempt(manager: EntityManager, record: StagingRecord): Promise<boolean> {
  return updateUnfinished(manager, record, record);
}

/** The records that a filter names, newest first; `q` is left to {@link containing}. */
export function matching(manager: EntityManager, filter: OperationFilter): SelectQueryBuilder<StagingRecord> {
  const query = manager.createQueryBuilder(StagingRecord, 'record').orderBy('record.id', 'DESC');
  for (const column of ['status', 'method', 'username', 'batchId', 'requestedBy'] as const) {
    const value = filter[column];
    if (value !== undefined) query.andWhere(`record.${column} = :${column}`, { [column]: value });
  }
  // Ids tell the time, so that a period is a range of the primary key.
  if (filter.from) query.andWhere('record.id >= :from', { from: lowestIdAt(filter.from) });
  if (filter.to) query.andWhere('record.id < :to', { to: lowestIdAt(filter.to) });
  return query;
}

/** Narrows to records that hold a text; INSTR knows no wildcards. */
export function containing(query: SelectQueryBuilder<StagingRecord>, q: string): SelectQueryBuilder<StagingRecord> {
  return query.andWhere(`(${SEARCHED.map((column) => `INSTR(record.${column}, :q) > 0`).join(' OR ')})`, { q });
}

/** Records of one part of a walk. */
const WALK_STEP = 500;

/** Begins a query of records behind an id, oldest first, `count` at most. */
export function recordsAfter(manager: EntityManager, after: string, count: number): SelectQueryBuilder<StagingRecord> {
  return manager
    .createQueryBuilder(StagingRecord, 'record')
    .where('record.id > :after', { after })
    .orderBy('record.id')
    .limit(count);
}

/** All records that `next` finds, a part at a time, each behind the last one of the part before. */
export async function* walk(
  next: (after: string, count: number) => Promise<StagingRecord[]>,
): AsyncGenerator<StagingRecord[], void> {
  for (let after = ''; ;) {
    const records = await next(after, WALK_STEP);
    // Before they are handed out: whoever gets them may change them.
    const last = records.at(-1)?.id;
    if (records.length > 0) yield records;
    if (records.length < WALK_STEP) return;
    after = last!;
    // On SQLite nothing is waited for: others need their turn.
    await breathe();
  }
}
