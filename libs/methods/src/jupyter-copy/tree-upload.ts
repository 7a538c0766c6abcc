import { type Checksum, type ManifestRow, type OpenFile, type TreeEntry } from '@app/files';
import { FileUpload } from './file-upload';
import { type KernelEntry } from './programs';
import { textOf } from './remote-path';
import { type Seal } from './seal';
import { mtimeNsOf } from './modified-time';
import { type ServerSession } from './server-session';
import { type UploadProgress } from './upload-progress';
import { type UploadSource } from './upload-source';

/** Entries that are sealed and recorded at once: what is in memory of a tree. */
const BATCH = 500;

/** What a tree's upload tells of its files, in parts; it waits until each is taken. */
export type OnRows = (rows: ManifestRow[]) => Promise<void>;

/**
 * Uploads a tree below a place, which is there, one file after the other: the server takes them no faster at once.
 * Parents come before children on the way there, and after them when they are sealed, since nothing can be added to a
 * directory that is read-only. `seal` is null where there is no kernel.
 */
export class TreeUpload {
  /** The directories that the walk is in, the top first. */
  private readonly open: KernelEntry[];
  private entries: KernelEntry[] = [];
  private rows: ManifestRow[] = [];

  constructor(
    private readonly session: ServerSession,
    private readonly top: string,
    private readonly source: Extract<UploadSource, { kind: 'directory' }>,
    private readonly seal: Seal | null,
    private readonly onRows: OnRows,
    private readonly progress: UploadProgress,
    private readonly signal: AbortSignal,
  ) {
    this.open = [{ kind: 'directory', path: '', mtimeNs: source.tree.mtimeNs }];
  }

  /** Resolves when all is there, verified and sealed. */
  async run(): Promise<void> {
    for await (const entry of this.source.tree.entries(this.signal)) {
      this.leaveUntil(textOf(entry.path));
      await this.bring(entry);
      if (this.entries.length >= BATCH) await this.finishBatch();
    }
    this.leaveUntil(null);
    await this.finishBatch();
    await this.seal?.count(this.source.survey, this.signal);
  }

  private async bring(entry: TreeEntry): Promise<void> {
    const path = textOf(entry.path);
    if (entry.type === 'directory') {
      await this.makeDirectory(`${this.top}/${path}`);
      this.open.push({ kind: 'directory', path, mtimeNs: entry.mtimeNs });
    } else if (entry.type === 'link') {
      this.entries.push({ kind: 'link', path, text: textOf(entry.text) });
      const { length: size } = entry.text;
      this.rows.push({ path: entry.path, kind: 'link', size, mtimeNs: '0', device: '0', inode: '0', checksum: null });
      this.progress.done(0);
    } else await this.bringFile(entry.path, entry.file);
  }

  private makeDirectory(path: string): Promise<void> {
    const { signal } = this;
    return this.session.attempt((contents) => contents.makeDirectory(path, signal), signal);
  }

  private async bringFile(path: string, file: OpenFile): Promise<void> {
    const { session, signal, progress } = this;
    const { size, mtimeNs } = file.identity;
    try {
      progress.enter(path);
      const upload = uploadWithChecksum(session, `${this.top}/${textOf(path)}`, file, { signal, progress });
      const { checksum, modified } = await upload;
      progress.done(size);
      this.entries.push({ kind: 'file', path: textOf(path), size, sha256: checksum.value, mtimeNs });
      const mtime = this.seal ? mtimeNs : mtimeNsOf(modified, mtimeNs);
      this.rows.push({ path, kind: 'file', size, mtimeNs: mtime, device: '0', inode: '0', checksum });
    } finally {
      await file.close();
    }
  }

  /** Directories that the walk has left are sealed with the next batch, when all that is in them is there. */
  private leaveUntil(path: string | null): void {
    const isAbove = ({ path: directory }: KernelEntry) => {
      return path !== null && (directory === '' || path.startsWith(`${directory}/`));
    };
    while (this.open.length > 0 && !isAbove(this.open.at(-1)!)) this.entries.push(this.open.pop()!);
  }

  private async finishBatch(): Promise<void> {
    const { entries, rows } = this;
    this.entries = [];
    this.rows = [];
    const bytes = entries.reduce((sum, entry) => sum + (entry.kind === 'file' ? entry.size : 0), 0);
    if (entries.length > 0) await this.seal?.apply(entries, bytes, this.signal);
    if (rows.length > 0) await this.onRows(rows);
  }
}

/**
 * Uploads a file; its checksum is taken from the storage meanwhile, so that it is not of what was sent by mistake.
 * `modified` is the time of its last change there, as the server writes it.
 */
export async function uploadWithChecksum(
  session: ServerSession,
  path: string,
  file: OpenFile,
  { signal, progress }: { signal: AbortSignal; progress: UploadProgress },
): Promise<{ checksum: Checksum; modified: string }> {
  const hashing = file.checksum('sha256', signal);
  // It is waited for below, unless the upload fails before.
  hashing.catch(() => undefined);
  const modified = await new FileUpload(session, path, file, signal, (position) => progress.at(position)).run();
  return { checksum: await hashing, modified };
}
