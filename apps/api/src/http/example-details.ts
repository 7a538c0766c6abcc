import { type ErrorCode, type FieldError } from '@app/core';

/** What examples in the OpenAPI document say for each code that this version answers with. */
export const EXAMPLE_DETAILS: Partial<Record<ErrorCode, { detail: string; errors?: FieldError[] }>> = {
  validation_failed: {
    detail:
      'username must have 1 to 64 ASCII letters, digits, ".", "_", "-" or "@", and begin with a letter, a digit or "_".',
    errors: [
      {
        field: 'username',
        message:
          'must have 1 to 64 ASCII letters, digits, ".", "_", "-" or "@", and begin with a letter, a digit or "_"',
      },
    ],
  },
  invalid_method: { detail: 'Invalid staging method: teleport' },
  source_not_found: { detail: 'Source path does not exist: obs/42.fits' },
  path_outside_storage: { detail: 'The path leads out of the storage: ../etc/passwd' },
  path_outside_user_area: {
    detail: 'The destination leaves the user area: give a path relative to it, without "..".',
  },
  source_unsupported: { detail: 'The source is a FIFO; only files and directories can be staged.' },
  auth_unavailable: { detail: "The site's sign-in does not answer. Try again later." },
  unauthorized: { detail: 'Sign in: send a token of this site as a bearer token.' },
  forbidden: {
    detail: 'This name is not one of the service: the site lists its names in ALLOWED_HOSTS.',
  },
  source_forbidden: { detail: 'The service may not read the source. Ask the operators of this site.' },
  link_invalid: { detail: 'This download link does not work, or not any more. Ask for a new one.' },
  not_found: { detail: 'There is nothing at this address.' },
  method_not_allowed: { detail: 'This address takes GET, HEAD, OPTIONS only.' },
  unsupported_media_type: {
    detail: 'Send the body as Content-Type: application/json, in UTF-8 and without Content-Encoding.',
  },
  payload_too_large: { detail: 'The body is larger than 1048576 bytes.' },
  destination_conflict: { detail: 'The destination is a directory, the source is a file. Choose another destination.' },
  already_exists: { detail: 'The destination exists already. Choose another one, or if_exists "skip".' },
  user_area_missing: { detail: 'The user has no area at this site yet. Ask its operators to create it.' },
  cross_device_link: {
    detail: 'The storage and the user area are different file systems, so no hard link can be made.',
  },
  source_writable: {
    detail: "Through a link the user could change the storage's own file (obs/42.fits: it is theirs). Copy it instead.",
  },
  source_changed: { detail: 'The source changed while it was read; nothing was staged. Try again when it is at rest.' },
  already_ended: { detail: 'The operation was ended while it ran; nothing was staged.' },
  not_retryable: { detail: 'The operation cannot be retried: it went well.' },
  file_exists: { detail: 'A file of this name exists already; choose another name.' },
  idempotency_key_reused: {
    detail:
      'This Idempotency-Key was used for another request within the last 24 hours. Choose a new key for each request.',
  },
  idempotency_in_progress: {
    detail: 'The first request with this Idempotency-Key has not been answered yet. Ask again in a moment.',
  },
  checksum_mismatch: {
    detail:
      'The source has the md5 checksum 0cc175b9c0f1b6a831c399e269772661, not the expected one; nothing was staged.',
  },
  quota_exceeded: { detail: 'The source has more files than one operation may stage. Stage it in parts.' },
  insufficient_storage: {
    detail: 'The space of the user area is used up. Remove what is not needed, then try again.',
  },
  jupyter_user_not_found: { detail: 'The JupyterHub does not know the user jane.' },
  jupyter_unavailable: { detail: 'The JupyterHub cannot be reached. Try again later.' },
  jupyter_rejected: { detail: 'The Jupyter server of jane did not start. Its log tells why.' },
  jupyter_timeout: { detail: 'The Jupyter server of jane did not start within 120 s. Try again later.' },
  storage_unavailable: { detail: 'The storage "default" is not available (no answer for 30 s). Try again later.' },
  database_unavailable: { detail: 'The database does not answer; nothing was staged. Try again later.' },
  shutting_down: { detail: 'The service is stopping; nothing was staged. Ask again in a moment.' },
  internal_error: { detail: 'Something went wrong in the service; its log tells more.' },
};
