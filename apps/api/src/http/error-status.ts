import { type ErrorCode } from '@app/core';

/** The HTTP status of each code (contract, section 1); a code that is missing here does not compile. */
export const STATUS = {
  validation_failed: 422,
  invalid_method: 400,
  source_not_found: 400,
  path_outside_storage: 400,
  path_outside_user_area: 400,
  source_unsupported: 400,
  unauthorized: 401,
  forbidden: 403,
  source_forbidden: 403,
  link_invalid: 403,
  not_found: 404,
  method_not_allowed: 405,
  unsupported_media_type: 415,
  payload_too_large: 413,
  destination_conflict: 409,
  already_exists: 409,
  user_area_missing: 409,
  cross_device_link: 409,
  source_writable: 409,
  source_changed: 409,
  already_ended: 409,
  not_retryable: 409,
  file_exists: 409,
  idempotency_key_reused: 422,
  idempotency_in_progress: 409,
  checksum_mismatch: 502,
  rate_limited: 429,
  quota_exceeded: 429,
  insufficient_storage: 507,
  storage_unavailable: 503,
  jupyter_user_not_found: 404,
  jupyter_unavailable: 503,
  jupyter_rejected: 502,
  jupyter_timeout: 504,
  database_unavailable: 503,
  auth_unavailable: 503,
  queue_unavailable: 503,
  shutting_down: 503,
  internal_error: 500,
} as const satisfies Record<ErrorCode, number>;

/** Seconds after which it makes sense to come back when the error itself does not know. */
const RETRY_AFTER: Partial<Record<number, number>> = { 429: 60, 503: 10 };

/** The value of `Retry-After` for an error, in seconds; undefined where the header makes no sense. */
export function retryAfterOf(status: number, seconds: number | undefined): number | undefined {
  return seconds === undefined ? RETRY_AFTER[status] : Math.max(1, Math.ceil(seconds));
}
