import { AppError } from '@app/core';
import { errnoOf } from './handle';

/** Errors that mean: the file system is not there, not: this file is odd (contract, `storage_unavailable`). */
const GONE = new Set([
  'ENOTCONN',
  'EIO',
  'ESTALE',
  'ETIMEDOUT',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'EREMOTEIO',
  'ENODEV',
  'ENXIO',
  'ESHUTDOWN',
]);
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const DENIED = new Set(['EACCES', 'EPERM']);
/** On the way to a destination: somebody moved, removed or replaced there what was found a moment ago. */
const CHANGED = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EEXIST', 'ENOTEMPTY', 'EISDIR', 'EBUSY']);

/** Seconds after which a caller may ask again for a storage that does not answer. */
export const STORAGE_RETRY_SECONDS = 30;

/** The error for a root that is away. */
export function storageUnavailable(what: string, why: string, cause?: unknown): AppError {
  return new AppError('storage_unavailable', `${what} is not available (${why}). Try again later.`, {
    cause,
    retryAfterSeconds: STORAGE_RETRY_SECONDS,
  });
}

/**
 * A failed system call as the error that a caller is told; other errors come back as they are. `side` tells whose file
 * it was: the storage's or the user area's.
 */
export function translate(error: unknown, side: 'source' | 'target'): unknown {
  const errno = errnoOf(error);
  if (error instanceof AppError || errno === undefined) return error;
  const what = side === 'source' ? 'The storage' : 'The storage of the user areas';
  if (GONE.has(errno)) return storageUnavailable(what, errno, error);
  if (FULL.has(errno)) return noSpace(error);
  if (errno === 'EROFS') return storageUnavailable(what, 'it is read-only', error);
  if (DENIED.has(errno)) return denied(side, error);
  return side === 'target' ? inTheWay(errno, error) : error;
}

/** Runs calls on the storage (`source`) or in the user areas (`target`); what fails is {@link translate}d. */
export function translating<T>(side: 'source' | 'target', work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw translate(error, side);
  }
}

/** The error for a destination that is taken, or cannot be. */
export function destinationConflict(message: string, cause?: unknown): AppError {
  return new AppError('destination_conflict', message, { cause });
}

/** The error for a destination that holds another kind of thing than the source is. */
export function destinationOfOtherKind(found: string, source: 'file' | 'directory'): AppError {
  return destinationConflict(`The destination is a ${found}, the source a ${source}. Choose another destination.`);
}

/** The error for a destination that is there already, where the caller wants that to be one. */
export function alreadyExists(): AppError {
  return new AppError('already_exists', 'The destination exists already. Choose another one, or if_exists "skip".');
}

/** The error for a destination that somebody else works on at the same time: the same request may succeed later. */
export function destinationRestless(message: string, cause?: unknown): AppError {
  return new AppError('destination_conflict', `${message} Try again when it is at rest.`, { cause, retryable: true });
}

function inTheWay(errno: string, error: unknown): unknown {
  if (errno === 'ENAMETOOLONG') {
    return destinationConflict('The destination has a name that is too long for its file system.', error);
  }
  if (!CHANGED.has(errno)) return error;
  return destinationRestless('The destination was changed by somebody else while data was brought there.', error);
}

/** The error for a full disk or an exhausted quota. */
export function noSpace(cause?: unknown): AppError {
  const quota = errnoOf(cause) === 'EDQUOT';
  return new AppError(
    'insufficient_storage',
    `${quota ? 'The quota' : 'The space'} of the user area is used up. Remove what is not needed, then try again.`,
    { cause },
  );
}

function denied(side: 'source' | 'target', cause: unknown): AppError {
  if (side === 'source') {
    return new AppError('source_forbidden', 'The service may not read the source. Ask the operators of this site.', {
      cause,
    });
  }
  return new AppError(
    'internal_error',
    'The service may not write to this user area. Ask the operators of this site to check its permissions.',
    { cause, retryable: false },
  );
}
