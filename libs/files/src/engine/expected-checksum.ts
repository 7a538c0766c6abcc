import { AppError } from '@app/core';
import { type Checksum } from './hashing';

/** Returns what was found; throws `checksum_mismatch` where the caller expects something else (both normalized). */
export function checkExpected(found: Checksum | null, expected: Checksum | null): Checksum | null {
  if (expected && found?.value !== expected.value) {
    throw new AppError(
      'checksum_mismatch',
      `The source has the ${expected.algorithm} checksum ${found?.value}, not the expected ${expected.value}; nothing was staged. Check the catalogue's value, or tell the operators of this site.`,
      { retryable: false },
    );
  }
  return found;
}

/** The error for a checksum that is expected of a directory. */
export function checksumOfDirectory(): AppError {
  const message = 'is for files; the source is a directory';
  return new AppError('validation_failed', `checksum ${message}.`, { errors: [{ field: 'checksum', message }] });
}
