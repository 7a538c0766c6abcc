import { HttpException } from '@nestjs/common';
import { AppError } from '@app/core';

/**
 * Any error of a request as an AppError: those of Nest and Express that are the caller's fault get the contract's codes,
 * everything else becomes `internal_error` around its cause.
 */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  switch (statusOf(error)) {
    case 400:
      // Addresses are checked before, so the body is what is left to be malformed.
      return malformed('body', 'is not complete, valid JSON');
    case 404:
      return new AppError('not_found', 'There is nothing at this address.');
    case 413:
      return tooLarge((error as { limit?: number }).limit);
    case 415:
      return unsupportedType();
    default:
      return AppError.from(error);
  }
}

/** The status that Nest (HttpException) and Express (http-errors) attach to their errors. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  return error instanceof Error ? (error as { status?: number }).status : undefined;
}

/** `validation_failed` for one part of a request. */
export function malformed(field: string, message: string): AppError {
  return new AppError('validation_failed', `${field} ${message}.`, { errors: [{ field, message }] });
}

/** `payload_too_large`, with the limit where it is known. */
export function tooLarge(limit: number | undefined, what = 'The body'): AppError {
  const bytes = limit === undefined ? 'what is allowed' : `${limit} bytes`;
  return new AppError('payload_too_large', `${what} is larger than ${bytes}.`);
}

/** `unsupported_media_type`: bodies are JSON in UTF-8, not compressed. */
export function unsupportedType(): AppError {
  const message = 'Send the body as Content-Type: application/json, in UTF-8 and without Content-Encoding.';
  return new AppError('unsupported_media_type', message);
}
