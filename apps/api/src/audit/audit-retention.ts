import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Settings } from '@app/core';
import { AppLogger } from '@app/logging';
import { Rounds } from '@app/monitoring';
import { AuditRepository } from '@app/records';

const DAY_MS = 86_400_000;
/** How often old entries are looked for, in milliseconds, and how many are removed then. */
const ROUND_MS = 60_000;
const AT_ONCE = 10_000;

/** Removes entries of the audit that are older than the site wants to keep them (`AUDIT_RETENTION_DAYS`). */
@Injectable()
export class AuditRetention implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly rounds = new Rounds(ROUND_MS, () => this.remove());

  constructor(
    private readonly audit: AuditRepository,
    private readonly settings: Settings,
    private readonly logger: AppLogger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (this.settings.get('AUDIT_RETENTION_DAYS') > 0) await this.rounds.start();
  }

  beforeApplicationShutdown(): void {
    this.rounds.stop();
  }

  private async remove(): Promise<void> {
    const days = this.settings.get('AUDIT_RETENTION_DAYS');
    try {
      const removed = await this.audit.deleteBefore(new Date(Date.now() - days * DAY_MS), AT_ONCE);
      if (removed > 0)
        this.logger.info('Removed old entries of the audit', { entries: removed, older_than_days: days });
    } catch (error) {
      this.logger.warning('Old entries of the audit could not be removed; it is tried again', { error });
    }
  }
}
