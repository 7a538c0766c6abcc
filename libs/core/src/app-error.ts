import { type ErrorCode } from './error-codes';

/** One thing that is wrong with one field of a request. */
export interface FieldError {
  field: string;
  message: string;
}

/** What an {@link AppError} may carry besides its code and sentence. */
export interface AppErrorOptions {
  /** The error underneath, for the log; never shown to the caller. */
  cause?: unknown;
  /** True when the same request may succeed later without being changed. Default: by code. */
  retryable?: boolean;
  /** When to come back, in seconds. */
  retryAfterSeconds?: number;
  /** For `validation_failed`: the fields and what is wrong with each. */
  errors?: FieldError[];
  /** The operation that failed with this error, when there is one. */
  operationId?: string;
}

const RETRYABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'source_changed',
  'checksum_mismatch',
  'rate_limited',
  'quota_exceeded',
  'insufficient_storage',
  'storage_unavailable',
  'jupyter_unavailable',
  'jupyter_timeout',
  'database_unavailable',
  'auth_unavailable',
  'queue_unavailable',
  'shutting_down',
  'internal_error',
]);

/**
 * The one error of the project: thrown by libs with a code, translated to HTTP by the API alone. `message` is shown to
 * the caller, so it says what happened and what to do, and never holds a secret or a path of the host that the caller
 * did not name.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;
  readonly errors: FieldError[] | undefined;
  readonly operationId: string | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.retryable = options.retryable ?? RETRYABLE.has(code);
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.errors = options.errors;
    this.operationId = options.operationId;
  }

  /** The same error, told as the end of one operation. */
  ofOperation(operationId: string): AppError {
    const { cause, retryable, retryAfterSeconds, errors } = this;
    return new AppError(this.code, this.message, { cause, retryable, retryAfterSeconds, errors, operationId });
  }

  /** The error as an AppError: itself, or an `internal_error` around it whose sentence gives nothing away. */
  static from(error: unknown): AppError {
    if (error instanceof AppError) return error;
    return new AppError('internal_error', 'Something went wrong in the service; its log tells more.', { cause: error });
  }
}
