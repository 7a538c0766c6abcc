import { type ArchiveFormat } from '../archive/archive';
import { type StorageView } from '../confined/source-access';
import { sourceChanged } from '../engine/copy-content';
import { checksumOfDirectory } from '../engine/expected-checksum';
import { type Checksum } from '../engine/hashing';
import { type TreeLimits, type TreeSurvey } from '../engine/survey';
import { showPath } from '../names/path-text';
import { type RawName } from '../names/raw-name';
import { Ledger } from '../pool/control';
import { type FilledSlot } from '../reading/slot-sink';
import { type OpenedDirectory, type OpenedFile } from '../reading/source-tasks';
import { type NamedEntry, type TreeTask, type WalkedEntry } from '../reading/tree-tasks';
import { type HeldRunOptions, type HeldSource } from './held-source';
import { OpenFile, PIECE_BYTES, type SourceFacts } from './open-file';
import { reportsOf } from './task-reports';

/** One entry of an open tree; paths are below its top. Whoever gets a file closes it. */
export type TreeEntry =
  | { type: 'directory'; path: RawName; mode: number; mtimeNs: string }
  | { type: 'link'; path: RawName; text: RawName }
  | { type: 'file'; path: RawName; file: OpenFile };

/** An archive as it is written; it can be read once. */
export interface ArchiveStream extends AsyncIterable<Buffer> {
  /** What is in it so far: files and kept links, and bytes of their content. */
  readonly done: { files: number; bytes: number };
}

/** What a tree needs of the site it belongs to. */
export interface TreeSite {
  storages: StorageView;
  limits: TreeLimits;
  /** Takes over a file that was opened in a worker. */
  hold(opened: OpenedFile): HeldSource;
}

/** A directory of a storage, held open. Whoever got it closes it. */
export class OpenTree implements SourceFacts {
  readonly kind = 'directory';
  readonly storage: string;
  readonly realPath: RawName[];
  readonly name: RawName;
  /** Nanoseconds since the epoch, as digits. */
  readonly mtimeNs: string;
  /** Permission and set-id bits. */
  readonly mode: number;

  constructor(
    private readonly source: HeldSource,
    opened: Pick<OpenedDirectory, 'mtimeNs' | 'mode'>,
    facts: SourceFacts,
    private readonly site: TreeSite,
  ) {
    this.storage = facts.storage;
    this.realPath = facts.realPath;
    this.name = facts.name;
    this.mtimeNs = opened.mtimeNs;
    this.mode = opened.mode;
  }

  /** Throws `validation_failed` where a checksum is expected: directories have none. */
  verify(expected: Checksum | null): Promise<null> {
    return expected ? Promise.reject(checksumOfDirectory()) : Promise.resolve(null);
  }

  /**
   * Counts the tree, and takes a fingerprint of it as it is now: equal ones mean an equal tree (names, links, sizes,
   * times and identities of files). Throws `quota_exceeded` beyond the site's limits, and what {@link entries} throws.
   */
  survey(signal: AbortSignal): Promise<TreeSurvey & { fingerprint: string }> {
    return this.source.run('surveySource', { ...this.task, limits: this.site.limits }, { signal });
  }

  /** Throws `source_changed` when the tree is no longer what a survey found, and what {@link entries} throws. */
  async refuseChanged(survey: { fingerprint: string }, signal: AbortSignal): Promise<void> {
    const now = await this.source.run('fingerprintSource', this.task, { signal });
    if (now !== survey.fingerprint) throw sourceChanged();
  }

  /** Every entry but the top, by its name alone: no file is opened for it. Throws what {@link entries} throws. */
  async *names(signal: AbortSignal): AsyncGenerator<NamedEntry> {
    const walk = (options: HeldRunOptions) => this.source.run('walkNames', this.task, options);
    for await (const names of reportsOf<NamedEntry[]>(walk, { signal })) yield* names;
  }

  /** Counts what {@link archive} would hold; throws `quota_exceeded` beyond the site's limits, and what that throws. */
  countArchive(signal: AbortSignal): Promise<TreeSurvey> {
    return this.source.run('countArchive', { ...this.task, limits: this.site.limits }, { signal });
  }

  /**
   * Every entry but the top, parents before children. Links that stay inside the tree are links; others that stay inside
   * the storages come as what they lead to. Memory stays flat, whatever the number of files; a few are opened ahead, and
   * closed when the reader stops early. Throws `path_outside_storage` for a link that leaves, `source_unsupported`,
   * `source_forbidden`, `source_changed`, `storage_unavailable`, and the signal's reason when that is aborted.
   */
  async *entries(signal: AbortSignal): AsyncGenerator<TreeEntry> {
    const discard = (entry: WalkedEntry) => {
      if (entry.type === 'file') void this.fileOf(entry.path, entry.opened).close();
    };
    const walk = (options: HeldRunOptions) => this.source.run('walkEntries', this.task, options);
    for await (const entry of reportsOf(walk, { signal, discard })) {
      if (entry.type !== 'file') yield entry;
      else yield { type: 'file', path: entry.path, file: this.fileOf(entry.path, entry.opened) };
    }
  }

  /**
   * The tree as a whole archive, everything in it below {@link name}, in pieces of at most {@link PIECE_BYTES}: a piece is
   * valid until the next one is asked for, which is written meanwhile. What leaves the storages and what is neither file,
   * directory nor link is left out and listed in the archive. Throws `source_changed`, `source_forbidden`,
   * `storage_unavailable`, and the signal's reason when that is aborted: what came by then is no archive.
   */
  archive(format: ArchiveFormat, signal: AbortSignal): ArchiveStream {
    const ledger = new Ledger();
    const pieces = this.archivePieces(format, signal, ledger);
    return {
      get done() {
        return { files: ledger.files, bytes: ledger.bytes };
      },
      [Symbol.asyncIterator]: () => pieces,
    };
  }

  private async *archivePieces(format: ArchiveFormat, signal: AbortSignal, ledger: Ledger): AsyncGenerator<Buffer> {
    const slots = [new SharedArrayBuffer(PIECE_BYTES), new SharedArrayBuffer(PIECE_BYTES)] as const;
    const task = { ...this.task, name: this.name, format, slots };
    const write = (options: HeldRunOptions) => this.source.run('archiveSource', task, options);
    for await (const { slot, length } of reportsOf<FilledSlot>(write, { signal, ledger })) {
      yield Buffer.from(slots[slot]!, 0, length);
    }
  }

  private fileOf(path: RawName, opened: OpenedFile): OpenFile {
    const names = path.split('/');
    const storage = this.site.storages.roots.find((root) => root.ordinal === opened.root)!.name;
    const facts = { storage, realPath: [...this.realPath, ...names], name: names.at(-1)! };
    return new OpenFile(this.site.hold(opened), opened, facts, showPath(path).text);
  }

  private get task(): TreeTask {
    return { ...this.source.held, storages: this.site.storages, realPath: this.realPath };
  }

  /** Ends what is under way and gives the directory back; may be called again. Never rejects, nor waits for a hung storage. */
  close(): Promise<void> {
    return this.source.close();
  }
}
