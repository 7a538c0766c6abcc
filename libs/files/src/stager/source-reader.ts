import { type StorageView } from '../confined/source-access';
import { lastName } from '../names/path-text';
import { type RawName, rawFromText } from '../names/raw-name';
import { Ledger } from '../pool/control';
import { type WorkerPool } from '../pool/worker-pool';
import { type HeldHandle, type OpenedSource } from '../reading/source-tasks';
import { type FilesOptions } from './files-options';
import { HandleCloser } from './handle-closer';
import { HeldSource, untilAborted } from './held-source';
import { OpenFile } from './open-file';
import { OpenTree } from './open-tree';
import { type RootRegistry } from './root-registry';
import { type StorageViews } from './storage-views';

/** Asks for a source; as in a request to place it. */
export interface SourceRequest {
  path: RawName;
  storage: string | undefined;
  asSent: string;
  /** Whom it is for. */
  username: string;
}

/**
 * Opens sources of the storages for those who take them as a stream. Confined as everything else; what was opened is
 * read by handle, in threads of its own, so that neither slow readers nor hung storages keep copies waiting.
 */
export class SourceReader {
  private readonly closer: HandleCloser;
  private readonly limits: FilesOptions['limits'];

  constructor(
    private readonly pool: WorkerPool,
    private readonly roots: RootRegistry,
    private readonly views: StorageViews,
    { limits }: Pick<FilesOptions, 'limits'>,
  ) {
    this.closer = new HandleCloser(pool);
    this.limits = limits;
  }

  /**
   * Resolves a path and opens what it leads to, once; the caller closes it. Throws `source_not_found`,
   * `path_outside_storage`, `source_unsupported`, `source_forbidden`, `source_changed`, `storage_unavailable`,
   * `forbidden` for a user who is not served, `quota_exceeded` for a file beyond the site's limit, and the signal's
   * reason when that is aborted.
   */
  async open(request: SourceRequest, signal: AbortSignal): Promise<OpenFile | OpenTree> {
    const { path: raw, storage, asSent } = request;
    signal.throwIfAborted();
    const storages = await this.views.of(request.username);
    const ledger = new Ledger();
    const task = { storages, raw, storage, asSent, limits: this.limits };
    const discard = (late: OpenedSource) => void this.hold(late).close();
    const opening = this.pool.run('openSource', task, {
      ledger,
      roots: this.roots.touchedBy(raw, storage),
      onLate: (late) => discard(late as OpenedSource),
    });
    const opened = await untilAborted(opening, signal, () => {
      ledger.cancel();
      this.pool.withdraw(ledger);
      opening.then(discard, () => undefined);
    });
    return this.openedAs(opened, request, storages);
  }

  private openedAs(opened: OpenedSource, request: SourceRequest, storages: StorageView): OpenFile | OpenTree {
    const { realPath } = opened;
    const storage = storages.roots.find((root) => root.ordinal === opened.root)!.name;
    const realName = realPath.at(-1);
    const name = realName === undefined ? rawFromText(storage) : (lastName(request.path) ?? realName);
    const facts = { storage, realPath, name };
    const source = this.hold(opened);
    return opened.kind === 'file'
      ? new OpenFile(source, opened, facts, request.asSent)
      : new OpenTree(source, opened, facts, {
          storages,
          limits: this.limits,
          hold: (file) => this.hold(file),
        });
  }

  private hold({ handle, root }: HeldHandle): HeldSource {
    return new HeldSource({ handle, root }, this.pool, this.closer);
  }
}
