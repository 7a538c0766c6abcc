import { Injectable } from '@nestjs/common';
import { AppLogger } from '@app/logging';
import { IdempotencyRepository } from '@app/records';

/** Pause before the database is asked again, in milliseconds. */
const PAUSE_MS = 5000;

/** How the first request of a key ended: with an answer that counts, or so that the key may be taken anew. */
export type KeyEnd = 'answered' | 'free';

/**
 * Writes how requests with keys ended. What the database does not take now is written later: a key must not stay in
 * progress while the process lives. Should the process end before, the key counts as answered anyway.
 */
@Injectable()
export class KeyEnds {
  private readonly waiting = new Map<string, { subject: string; end: KeyEnd }>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly keys: IdempotencyRepository,
    private readonly logger: AppLogger,
  ) {}

  /** Never rejects. */
  async write(key: string, subject: string, end: KeyEnd): Promise<void> {
    try {
      await this.keys[end](key, subject);
    } catch (error) {
      this.logger.warning('The end of a request with an idempotency key could not be recorded yet', { error });
      this.waiting.set(key, { subject, end });
      this.writeLater();
    }
  }

  /** Writes what waits for one key. Rejects with what the database says when it still does not take it. */
  async catchUp(key: string): Promise<void> {
    const known = this.waiting.get(key);
    if (!known) return;
    await this.keys[known.end](key, known.subject);
    if (this.waiting.get(key) === known) this.waiting.delete(key);
  }

  private writeLater(): void {
    if (this.timer !== undefined || this.waiting.size === 0) return;
    this.timer = setTimeout(() => void this.writeAll(), PAUSE_MS).unref();
  }

  private async writeAll(): Promise<void> {
    try {
      for (const key of [...this.waiting.keys()]) await this.catchUp(key);
    } catch {
      // It was told when it happened first; the next round tries again.
    }
    this.timer = undefined;
    this.writeLater();
  }
}
