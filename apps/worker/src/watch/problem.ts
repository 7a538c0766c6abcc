import { type AppError, ERROR_TITLES, type ErrorCode } from '@app/core';

/** The HTTP status of what can go wrong here; all else is a 500. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
};

/** Media type of a problem document (RFC 9457). */
export const PROBLEM_TYPE = 'application/problem+json';

/** An error as callers get it, in the form in which the API tells errors. `path`: what was asked for, without its query. */
export function problemOf({ code, message }: AppError, path: string): { status: number; body: string } {
  const status = STATUS[code] ?? 500;
  const problem = {
    type: `/docs#${code}`,
    title: ERROR_TITLES[code],
    status,
    detail: message,
    instance: path,
    code,
    operation_id: null,
  };
  return { status, body: JSON.stringify(problem) };
}
