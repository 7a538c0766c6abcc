import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '@app/core';
import { JOB_QUEUE, type JobQueue } from '@app/queue';
import { type StagingOptions } from '../contract/staging-options';
import { STAGING_OPTIONS } from '../staging.tokens';

/** Seconds after which some of a user's operations may have ended. */
const RETRY_SECONDS = 60;

/** Room for jobs in a user's line, until they are in it. */
export interface Admission {
  /** They are in the queue, or will never be. Once only. */
  done(): void;
}

/** Holds the site's limit of waiting operations, also against requests that come at once. */
@Injectable()
export class QueueLimits {
  private readonly onTheWay = new Map<string, number>();

  constructor(
    @Inject(JOB_QUEUE) private readonly queue: JobQueue,
    @Inject(STAGING_OPTIONS) private readonly options: Pick<StagingOptions, 'maxQueuedPerUser'>,
  ) {}

  /**
   * Makes room for `jobs` more in a user's line. Throws `quota_exceeded` beyond the site's limit, `queue_unavailable` when
   * that cannot be known.
   */
  async admit(user: string, jobs: number): Promise<Admission> {
    // Before anything is waited for: what comes meanwhile counts it.
    const before = this.onTheWay.get(user) ?? 0;
    this.onTheWay.set(user, before + jobs);
    try {
      const { maxQueuedPerUser: limit } = this.options;
      // Asked in any case where it may be away: nothing is begun then that it could not take.
      const waiting = limit > 0 || this.queue.shared ? await this.queue.waitingOf(user) : 0;
      if (limit > 0) refuseBeyond(limit, jobs, before + waiting);
    } catch (error) {
      this.leave(user, jobs);
      throw error;
    }
    return { done: () => this.leave(user, jobs) };
  }

  private leave(user: string, jobs: number): void {
    const left = (this.onTheWay.get(user) ?? 0) - jobs;
    if (left > 0) this.onTheWay.set(user, left);
    else this.onTheWay.delete(user);
  }
}

function refuseBeyond(limit: number, jobs: number, waiting: number): void {
  if (waiting + jobs > limit) throw tooMany(jobs, waiting, limit);
}

function tooMany(jobs: number, waiting: number, limit: number): AppError {
  const asked = jobs === 1 ? 'one more' : `${jobs} more`;
  return new AppError(
    'quota_exceeded',
    `The user has ${waiting} operations waiting and asks for ${asked}; the site allows ${limit}. Try again when some have ended.`,
    { retryAfterSeconds: RETRY_SECONDS },
  );
}

/** The error for work that cannot wait, of a user who has as many running as the site allows. */
export function tooManyRunning(): AppError {
  return new AppError(
    'quota_exceeded',
    'The user has as many operations running as the site allows. Try again when one has ended.',
    { retryAfterSeconds: RETRY_SECONDS },
  );
}
