import { AppError } from '@app/core';
import { member } from './client/json-value';
import { COUNT, type KernelEntry, SEAL } from './programs';
import { type ServerSession } from './server-session';

/** Permissions without those to write. */
export interface SealModes {
  fileMode: number;
  dirMode: number;
}

/** Verifies and seals what was uploaded to one place, through the user's kernel; knows whether all of it is read-only. */
export class Seal {
  private stillWritable = 0;

  constructor(
    private readonly session: ServerSession,
    private readonly top: string,
    private readonly modes: SealModes,
  ) {}

  /** Whether everything so far is read-only. */
  get isReadOnly(): boolean {
    return this.stillWritable === 0;
  }

  /**
   * Compares files with their checksums, makes links, sets times and modes and flushes; directories last. Throws
   * `checksum_mismatch` with the first path that differs. `bytes` is what must be read for it.
   */
  async apply(entries: KernelEntry[], bytes: number, signal: AbortSignal): Promise<void> {
    const { fileMode, dirMode } = this.modes;
    const data = { top: this.top, entries, fileMode: fileMode & ~0o222, dirMode: dirMode & ~0o222 };
    const found = await this.session.run(SEAL, data, signal, bytes);
    const differs = member(found, 'differs');
    if (!Array.isArray(differs)) throw nonsense();
    if (differs.length > 0) throw notAsSent(String(differs[0]));
    this.stillWritable += Number(member(found, 'writable'));
  }

  /** Throws `checksum_mismatch` when a tree does not have as many files and directories as its source. */
  async count(expected: { files: number; directories: number }, signal: AbortSignal): Promise<void> {
    const found = await this.session.run(COUNT, { top: this.top }, signal);
    if (member(found, 'files') === expected.files && member(found, 'directories') === expected.directories) return;
    throw notAsSent('');
  }
}

function notAsSent(path: string): AppError {
  return new AppError(
    'checksum_mismatch',
    `What arrived at the Jupyter server is not what was sent${path === '' ? '' : ` (${path})`}; nothing was staged. Try again.`,
  );
}

function nonsense(): AppError {
  return new AppError(
    'jupyter_rejected',
    "A kernel of the user's Jupyter server answers with something else than asked.",
  );
}
