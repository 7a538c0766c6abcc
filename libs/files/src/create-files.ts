import { AccountDirectory } from './accounts/account-directory';
import { OwnershipPolicy } from './accounts/ownership-policy';
import { WorkerPool } from './pool/worker-pool';
import { FileBrowser } from './stager/file-browser';
import { FileStager } from './stager/file-stager';
import { type FilesOptions } from './stager/files-options';
import { LeftOvers } from './stager/left-overs';
import { RootRegistry } from './stager/root-registry';

/** The file library, put together. */
export interface Files {
  pool: WorkerPool;
  policy: OwnershipPolicy;
  roots: RootRegistry;
  stager: FileStager;
  browser: FileBrowser;
  leftOvers: LeftOvers;
}

/**
 * Puts the file library together and looks at each root once; one that is away is noticed, not waited for. Throws for
 * an unreadable `USER_MAP` and for roots that lie inside one another. The caller closes `pool`.
 */
export async function createFiles(options: FilesOptions): Promise<Files> {
  const accounts = new AccountDirectory({ mapFile: options.userMapFile });
  await accounts.load();
  const { workers: size, timeoutMs } = options;
  const pool = new WorkerPool({ size, timeoutMs, rootNames: RootRegistry.names(options) });
  const policy = new OwnershipPolicy(accounts, options.ownership);
  const roots = new RootRegistry(pool, options);
  try {
    roots.create();
    await roots.inspect();
  } catch (error) {
    await pool.close();
    throw error;
  }
  return {
    pool,
    policy,
    roots,
    stager: new FileStager(pool, roots, policy, options),
    browser: new FileBrowser(pool, roots),
    leftOvers: new LeftOvers(pool, roots),
  };
}
