import { type Ledger } from '../pool/control';
import { type PlaceHooks, type Placement, type PlaceProgress } from './placement';

/** How often is looked how far the workers are, in milliseconds. */
const LOOK_MS = 200;

/** Tells how far the workers of one placement are, from what they write into its ledger. */
export class ProgressReport {
  private readonly timer: NodeJS.Timeout;
  private told = '';

  constructor(
    private readonly ledger: Ledger,
    private readonly hooks: Pick<PlaceHooks, 'onProgress'>,
  ) {
    this.timer = setInterval(() => this.look(), LOOK_MS);
    this.timer.unref();
  }

  /** Tells of the end of a placement that moved something. */
  complete({ outcome, files, bytes }: Placement): void {
    if (outcome !== 'staged' || files === null || bytes === null) return;
    const total = { filesTotal: files, filesDone: files, bytesTotal: bytes, bytesDone: bytes };
    this.hooks.onProgress({ ...total, currentPath: null });
  }

  /** Nothing more is told. */
  stop(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    const { filesTotal, files: filesDone, bytesTotal, bytes: bytesDone, path: currentPath } = this.ledger;
    const progress: PlaceProgress = { filesTotal, filesDone, bytesTotal, bytesDone, currentPath };
    const now = `${filesDone} ${bytesDone} ${filesTotal} ${bytesTotal} ${currentPath}`;
    // As long as nothing is known there is nothing to tell.
    if (now === this.told || (filesTotal === null && filesDone === 0 && bytesDone === 0)) return;
    this.told = now;
    this.hooks.onProgress(progress);
  }
}
