import { Injectable } from '@nestjs/common';
import { AppError } from '@app/core';
import { SourceReader } from '@app/files';
import { MethodRegistry } from '../contract/method-registry';
import { type StagingOperation } from '../contract/staging-method';

/** A source that does not answer for so long is left to the attempt, which says so. Milliseconds. */
const LOOK_MS = 2000;

/**
 * Looks, before anything of a request is recorded, whether it is a proper one where its words alone do not show that: so
 * that it is refused at once, and in the same way by whichever process and at whatever time it would have been done.
 */
@Injectable()
export class RequestCheck {
  constructor(
    private readonly methods: MethodRegistry,
    private readonly sources: SourceReader,
  ) {}

  /** Throws `validation_failed`; all else that may be wrong is found, and recorded, by the attempt. */
  async refuseImproper(methodAsSent: string, operation: StagingOperation): Promise<void> {
    const method = this.methods.find(methodAsSent);
    if (!method) return;
    method.refuse?.(operation);
    if (operation.expected) await this.refuseChecksumOfDirectory(operation);
  }

  private async refuseChecksumOfDirectory({ source, username, expected }: StagingOperation): Promise<void> {
    try {
      const signal = AbortSignal.timeout(LOOK_MS);
      const opened = await this.sources.open({ ...source, username }, signal);
      try {
        if (opened.kind === 'directory') await opened.verify(expected);
      } finally {
        await opened.close();
      }
    } catch (error) {
      if (error instanceof AppError && error.code === 'validation_failed') throw error;
    }
  }
}
