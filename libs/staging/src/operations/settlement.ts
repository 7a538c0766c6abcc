import { AppError, ERROR_CODES, type ErrorCode } from '@app/core';
import { type RawName, rawFromText, showPathAs } from '@app/files';
import { type StagingRecord } from '@app/records';
import { type OperationCancelled } from '../contract/operation-cancelled';
import { type StagingOutcome } from '../contract/staging-method';
import { isHopeless } from './retry-policy';

/** What a record says of an operation that went well. `view` is what staged paths are relative to, when users see that. */
export function successOf(
  record: StagingRecord,
  outcome: StagingOutcome,
  view: string | undefined,
): Partial<StagingRecord> {
  const { checksum, files, bytes, stagedPath } = outcome;
  return {
    status: 'success',
    outcome: outcome.outcome,
    storage: outcome.storage,
    kind: outcome.kind,
    ...(stagedPath !== null && pathsOf(record, view === undefined ? stagedPath : `${rawFromText(view)}/${stagedPath}`)),
    filesTotal: files,
    filesDone: outcome.done?.files ?? files,
    bytesTotal: bytes,
    bytesDone: outcome.done?.bytes ?? bytes,
    checksumAlgorithm: checksum?.algorithm ?? null,
    checksumValue: checksum?.value ?? null,
    link: outcome.link,
    matchesSource: outcome.matchesSource,
    warning: outcome.warning ?? null,
    expiresAt: outcome.expiresAt ?? null,
    finishedAt: new Date(),
  };
}

/** The paths of one record are all written in one way, also when only the staged one needs the encoding. */
function pathsOf(record: StagingRecord, stagedPath: RawName): Partial<StagingRecord> {
  const { text, encoding } = showPathAs(stagedPath, record.nameEncoding);
  if (encoding === record.nameEncoding) return { stagedPath: text };
  const encode = (path: string) => showPathAs(rawFromText(path), encoding).text;
  return {
    nameEncoding: encoding,
    stagedPath: text,
    localPathOnStorage: encode(record.localPathOnStorage),
    relativePath: record.relativePath === null ? null : encode(record.relativePath),
  };
}

/** What a record says of an operation that failed. */
export function failureOf({ code, message }: AppError): Partial<StagingRecord> {
  const told = { errorCode: code, errorReason: message, retryable: !isHopeless(code) };
  return { status: 'failure', ...told, finishedAt: new Date() };
}

/** What a record says of an operation that was cancelled. */
export function cancellationOf({ message, bytes }: OperationCancelled): Partial<StagingRecord> {
  const told = { errorCode: null, errorReason: message, retryable: true };
  return { status: 'cancelled', ...told, ...(bytes !== undefined && { bytesDone: bytes }), finishedAt: new Date() };
}

/** What whoever waited for an operation is told of its failure, as far as its record knows that; null for a success. */
export function toldFailureOf({ id, status, errorCode, errorReason }: StagingRecord): AppError | null {
  if (status !== 'failure' && status !== 'cancelled') return null;
  const code = status === 'cancelled' ? 'already_ended' : codeOf(errorCode);
  return new AppError(code, errorReason ?? 'The operation failed; its record tells more.').ofOperation(id);
}

/** The code of a record, which may be of another version of the service. */
function codeOf(text: string | null): ErrorCode {
  return ERROR_CODES.find((code) => code === text) ?? 'internal_error';
}

/** What somebody is told who still waits for an operation that was cancelled. */
export function wasCancelled({ message }: Pick<OperationCancelled, 'message'>): AppError {
  return new AppError('already_ended', message, { retryable: true });
}

/** What an attempt is told whose operation is another one's by now. */
export function takenOver(): AppError {
  return new AppError('already_ended', 'The operation was ended or taken over by another process.');
}

/** The record's answer to an operation whose process died while it ran. */
export function processDied(): AppError {
  return new AppError(
    'internal_error',
    'The service stopped unexpectedly while this operation ran, so its end is not known; half a result is never visible. Stage it again: what is there already is told as such.',
    { retryable: true },
  );
}
