import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { type Bus, BUS } from '@app/cluster';
import { AppLogger } from '@app/logging';
import { OperationRepository } from '@app/records';
import { OperationCancelled } from '@app/staging';
import { Transfers } from './transfers';

/** How often records are looked at of which something is sent: a message that tells of a cancellation may be lost. */
const LOOK_MS = 1000;
/** Operations that are asked about at once. */
const LOOK_STEP = 500;

/**
 * Ends transfers of links that were revoked in another process of the site: at once where that is heard of, else with the
 * next look at the records. Without the database nothing can be revoked, so that transfers go on meanwhile.
 */
@Injectable()
export class RevokedLinks implements OnModuleInit, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();
  private waiting = 0;

  constructor(
    @Inject(BUS) private readonly bus: Bus,
    private readonly transfers: Transfers,
    private readonly records: OperationRepository,
    private readonly logger: AppLogger,
  ) {}

  onModuleInit(): void {
    if (!this.bus.hasOthers) return;
    this.bus.subscribe('operation-changed', ({ id }) => {
      if (this.transfers.ofLinks.includes(id)) this.look([id]);
    });
    // While the database is slow, looks do not pile up.
    this.timer = setInterval(() => this.waiting === 0 && this.look(this.transfers.ofLinks), LOOK_MS);
    this.timer.unref();
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }

  private look(ids: readonly string[]): void {
    if (ids.length === 0) return;
    this.waiting += 1;
    this.looking = this.looking.then(() => this.lookNow(ids)).finally(() => (this.waiting -= 1));
  }

  private async lookNow(ids: readonly string[]): Promise<void> {
    try {
      for (let at = 0; at < ids.length; at += LOOK_STEP) {
        for (const { id, status } of await this.records.standingOf(ids.slice(at, at + LOOK_STEP))) {
          if (status !== 'success') this.transfers.cut(id, new OperationCancelled('It was cancelled on request.'));
        }
      }
    } catch (error) {
      this.logger.debug('It could not be asked whether what is sent is still wanted', { error });
    }
  }
}
