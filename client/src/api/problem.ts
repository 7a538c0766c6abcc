import { texts } from '../texts/texts';
import type { components } from './schema';

export type ProblemBody = components['schemas']['ProblemDto'];

/** What the service answered instead of what was asked for (RFC 9457), or that it did not answer. */
export class Problem extends Error {
  constructor(
    /** HTTP status; 0 when there was no answer. */
    readonly status: number,
    /** Our code of the error; `unreachable` when there was no answer. */
    readonly code: string,
    detail: string,
    readonly operationId: string | null = null,
    readonly fields: { field: string; message: string }[] = [],
    /** Seconds after which it is worth another try. */
    readonly retryAfter: number | null = null,
  ) {
    super(detail);
    this.name = 'Problem';
  }

  get isUnreachable(): boolean {
    return this.status === 0;
  }
}

/** Makes a problem of an answer that is none of those that were hoped for. */
export function problemOf(response: Response, body: unknown): Problem {
  const after = Number(response.headers.get('Retry-After'));
  const retryAfter = Number.isFinite(after) && after > 0 ? after : null;
  if (isProblem(body)) {
    return new Problem(response.status, body.code, body.detail, body.operation_id, body.errors ?? [], retryAfter);
  }
  const detail = texts.errors.noDetail(response.status);
  return new Problem(response.status, 'unknown', detail, null, [], retryAfter);
}

function isProblem(body: unknown): body is ProblemBody {
  return typeof body === 'object' && body !== null && 'code' in body && 'detail' in body;
}

/** The error as one that can be shown. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new Problem(0, 'page_error', texts.errors.page(message));
}
