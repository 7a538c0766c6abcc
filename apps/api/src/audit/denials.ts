import { type ErrorCode } from '@app/core';

/** Answers that mean: not you, or not so often. */
const DENIALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'unauthorized',
  'forbidden',
  'source_forbidden',
  'link_invalid',
  'rate_limited',
  'quota_exceeded',
]);

/** Whether an answer with this code means that somebody was refused, and not that something failed. */
export function isDenial(code: ErrorCode | null): boolean {
  return code !== null && DENIALS.has(code);
}
