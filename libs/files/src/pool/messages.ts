import { AppError, type ErrorCode, type FieldError } from '@app/core';
import { DestinationTaken, OtherFileSystem } from '../engine/publish';
import { NotResumable } from '../engine/resume';
import { CancelledError } from './control';

/** What the service sends to a worker. */
export interface TaskMessage {
  id: number;
  kind: string;
  input: unknown;
  ledger: SharedArrayBuffer;
}

/** What a worker sends back. */
export type WorkerMessage =
  | { id: number; type: 'report'; data: unknown }
  | { id: number; type: 'done'; value: unknown }
  | { id: number; type: 'failed'; error: PlainError };

/** An error that can travel between threads: a structured clone loses the class and the code. */
export interface PlainError {
  name: string;
  message: string;
  stack: string | undefined;
  errno?: string;
  app?: { code: ErrorCode; retryable: boolean; retryAfterSeconds?: number; errors?: FieldError[] };
  cause?: PlainError;
}

export function toPlainError(error: unknown): PlainError {
  const { name, message, stack, cause } = error instanceof Error ? error : new Error(String(error));
  const plain: PlainError = { name, message, stack };
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof AppError) {
    const { code: app, retryable, retryAfterSeconds, errors } = error;
    plain.app = { code: app, retryable, retryAfterSeconds, errors };
  } else if (typeof code === 'string') plain.errno = code;
  if (cause !== undefined) plain.cause = toPlainError(cause);
  return plain;
}

export function fromPlainError(plain: PlainError): Error {
  const cause = plain.cause && fromPlainError(plain.cause);
  const error = rebuild(plain, cause);
  error.stack = plain.stack ?? error.stack ?? '';
  return error;
}

function rebuild(plain: PlainError, cause: Error | undefined): Error {
  if (plain.app) return new AppError(plain.app.code, plain.message, { ...plain.app, cause });
  if (plain.name === 'CancelledError') return new CancelledError();
  if (plain.name === 'DestinationTaken') return new DestinationTaken();
  if (plain.name === 'NotResumable') return new NotResumable();
  if (plain.name === 'OtherFileSystem') return new OtherFileSystem(cause);
  return Object.assign(new Error(plain.message, { cause }), { name: plain.name }, plain.errno && { code: plain.errno });
}
