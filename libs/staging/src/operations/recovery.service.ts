import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { LeftOvers, readDestination } from '@app/files';
import { AppLogger } from '@app/logging';
import { OperationRepository, OrphanedOperations, type StagingRecord } from '@app/records';
import { type StagingOptions } from '../contract/staging-options';
import { STAGING_OPTIONS } from '../staging.tokens';
import { RunningOperations } from './running-operations';
import { failureOf, processDied } from './settlement';

/** How often operations of dead processes are looked for; a process beats for its own in the same rhythm. */
const ROUND_MS = 30_000;
/** Records that one round removes at most, so that no round takes long. */
const RETENTION_BATCH = 1000;
const DAY_MS = 86_400_000;

/**
 * Ends what dead processes left: their records are settled as failures that say so, and what lies in their private
 * directories is removed; nothing else ever is. Runs at the start, and again from time to time for other processes.
 */
@Injectable()
export class RecoveryService implements OnApplicationBootstrap, OnApplicationShutdown {
  /** Dead operations whose private directories could not be removed yet. */
  private readonly unswept = new Map<string, StagingRecord | null>();
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<void> = Promise.resolve();

  constructor(
    private readonly records: OperationRepository,
    private readonly orphans: OrphanedOperations,
    private readonly leftOvers: LeftOvers,
    private readonly running: RunningOperations,
    private readonly logger: AppLogger,
    @Inject(STAGING_OPTIONS) private readonly options: StagingOptions,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.attempt('settle', () => this.settleOrphans());
    // A storage that hangs must not keep the service from starting: its left-overs are removed when it is back.
    this.round = this.attempt('find', () => this.findLeftOvers())
      .then(() => this.sweep())
      .then(() => this.attempt('expire', () => this.expire()));
    this.timer = setInterval(() => {
      this.round = this.round.then(() => this.runRound());
    }, ROUND_MS);
    this.timer.unref();
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.round;
  }

  private async runRound(): Promise<void> {
    await this.attempt('beat for', () => this.beat());
    await this.attempt('settle', () => this.settleOrphans());
    await this.sweep();
    await this.attempt('expire', () => this.expire());
  }

  private async attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.logger.warning(`Could not ${what} operations; it is tried again`, { error });
    }
  }

  private async beat(): Promise<void> {
    await this.records.beat(this.running.ids);
  }

  private async settleOrphans(): Promise<void> {
    for (const record of await this.orphans.list()) {
      const { id, method, username } = record;
      if (!(await this.records.settle(id, failureOf(processDied())))) continue;
      this.logger.warning('Settled an operation whose process died', { operation_id: id, method, username });
      this.unswept.set(id, record);
    }
  }

  private async findLeftOvers(): Promise<void> {
    for (const id of await this.leftOvers.list()) {
      const record = await this.records.find(id);
      if (record && record.finishedAt === null) continue; // alive, or an orphan that is settled first
      if (record) this.unswept.set(id, record);
      else this.logger.warning('A private directory has no record here; it is left alone', { operation_id: id });
    }
  }

  private async sweep(): Promise<void> {
    for (const [id, record] of this.unswept) {
      await this.attempt('clean up after', async () => {
        await this.leftOvers.remove(id, destinationOf(record));
        this.unswept.delete(id);
        this.logger.info('Removed what a dead operation left', { operation_id: id });
      });
    }
  }

  private async expire(): Promise<void> {
    const days = this.options.recordRetentionDays;
    if (days === 0) return;
    const removed = await this.records.deleteEndedBefore(new Date(Date.now() - days * DAY_MS), RETENTION_BATCH);
    if (removed > 0) this.logger.info('Removed old records', { records: removed, older_than_days: days });
  }
}

function destinationOf(record: StagingRecord | null): Parameters<LeftOvers['remove']>[1] {
  if (!record?.relativePath) return null;
  return { username: record.username, path: readDestination(record.relativePath, record.nameEncoding) };
}
