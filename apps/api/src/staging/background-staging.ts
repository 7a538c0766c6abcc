import { Injectable } from '@nestjs/common';
import { AppError } from '@app/core';
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
    return waitSeconds ? this.wait(record, waitSeconds * 1000, gone) : record;
  }

  private async wait(record: StagingRecord, timeoutMs: number, gone: AbortSignal): Promise<StagingRecord> {
    const waiting = new AbortController();
    const stop = () => waiting.abort();
    gone.addEventListener('abort', stop, { once: true });
    if (gone.aborted) stop();
    try {
      const ended = this.watch.untilEnded(record.id, timeoutMs, waiting.signal);
      // It may have ended before it was watched.
      const now = await this.look(record.id);
      if (now?.finishedAt) return now;
      const event = await ended;
      if (event?.failure) throw event.failure;
      return event?.record ?? (await this.look(record.id)) ?? record;
    } finally {
      // Whatever was the answer, nobody waits any longer.
      stop();
      gone.removeEventListener('abort', stop);
    }
  }

  /** Null when it cannot be known now: the work was accepted, and goes on all the same. Throws its failure. */
  private async look(id: string): Promise<StagingRecord | null> {
    try {
      return await this.operations.find(id);
    } catch (error) {
      if (error instanceof AppError && error.operationId === id) throw error;
      return null;
    }
  }
}
