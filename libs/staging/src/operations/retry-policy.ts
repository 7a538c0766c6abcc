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
/** Attempts that ended with their process: more, and the operation is taken for what ends it. */
const MAX_INTERRUPTED = 3;

/** Whether somebody may ask for a further attempt: it could end in another way, once something was mended. */
export function isRetryable({ status, errorCode }: Pick<StagingRecord, 'status' | 'errorCode'>): boolean {
  return status === 'cancelled' || (status === 'failure' && !HOPELESS.has(errorCode ?? ''));
}

/** Whether a failure with this code may be retried on request. */
export function isHopeless(code: ErrorCode): boolean {
  return HOPELESS.has(code);
}

/** When the next attempt of an operation in the background begins by itself; null where it is not worth one. */
export function nextAttempt(record: StagingRecord, error: AppError, options: RetryOptions): Date | null {
  if (!record.background || !PASSING.has(error.code) || record.attempts >= options.attempts) return null;
  const delay = Math.min(options.delayMs * 2 ** (record.attempts - 1), LONGEST_DELAY_MS);
  // Not all at once: what failed together would otherwise come back together.
  return new Date(Date.now() + delay * (0.75 + Math.random() / 2));
}

/** Whether an operation that a dead or stopping process had begun should be taken up again. */
export function isWorthResuming({ background, history }: StagingRecord): boolean {
  const interrupted = (history ?? []).filter((entry) => entry.status === 'interrupted').length;
  return background === true && interrupted < MAX_INTERRUPTED;
}

/** How an attempt ended that is not the last. */
export interface EndedAttempt {
  status: AttemptEntry['status'];
  errorCode: string | null;
  errorReason: string | null;
}

/** What a record says when its present attempt is over and another one is to come. */
export function furtherAttempt(record: StagingRecord, ended: EndedAttempt, notBefore: Date | null = null) {
  const { attempts, startedAt } = record;
  const entry = {
    ...ended,
    attempt: attempts,
    startedAt: startedAt?.toISOString() ?? null,
    endedAt: (record.finishedAt ?? new Date()).toISOString(),
  };
  return {
    status: 'queued' as const,
    attempts: attempts + 1,
    history: appendAttempt(record.history, entry),
    notBefore,
    ...UNDONE,
  };
}

/** As if nothing had been done. */
const UNDONE = {
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
};

/** What a record says when a further attempt was asked for. From then on it depends on nobody's connection. */
export function retryValues(record: StagingRecord, owner: string) {
  const { status, errorCode, errorReason } = record;
  const ended = { status: status === 'cancelled' ? 'cancelled' : 'failure', errorCode, errorReason } as const;
  return { ...furtherAttempt(record, ended), background: true, owner };
}
