import { type ListedPage, type PageRequest } from '../browse/list-directory';
import { type RawName, rawFromText } from '../names/raw-name';
import { type WorkerPool } from '../pool/worker-pool';
import { type RootRegistry } from './root-registry';
import { type StorageViews } from './storage-views';

/** Looks into storages and user areas, and makes small files on a storage; confined like everything else. */
export class FileBrowser {
  constructor(
    private readonly pool: WorkerPool,
    private readonly roots: RootRegistry,
    private readonly views: StorageViews,
  ) {}

  /**
   * A page of a storage's directory, by name, as a user may see it (null: nobody in particular). `path` as bytes;
   * absolute, or relative to the (first) storage.
   */
  async listStorage(
    request: PageRequest & { username: string | null; storage: string | undefined; path: RawName; asSent: string },
  ): Promise<ListedPage> {
    const { username, storage, path: raw, asSent, after, limit } = request;
    const task = { storages: await this.views.of(username), storage, raw, asSent, after, limit };
    return this.pool.run('listStorage', task, { roots: this.roots.touchedBy(raw, storage) });
  }

  /** A page of a directory of a user's area; an area that does not exist yet is empty. */
  listArea(request: PageRequest & { username: string; path: RawName; asSent: string }): Promise<ListedPage> {
    const { username, path: raw, asSent, after, limit } = request;
    const task = { target: this.roots.target, username: rawFromText(username), raw, asSent, after, limit };
    return this.pool.run('listArea', task, { roots: [0] });
  }

  /** Creates a file on the first storage, with the service's own rights; see the task for what it refuses. */
  async createFile(path: RawName, asSent: string, content: Uint8Array): Promise<void> {
    const task = { storages: this.views.ofService, raw: path, asSent, content };
    return this.pool.run('createFile', task, { roots: this.roots.touchedBy(path, undefined) });
  }
}
