import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { AppLogger } from '@app/logging';
import { JOB_QUEUE, type JobQueue } from '@app/queue';
import { OperationRepository, type Standing } from '@app/records';
import { cancelledOnRequest } from '../contract/operation-cancelled';
import { LiveOperations } from './live-operations';
import { takenOver } from './settlement';

/** How often a process looks whether what it does is still its own. */
const LOOK_MS = 1000;

/**
 * Looks again and again whether what this process does is still its own, and still wanted: a process that stood still, or was
 * cut off, may have lost its work to another one without hearing of it, and a request to end an operation may not have
 * come through. Needed only where other processes work on the same records.
 */
@Injectable()
export class OwnWork implements OnModuleInit, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;

  constructor(
    @Inject(JOB_QUEUE) private readonly queue: Pick<JobQueue, 'shared' | 'abort' | 'runningHere'>,
    private readonly records: OperationRepository,
    private readonly live: LiveOperations,
    private readonly logger: AppLogger,
  ) {}

  onModuleInit(): void {
    if (!this.queue.shared) return;
    this.timer = setInterval(() => {
      this.looking ??= this.look().finally(() => (this.looking = undefined));
    }, LOOK_MS);
    this.timer.unref();
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }

  private async look(): Promise<void> {
    // Those that have begun: before that, or once they have ended, there is nothing to lose.
    const running = this.queue.runningHere.filter((id) => this.live.attemptOf(id) !== undefined);
    try {
      for (const standing of await this.records.standingOf(running)) this.judge(standing);
    } catch (error) {
      // Without the database nothing can be published either.
      this.logger.debug('It could not be asked whether what runs here is still wanted', { error });
    }
  }

  private judge({ id, attempts, status, cancelRequestedAt }: Standing): void {
    const attempt = this.live.attemptOf(id);
    // It ended while that was asked.
    if (attempt === undefined) return;
    if (attempts !== attempt || status !== 'running') this.queue.abort(id, takenOver());
    else if (cancelRequestedAt !== null) this.queue.abort(id, cancelledOnRequest());
  }
}
