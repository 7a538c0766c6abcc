import { Injectable } from '@nestjs/common';
import { type Request } from 'express';
import { AppError } from '@app/core';
import { IdempotencyRepository, type KeyedRequest, newOperationId } from '@app/records';
import { MethodRegistry } from '@app/staging';
import { STATUS } from '../http/error-status';
import { hashOf, idempotencyKey } from './idempotency-key';
import { KeyEnds } from './key-ends';

/** What is to be done once for each key. */
export interface OnceOnly<T> {
  /** Whose keys it is among: the caller, or the user where nobody signs in. */
  scope: string;
  /** The address, as the route has it. */
  route: string;
  /** The staging method, by any of its names. */
  method: string;
  /** All that is asked for, as plain data. */
  payload: unknown;
  /** Does it: what it makes, an operation or a batch, gets the id `subject`. */
  first: (subject: string) => Promise<T>;
  /** The answer by what is there under that id now, or its failure thrown; null when there is nothing. Has no effect. */
  again: (subject: string) => Promise<T | null>;
  /** Id of what the answer is about, where `first` may have found something that was there already. */
  subjectOf?: (answer: T) => string;
}

/** A key changes between two looks at most so often as it is asked for. */
const MAX_LOOKS = 5;
/** Seconds after which the first request may have its answer. */
const RETRY_SECONDS = 5;

/** Keeps requests with an `Idempotency-Key` from being done twice (contract, section 1). */
@Injectable()
export class Idempotency {
  constructor(
    private readonly keys: IdempotencyRepository,
    private readonly ends: KeyEnds,
    private readonly methods: MethodRegistry,
  ) {}

  /**
   * Does the work of a request: once for its key if it has one, else as ever. A repeat is answered by `again`, and does
   * nothing. Whether the caller still listens does not matter. Failures of the service (5xx, 429) and refusals that no
   * operation records let the key be taken anew; everything else answers it. Throws `validation_failed` for a malformed
   * key, `idempotency_in_progress`, `idempotency_key_reused`, `database_unavailable`, and what the work throws.
   */
  async run<T>(request: Request, work: OnceOnly<T>): Promise<T> {
    const key = idempotencyKey(request);
    return key === null ? work.first(newOperationId()) : this.once(this.keyed(key, work), work);
  }

  private keyed<T>(key: string, { scope, route, method: asSent, payload }: OnceOnly<T>): KeyedRequest {
    const method = this.methods.find(asSent)?.name ?? asSent;
    return { key: hashOf([scope, route, method, key]), payload: hashOf(payload), subject: newOperationId() };
  }

  private async once<T>(keyed: KeyedRequest, work: OnceOnly<T>): Promise<T> {
    await this.ends.catchUp(keyed.key);
    for (let looks = 0; looks < MAX_LOOKS; looks += 1) {
      const claim = await this.keys.claim(keyed);
      if (claim.type === 'new') return this.first(keyed, work);
      if (claim.type === 'reused') throw reused();
      if (claim.type === 'in_progress') break;
      const answer = await this.again(keyed.key, claim.subject, work);
      if (answer !== null) return answer;
      // Its process died before anything was recorded.
      await this.keys.free(keyed.key, claim.subject);
    }
    throw inProgress();
  }

  private async first<T>(keyed: KeyedRequest, work: OnceOnly<T>): Promise<T> {
    const { key, subject } = keyed;
    try {
      const answer = await work.first(subject);
      const made = work.subjectOf?.(answer) ?? subject;
      if (made !== subject) await this.isAbout({ ...keyed, subject: made }, subject);
      else await this.ends.write(key, subject, 'answered');
      return answer;
    } catch (error) {
      await this.ends.write(key, subject, isAnswer(error) ? 'answered' : 'free');
      throw error;
    }
  }

  /** The request joined another one's operation: from now on the key is about that. */
  private async isAbout(keyed: KeyedRequest, before: string): Promise<void> {
    await this.ends.write(keyed.key, before, 'free');
    try {
      await this.keys.claim(keyed);
    } catch {
      // A repeat will join as well.
      return;
    }
    await this.ends.write(keyed.key, keyed.subject, 'answered');
  }

  private async again<T>(key: string, subject: string, work: OnceOnly<T>): Promise<T | null> {
    try {
      return await work.again(subject);
    } catch (error) {
      // What is told of the operation itself counts as any answer does; that it cannot be looked up now does not.
      if (error instanceof AppError && error.operationId === subject && !isAnswer(error)) {
        await this.ends.write(key, subject, 'free');
      }
      throw error;
    }
  }
}

/** True for a failure that the same request is answered with from now on. */
function isAnswer(error: unknown): boolean {
  if (!(error instanceof AppError) || error.operationId === undefined) return false;
  const status = STATUS[error.code];
  return status < 500 && status !== 429;
}

function inProgress(): AppError {
  return new AppError(
    'idempotency_in_progress',
    'The first request with this Idempotency-Key has not been answered yet. Ask again in a moment.',
    { retryable: true, retryAfterSeconds: RETRY_SECONDS },
  );
}

function reused(): AppError {
  return new AppError(
    'idempotency_key_reused',
    'This Idempotency-Key was used for another request within the last 24 hours. Choose a new key for each request.',
  );
}
