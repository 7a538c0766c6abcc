import { type AppError, ERROR_TITLES, type ErrorCode, type FieldError } from '@app/core';
import { STATUS } from './error-status';

/** Media type of {@link Problem} (RFC 9457). */
export const PROBLEM_TYPE = 'application/problem+json';

/** An error as callers get it (RFC 9457), with the fields that the contract adds. */
export interface Problem {
  /** A stable name of the kind of error, as an address relative to the service. */
  type: string;
  title: string;
  status: number;
  detail: string;
  /** The path that was asked for; without what must not be repeated. */
  instance: string;
  code: ErrorCode;
  operation_id: string | null;
  errors?: FieldError[];
}

/** The problem document of an error. `url` is the address as asked for, with or without a query. */
export function problemOf(error: AppError, url: string, status: number = STATUS[error.code]): Problem {
  const { code, message, operationId, errors } = error;
  return {
    type: `/docs#${code}`,
    title: ERROR_TITLES[code],
    status,
    detail: message,
    instance: shownPath(url),
    code,
    operation_id: operationId ?? null,
    ...(errors && { errors }),
  };
}

/** The path of an address as it may be shown and logged: without its query, and without the token of a download link. */
export function shownPath(url: string): string {
  const end = url.search(/[?#]/);
  return (end < 0 ? url : url.slice(0, end)).replace(/(\/downloads\/).+/is, '$1-');
}
