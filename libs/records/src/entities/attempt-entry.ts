/** Entries that a history keeps at most; the oldest go first. */
const MAX_ENTRIES = 20;
/** Characters of a reason that a history keeps. */
const MAX_REASON = 500;

/** An attempt of an operation that was not its last. */
export interface AttemptEntry {
  /** From 1. */
  attempt: number;
  /** `interrupted`: its process stopped or died. */
  status: 'failure' | 'cancelled' | 'interrupted';
  errorCode: string | null;
  errorReason: string | null;
  /** ISO 8601, UTC. */
  startedAt: string | null;
  endedAt: string;
}

/** A history with one more entry; bounded, so that an operation that is tried for ever does not grow for ever. */
export function appendAttempt(history: AttemptEntry[] | null, entry: AttemptEntry): AttemptEntry[] {
  const errorReason = entry.errorReason?.slice(0, MAX_REASON) ?? null;
  return [...(history ?? []), { ...entry, errorReason }].slice(-MAX_ENTRIES);
}
