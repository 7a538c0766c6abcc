import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { type Bus, BUS } from '@app/cluster';
import { AppLogger } from '@app/logging';
import { JOB_QUEUE, type JobQueue } from '@app/queue';
import { OperationRepository, type StagingRecord } from '@app/records';
import { OperationCancelled } from '../contract/operation-cancelled';
import { OperationEvents } from './operation-events';
import { OperationWatch } from './operation-watch';
import { RequestsUnderWay } from './requests-under-way';
import { toldFailureOf } from './settlement';

/** How often the records are asked about operations whose end may not have been heard of. */
const ASK_MS = 2000;
/** Operations that are asked about at once. */
const ASK_STEP = 500;

/**
 * Operations that run in other processes: asks for their ends where somebody here waits for them, and asks those who run
 * them to end them. Messages make it quick; what counts is in the records, so that a message that is lost only costs time.
 */
@Injectable()
export class OthersWork implements OnModuleInit, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private asking: Promise<void> = Promise.resolve();

  constructor(
    @Inject(BUS) private readonly bus: Bus,
    @Inject(JOB_QUEUE) private readonly queue: Pick<JobQueue, 'shared' | 'abort' | 'runningHere'>,
    private readonly records: OperationRepository,
    private readonly events: OperationEvents,
    private readonly watch: OperationWatch,
    private readonly underWay: RequestsUnderWay,
    private readonly logger: AppLogger,
  ) {}

  onModuleInit(): void {
    if (!this.queue.shared) return;
    this.events.subscribe(({ record }) => this.bus.publish('operation-ended', { id: record.id }));
    this.bus.subscribe('operation-ended', ({ id }) => this.ask([id]));
    this.bus.subscribe('operation-cancel', ({ id, reason }) => {
      this.queue.abort(id, new OperationCancelled(reason));
    });
    this.timer = setInterval(() => this.ask([...this.watch.watched, ...this.underWay.ids]), ASK_MS);
    this.timer.unref();
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.asking;
  }

  /**
   * Asks whoever runs operations to end them; false where no other process can be running them. It is written down, so that
   * also a process that does not hear it now, or takes them over, will.
   */
  async cancel(ids: readonly string[], { message: reason }: OperationCancelled): Promise<boolean> {
    if (!this.queue.shared) return false;
    await this.records.requestCancel(ids);
    for (const id of ids) this.bus.publish('operation-cancel', { id, reason });
    return true;
  }

  /** One after the other: while the database is slow, questions do not pile up. */
  private ask(ids: readonly string[]): void {
    const here = new Set(this.queue.runningHere);
    const wanted = new Set(this.watch.watched);
    const unknown = ids.filter((id) => !here.has(id) && (wanted.has(id) || this.underWay.has(id)));
    if (unknown.length === 0) return;
    this.asking = this.asking.then(() => this.askNow([...new Set(unknown)]));
  }

  private async askNow(ids: string[]): Promise<void> {
    try {
      for (let at = 0; at < ids.length; at += ASK_STEP) {
        for (const record of await this.records.endedOf(ids.slice(at, at + ASK_STEP))) this.tell(record);
      }
    } catch (error) {
      this.logger.debug('It could not be asked what became of operations elsewhere', { error });
    }
  }

  private tell(record: StagingRecord): void {
    const seconds = Math.max(0, Date.now() - record.createdAt.getTime()) / 1000;
    this.events.endedElsewhere({ record, seconds, failure: toldFailureOf(record) });
  }
}
