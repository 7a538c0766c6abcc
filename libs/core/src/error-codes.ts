/**
 * Each error that a caller can be told, with the title of its problem document (RFC 9457). The HTTP status belongs to
 * the edge (`apps/api`); libs know codes only.
 */
export const ERROR_TITLES = {
  validation_failed: 'The request is malformed',
  invalid_method: 'Unknown staging method',
  source_not_found: 'The source does not exist',
  path_outside_storage: 'The path leaves the storage',
  path_outside_user_area: 'The path leaves the user area',
  source_unsupported: 'The source cannot be staged',
  unauthorized: 'Sign-in is required',
  forbidden: 'Not allowed',
  source_forbidden: 'The user may not read the source',
  link_invalid: 'The download link is not valid',
  not_found: 'Not found',
  method_not_allowed: 'Method not allowed',
  unsupported_media_type: 'Unsupported media type',
  payload_too_large: 'The body is too large',
  destination_conflict: 'The destination is taken',
  already_exists: 'The destination exists already',
  user_area_missing: 'The user has no area',
  cross_device_link: 'A link cannot be made here',
  source_writable: 'The user could change the source',
  source_changed: 'The source changed while it was read',
  already_ended: 'The operation has ended',
  not_retryable: 'The operation cannot be retried',
  file_exists: 'The file exists already',
  idempotency_key_reused: 'The idempotency key was used for another request',
  idempotency_in_progress: 'The first request with this idempotency key still runs',
  checksum_mismatch: 'The checksums differ',
  rate_limited: 'Too many requests',
  quota_exceeded: 'A limit is reached',
  insufficient_storage: 'Not enough space',
  storage_unavailable: 'The storage does not answer',
  jupyter_user_not_found: 'The hub does not know the user',
  jupyter_unavailable: 'Jupyter cannot be reached',
  jupyter_rejected: 'Jupyter refused',
  jupyter_timeout: 'Jupyter did not answer in time',
  database_unavailable: 'The database does not answer',
  auth_unavailable: 'Sign-in cannot be checked',
  queue_unavailable: 'The queue does not answer',
  shutting_down: 'The service is stopping',
  internal_error: 'Internal error',
} as const;

/** A stable name for one kind of failure; part of the public contract. */
export type ErrorCode = keyof typeof ERROR_TITLES;

/** All codes, in the order of the contract. */
export const ERROR_CODES = Object.keys(ERROR_TITLES) as ErrorCode[];
