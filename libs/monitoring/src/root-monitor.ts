import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Settings } from '@app/core';
import { nameOfRoot, RootRegistry, type RootState } from '@app/files';
import { AppLogger } from '@app/logging';
import { Rounds } from './rounds';

/** How often the roots are looked at, in milliseconds. */
const ROUND_MS = 5000;

/** What was seen of the roots, and how long ago. */
export interface RootsSeen {
  target: RootState;
  storages: RootState[];
  /** Null before the first look has ended. */
  secondsAgo: number | null;
}

/**
 * Looks at the roots from time to time, so that whoever asks has an answer at once, whatever storages and workers do
 * just then. A root that hangs is told as it was last seen until its time-out has passed.
 */
@Injectable()
export class RootMonitor implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private states: RootState[];
  private seenAt: number | undefined;
  private readonly rounds = new Rounds(ROUND_MS, () => this.look());
  private readonly listeners: (() => void)[] = [];
  private isStopping = false;

  constructor(
    private readonly roots: RootRegistry,
    private readonly logger: AppLogger,
    settings: Settings,
  ) {
    const storages = settings.get('SOURCE_STORAGE_PATH').map(({ name, path }) => unseen(name, path));
    this.states = [unseen(null, settings.get('TARGET_STORAGE_PATH')), ...storages];
  }

  onApplicationBootstrap(): Promise<void> {
    return this.rounds.start();
  }

  beforeApplicationShutdown(): void {
    this.isStopping = true;
    this.rounds.stop();
  }

  /** What was seen last. */
  get seen(): RootsSeen {
    const [target, ...storages] = this.states;
    const secondsAgo = this.seenAt === undefined ? null : Math.round((performance.now() - this.seenAt) / 1000);
    return { target: target!, storages, secondsAgo };
  }

  /** Calls `listener` after each look, for as long as the process lives. */
  onLook(listener: () => void): void {
    this.listeners.push(listener);
  }

  private async look(): Promise<void> {
    const before = this.states;
    this.states = await this.inspect(before);
    for (const [index, state] of this.states.entries()) this.tellChange(before[index]!, state);
    this.seenAt = performance.now();
    for (const listener of this.listeners) listener();
  }

  private async inspect(before: RootState[]): Promise<RootState[]> {
    try {
      return await this.roots.inspect();
    } catch (error) {
      // The workers are gone, and with them who would ask.
      if (this.isStopping) return before;
      // A mount that came meanwhile and must not be used: nothing may be said to be well.
      this.logger.error('The storages could not be looked at', { error });
      return before.map((state) => {
        return {
          ...state,
          available: false,
          problem: `${nameOfRoot(state.storage)} cannot be used; the log tells more.`,
        };
      });
    }
  }

  private tellChange(before: RootState, { storage, path, available, problem }: RootState): void {
    const root = nameOfRoot(storage);
    if (!available && problem !== before.problem) this.logger.warning(`${root} is not available`, { path, problem });
    const isBack = available && !before.available && this.seenAt !== undefined;
    if (isBack) this.logger.info(`${root} is available again`, { path });
  }
}

function unseen(storage: string | null, path: string): RootState {
  const unknown = { freeBytes: null, totalBytes: null, readOnly: null, pair: null };
  return { storage, path, available: false, problem: `${nameOfRoot(storage)} was not looked at yet.`, ...unknown };
}
