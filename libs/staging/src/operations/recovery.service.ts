import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { AppLogger } from '@app/logging';
import { JOB_QUEUE, type JobQueue } from '@app/queue';
import { IdempotencyRepository, OperationRepository, Processes } from '@app/records';
import { type StagingOptions } from '../contract/staging-options';
import { STAGING_OPTIONS } from '../staging.tokens';
import { Dispatcher } from './dispatcher';
import { Inheritance } from './inheritance';
import { LeftOverSweeper } from './left-over-sweeper';
import { QueueFiller } from './queue-filler';

/** How often what ended operations left is looked for, and old records are removed. */
const TIDY_MS = 30_000;
/** Records that one round removes at most, so that no round takes long. */
const RETENTION_BATCH = 1000;
const DAY_MS = 86_400_000;

/**
 * Goes on with what dead processes left: work that nobody's connection depended on waits in line again, all else is
 * settled as a failure that says so, and what lies in private directories of ended operations is removed. Runs at the start, before anything is taken from the queue, and again from time to time for other processes.
 */
@Injectable()
export class RecoveryService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly timers: NodeJS.Timeout[] = [];
  private beating: Promise<void> = Promise.resolve();
  private tidying: Promise<void> = Promise.resolve();

  constructor(
    private readonly records: OperationRepository,
    private readonly processes: Processes,
    private readonly idempotency: IdempotencyRepository,
    private readonly inheritance: Inheritance,
    private readonly dispatcher: Dispatcher,
    private readonly sweeper: LeftOverSweeper,
    private readonly filler: QueueFiller,
    @Inject(JOB_QUEUE) private readonly queue: Pick<JobQueue, 'onLoss'>,
    private readonly logger: AppLogger,
    @Inject(STAGING_OPTIONS) private readonly options: Pick<StagingOptions, 'recordRetentionDays'>,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    // Without this nobody would find what this process leaves.
    await this.processes.register();
    await this.attempt('take over', () => this.takeOver());
    this.queue.onLoss(() => this.filler.fillIfShort());
    this.dispatcher.start();
    // A storage that hangs must not keep the service from starting: its left-overs are removed when it is back.
    this.tidying = this.tidy();
    this.every(TIDY_MS, () => {
      this.tidying = this.tidying.then(() => this.tidy());
    });
    // Not behind the tidying, which may take long: who does not beat is taken for dead.
    this.every(this.processes.beatMs, () => {
      this.beating = this.beating.then(() => this.beat());
    });
  }

  private every(ms: number, work: () => void): void {
    const timer = setInterval(work, ms);
    timer.unref();
    this.timers.push(timer);
  }

  async onApplicationShutdown(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    await Promise.all([this.beating, this.tidying]);
    await this.sweeper.idle();
  }

  private async beat(): Promise<void> {
    await this.attempt('beat for', () => this.processes.beat());
    await this.attempt('take over', () => this.takeOver());
  }

  private async tidy(): Promise<void> {
    await this.sweeper.sweep();
    await this.attempt('expire', () => this.expire());
  }

  private async attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.logger.warning(`Could not ${what} operations; it is tried again`, { error });
    }
  }

  private async takeOver(): Promise<void> {
    for (const name of await this.processes.dead()) {
      if (!(await this.processes.inherit(name))) continue;
      await this.inheritance.take(name, (record) => this.sweeper.add(record));
      await this.processes.forget(name);
    }
  }

  private async expire(): Promise<void> {
    await this.idempotency.deleteBefore(new Date(Date.now() - DAY_MS));
    const days = this.options.recordRetentionDays;
    if (days === 0) return;
    const removed = await this.records.deleteEndedBefore(new Date(Date.now() - days * DAY_MS), RETENTION_BATCH);
    if (removed > 0) this.logger.info('Removed old records', { records: removed, older_than_days: days });
  }
}
