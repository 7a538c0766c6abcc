import { AppError, type FieldError } from '@app/core';

/** More errors than this tell a caller nothing new. */
export const MAX_ERRORS = 20;

/** The error for what is wrong with a request; of more than {@link MAX_ERRORS} errors the first ones are told. */
export function notValid(errors: FieldError[]): AppError {
  const shown = errors.slice(0, MAX_ERRORS);
  const detail = shown.map(({ field, message }) => `${field} ${message}`).join('; ');
  return new AppError('validation_failed', `${detail}${errors.length > shown.length ? '; and more' : ''}.`, {
    errors: shown,
  });
}
