import { type ManifestRow } from '@app/files';
import { type ManifestRepository, type StagingRecord } from '@app/records';
import { manifestOf, manifestRows } from './manifest-rows';

/**
 * The manifest while an attempt writes it. What earlier attempts left is either gone on from, when the method asks for
 * it, or removed before the first new row: a manifest never holds a file twice.
 */
export class AttemptManifest {
  /** True as long as rows of an earlier attempt may be there that this one does not count on. */
  private hasStale: boolean;

  constructor(
    private readonly manifest: ManifestRepository,
    private readonly record: StagingRecord,
  ) {
    this.hasStale = record.attempts > 1;
  }

  /** What an earlier attempt recorded; null for a first one. */
  get earlier(): (() => AsyncIterable<ManifestRow[]>) | null {
    if (this.record.attempts === 1) return null;
    return () => {
      this.hasStale = false;
      return manifestRows(this.manifest, this.record.id);
    };
  }

  async add(rows: ManifestRow[]): Promise<void> {
    await this.removeStale();
    await this.manifest.addOf(this.record, manifestOf(this.record.id, rows));
  }

  /** Before the attempt's last rows are written with its end. */
  async removeStale(): Promise<void> {
    if (this.hasStale) await this.restart();
  }

  async restart(): Promise<void> {
    await this.manifest.restart(this.record);
    this.hasStale = false;
  }
}
