import { type ListedPage, type PageRequest } from '../browse/list-directory';
import { type RawName, rawFromText } from '../names/raw-name';
import { type WorkerPool } from '../pool/worker-pool';
import { type RootRegistry } from './root-registry';

/** Looks into storages and user areas, and makes small files on a storage; confined like everything else. */
export class FileBrowser {
  constructor(
    private readonly pool: WorkerPool,
    private readonly roots: RootRegistry,
  ) {}

  /** A page of a storage's directory, by name. `path` as bytes; absolute, or relative to the (first) storage. */
  async listStorage(
    request: PageRequest & { storage: string | undefined; path: RawName; asSent: string },
  ): Promise<ListedPage> {
    const { storage, path: raw, asSent, after, limit } = request;
    const task = { storages: this.roots.storages, storage, raw, asSent, after, limit };
    return this.pool.run('listStorage', task, { roots: this.roots.touchedBy(raw, storage) });
  }

  /** A page of a directory of a user's area; an area that does not exist yet is empty. */
  listArea(request: PageRequest & { username: string; path: RawName; asSent: string }): Promise<ListedPage> {
    const { username, path: raw, asSent, after, limit } = request;
    const task = { target: this.roots.target, username: rawFromText(username), raw, asSent, after, limit };
    return this.pool.run('listArea', task, { roots: [0] });
  }

  /** Creates a file on the first storage; see the task for what it refuses. */
  async createFile(path: RawName, asSent: string, content: Uint8Array): Promise<void> {
    const task = { storages: this.roots.storages, raw: path, asSent, content };
    return this.pool.run('createFile', task, { roots: this.roots.touchedBy(path, undefined) });
  }
}
