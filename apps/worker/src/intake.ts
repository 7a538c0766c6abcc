import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { AppLogger } from '@app/logging';
import { RootsGate } from '@app/monitoring';
import { JOB_QUEUE, type JobQueue } from '@app/queue';

/**
 * Takes work out of the queue only while this worker can use its storages: others may be able to, and one without the mount
 * would fail what they could do. What is under way goes on.
 */
@Injectable()
export class Intake implements OnModuleInit, OnApplicationShutdown {
  private unsubscribe: (() => void) | undefined;

  constructor(
    private readonly gate: RootsGate,
    @Inject(JOB_QUEUE) private readonly queue: Pick<JobQueue, 'pause' | 'resume'>,
    private readonly logger: AppLogger,
  ) {}

  /** Before the queue begins to hand out work. */
  onModuleInit(): void {
    this.unsubscribe = this.gate.onChange((problem) => this.apply(problem));
    // At the start it is closed, until the storages were looked at; that is nothing to tell.
    if (this.gate.problem !== null) this.queue.pause(this.gate.problem);
  }

  onApplicationShutdown(): void {
    this.unsubscribe?.();
  }

  private apply(problem: string | null): void {
    if (problem === null) {
      this.queue.resume();
      this.logger.info('Takes work');
    } else {
      this.queue.pause(problem);
      this.logger.warning('Takes no work, since not all storages can be used', { problem });
    }
  }
}
