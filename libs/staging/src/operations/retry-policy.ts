import { type AppError, type ErrorCode } from '@app/core';
import { appendAttempt, type AttemptEntry, type StagingRecord } from '@app/records';
import { type RetryOptions } from '../contract/staging-options';

/** What passes by itself, often within minutes: a mount or a service that does not answer. */
const PASSING: ReadonlySet<string> = new Set<ErrorCode>([
  'storage_unavailable',
  'jupyter_unavailable',
  'jupyter_timeout',
  'database_unavailable',
]);

/** What the same request can never do: it would have to be another one. */
const HOPELESS: ReadonlySet<string> = new Set<ErrorCode>([
  'validation_failed',
  'invalid_method',
  'path_outside_storage',
  'path_outside_user_area',
  'forbidden',
]);

const LONGEST_DELAY_MS = 15 * 60_000;
/** Attempts that ended by the death of their process: more, and the operation is taken for what kills it. */
const MAX_DEATHS = 3;

/** As if nothing had been done. */
const UNDONE = {
  status: 'queued',
  outcome: null,
  errorCode: null,
  errorReason: null,
  retryable: null,
  warning: null,
  filesDone: null,
  bytesDone: null,
  startedAt: null,
  finishedAt: null,
  expiresAt: null,
  cancelRequestedAt: null,
} as const;

/** A further attempt of an operation. */
export interface FurtherAttempt {
  /** Not to begin earlier; null: as soon as it is its turn. */
  notBefore: Date | null;
  /** What the record says from now on. */
  values: Partial<StagingRecord>;
}

/** Whether a failure with this code can never be retried. */
export function isHopeless(code: ErrorCode): boolean {
  return HOPELESS.has(code);
}

/** Whether somebody may ask for a further attempt: it could end in another way, once something was mended. */
export function isRetryable({ status, errorCode }: Pick<StagingRecord, 'status' | 'errorCode'>): boolean {
  return status === 'cancelled' || (status === 'failure' && !HOPELESS.has(errorCode ?? ''));
}

/** The attempt that follows by itself on one that failed; null where none is worth it. */
export function furtherAttemptAfter(
  record: StagingRecord,
  failure: AppError,
  options: RetryOptions,
): FurtherAttempt | null {
  const { code, message } = failure;
  // The service stops: the next process goes on, however often that happens.
  if (code === 'shutting_down') return record.background ? interruptedAttempt(record, code) : null;
  // Whoever waits is told at once, and decides: their time-out is not ours to guess.
  if (!record.background || record.awaited || !PASSING.has(code) || record.attempts >= options.attempts) return null;
  const delay = Math.min(options.delayMs * 2 ** (record.attempts - 1), LONGEST_DELAY_MS);
  // Not all at once: what failed together would otherwise come back together.
  const notBefore = new Date(Date.now() + delay * (0.75 + Math.random() / 2));
  return furtherAttempt(record, { status: 'failure', errorCode: code, errorReason: message }, notBefore);
}

/**
 * The attempt that follows on one that ended with its process; null for an operation that depends on somebody's
 * connection, and for one whose process died too often.
 */
export function attemptAfterInterruption(record: StagingRecord): FurtherAttempt | null {
  const past = record.history ?? [];
  // What failed or was cancelled was begun anew after that.
  const latest = past.slice(past.findLastIndex(({ status }) => status !== 'interrupted') + 1);
  if (!record.background || latest.filter(isDeath).length >= MAX_DEATHS) return null;
  return interruptedAttempt(record, null);
}

/** Not when the process stopped as it was told to: that says nothing about the operation. */
function isDeath({ status, errorCode }: AttemptEntry): boolean {
  return status === 'interrupted' && errorCode === null;
}

function interruptedAttempt(record: StagingRecord, errorCode: ErrorCode | null): FurtherAttempt {
  return furtherAttempt(record, { status: 'interrupted', errorCode, errorReason: null }, null);
}

/** What a record says when a further attempt was asked for. From then on it depends on nobody's connection. */
export function retryValues(record: StagingRecord, owner: string): Partial<StagingRecord> {
  const { errorCode, errorReason } = record;
  const status = record.status === 'cancelled' ? 'cancelled' : 'failure';
  const { values } = furtherAttempt(record, { status, errorCode, errorReason }, null);
  return { ...values, background: true, awaited: false, owner };
}

function furtherAttempt(
  record: StagingRecord,
  ended: Pick<AttemptEntry, 'status' | 'errorCode' | 'errorReason'>,
  notBefore: Date | null,
): FurtherAttempt {
  const { attempts, history, startedAt, finishedAt } = record;
  const times = { startedAt: startedAt?.toISOString() ?? null, endedAt: (finishedAt ?? new Date()).toISOString() };
  const past = appendAttempt(history, { attempt: attempts, ...ended, ...times });
  return { notBefore, values: { ...UNDONE, attempts: attempts + 1, history: past, notBefore } };
}
