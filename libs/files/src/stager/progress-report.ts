import { type Ledger } from '../pool/control';
import { type PlaceHooks, type Placement, type PlaceProgress } from './placement';

/** How often is looked how far the workers are, in milliseconds. */
const LOOK_MS = 200;

const NOTHING: PlaceProgress = { filesTotal: null, filesDone: 0, bytesTotal: null, bytesDone: 0, currentPath: null };

/**
 * Tells how far the workers of one placement are, from what they write into its ledger. A placement that has to begin
 * anew by itself stands still until it is further than it was: neither count goes back.
 */
export class ProgressReport {
  private ledger: Ledger | undefined;
  private timer: NodeJS.Timeout | undefined;
  private told = NOTHING;

  constructor(private readonly hooks: Pick<PlaceHooks, 'onProgress'>) {}

  /** From now on the workers of this ledger are followed: a try begins. */
  follow(ledger: Ledger): void {
    this.ledger = ledger;
    this.timer ??= setInterval(() => this.look(), LOOK_MS);
    this.timer.unref();
  }

  /** Tells of the end of a placement that moved something, then of nothing more. */
  complete({ outcome, files, bytes }: Placement): void {
    this.stop();
    if (outcome !== 'staged' || files === null || bytes === null) return;
    const total = { filesTotal: files, filesDone: files, bytesTotal: bytes, bytesDone: bytes };
    this.hooks.onProgress({ ...total, currentPath: null });
  }

  /** Nothing more is told. */
  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private look(): void {
    const { told, ledger } = this;
    if (!ledger) return;
    const filesDone = Math.max(ledger.files, told.filesDone);
    const bytesDone = Math.max(ledger.bytes, told.bytesDone);
    const now: PlaceProgress = {
      filesTotal: totalOf(ledger.filesTotal ?? told.filesTotal, filesDone),
      filesDone,
      bytesTotal: totalOf(ledger.bytesTotal ?? told.bytesTotal, bytesDone),
      bytesDone,
      currentPath: ledger.path,
    };
    if (isSame(now, told)) return;
    this.told = now;
    this.hooks.onProgress(now);
  }
}

/** A source that shrank between two tries has less than was done of it before. */
function totalOf(total: number | null, done: number): number | null {
  return total === null ? null : Math.max(total, done);
}

function isSame(one: PlaceProgress, other: PlaceProgress): boolean {
  return (Object.keys(one) as (keyof PlaceProgress)[]).every((key) => one[key] === other[key]);
}
