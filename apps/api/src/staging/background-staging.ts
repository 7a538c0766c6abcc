import { Injectable } from '@nestjs/common';
import { type StagingRecord } from '@app/records';
import { type CallerHooks, OperationWatch, type StageRequest, StagingService } from '@app/staging';
import { type Preferences } from '../http/preferences';
import { EarlierOperations } from '../idempotency/earlier-operations';

/** Requests whose callers do not wait for the end, or not for ever. */
@Injectable()
export class BackgroundStaging {
  constructor(
    private readonly staging: StagingService,
    private readonly watch: OperationWatch,
    private readonly operations: EarlierOperations,
  ) {}

  /**
   * Accepts a request, and waits for its end as long as the caller prefers and listens. Resolves with its record: a
   * success, or one that has not ended. Throws the failure of one that has, and what {@link StagingService.submit} does.
   */
  async submit(
    request: StageRequest,
    hooks: CallerHooks,
    { waitSeconds }: Preferences,
    gone: AbortSignal,
  ): Promise<StagingRecord> {
    const record = await this.staging.submit(request, hooks);
    if (!waitSeconds) return record;
    const ended = this.watch.untilEnded(record.id, waitSeconds * 1000, gone);
    // It may have ended before it was watched.
    const now = await this.operations.find(record.id);
    if (now?.finishedAt) return now;
    const event = await ended;
    if (event?.failure) throw event.failure;
    return event?.record ?? (await this.operations.find(record.id)) ?? record;
  }
}
