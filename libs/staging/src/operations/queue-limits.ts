import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '@app/core';
import { JOB_QUEUE, type JobQueue, type Room } from '@app/queue';
import { type StagingOptions } from '../contract/staging-options';
import { STAGING_OPTIONS } from '../staging.tokens';

/** Seconds after which some of a user's operations may have ended. */
const RETRY_SECONDS = 60;

/** Holds the site's limit of waiting operations, also against requests that come at once. */
@Injectable()
export class QueueLimits {
  constructor(
    @Inject(JOB_QUEUE) private readonly queue: Pick<JobQueue, 'keepRoom'>,
    @Inject(STAGING_OPTIONS) private readonly options: Pick<StagingOptions, 'maxQueuedPerUser'>,
  ) {}

  /**
   * Makes room for `jobs` more in a user's line. Throws `quota_exceeded` beyond the site's limit, `queue_unavailable` when
   * that cannot be known: also without a limit, since nothing is to be begun then that the queue could not take.
   */
  async admit(user: string, jobs: number): Promise<Room> {
    const { maxQueuedPerUser: limit } = this.options;
    const room = await this.queue.keepRoom(user, jobs, limit);
    if (!room.kept) throw tooMany(jobs, room.waiting, limit);
    return room;
  }
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
