import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { AppLogger } from '@app/logging';
import { RootsGate } from '@app/monitoring';
import { JOB_QUEUE, type JobQueue } from '@app/queue';

/**
 * Takes work out of the queue only while this worker can use its storages: others may be able to, and one without the mount
 * would fail what they could do. Where a storage of several is away, it holds back as long as another worker has all of
 * them; where none has, the storage is down for the whole site, and the work for the others goes on. What is under way
 * goes on in any case.
 */
@Injectable()
export class Intake implements OnModuleInit, OnApplicationShutdown {
  private unsubscribe: (() => void) | undefined;

  constructor(
    private readonly gate: RootsGate,
    @Inject(JOB_QUEUE) private readonly queue: Pick<JobQueue, 'pause' | 'holdBack' | 'resume'>,
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
    } else if (this.gate.isOfUse) {
      this.queue.holdBack(problem);
      this.logger.warning('Takes work only while no other worker can use all storages', { problem });
    } else {
      this.queue.pause(problem);
      this.logger.warning('Takes no work, since no storage can be used, or the user areas cannot', { problem });
    }
  }
}
