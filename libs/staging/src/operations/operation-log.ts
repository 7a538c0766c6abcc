import { AppError } from '@app/core';
import { type StagingRecord } from '@app/records';

/** Failures that operators should see as errors; the others are the caller's to mend. */
const SITE_FAILURES = new Set(['internal_error', 'storage_unavailable', 'insufficient_storage', 'checksum_mismatch']);

/** How grave a failure is for those who read the log. */
export function levelOf(failure: AppError): 'error' | 'warning' {
  return SITE_FAILURES.has(failure.code) ? 'error' : 'warning';
}

/** What the log says of an operation at its end; what is not known is left out. `begun` is of `performance.now()`. */
export function told(record: StagingRecord, begun: number): Record<string, unknown> {
  const { checksumAlgorithm, checksumValue } = record;
  const fields = {
    source: record.localPathOnStorage,
    destination: record.relativePath,
    kind: record.kind,
    staged_path: record.stagedPath,
    files: record.filesDone,
    bytes: record.bytesDone,
    link: record.link,
    checksum: checksumValue && `${checksumAlgorithm}:${checksumValue}`,
    matches_source: record.matchesSource,
    duration_ms: Math.round(performance.now() - begun),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));
}

/** The stack goes to the log where it tells more than the sentence. */
export function causeOf(failure: AppError, error: unknown): { error?: unknown } {
  if (!(error instanceof AppError)) return { error };
  return failure.cause === undefined ? {} : { error: failure.cause };
}
