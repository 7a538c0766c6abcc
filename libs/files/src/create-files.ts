import { AccountDirectory } from './accounts/account-directory';
import { OwnershipPolicy } from './accounts/ownership-policy';
import { prepareAttributes } from './confined/extended-attribute';
import { WorkerPool } from './pool/worker-pool';
import { FileBrowser } from './stager/file-browser';
import { FilePlanner } from './stager/file-planner';
import { FileReleaser } from './stager/file-releaser';
import { FileStager } from './stager/file-stager';
import { type FilesOptions } from './stager/files-options';
import { LeftOvers } from './stager/left-overs';
import { PlaceTasks } from './stager/place-tasks';
import { RootRegistry } from './stager/root-registry';
import { SourceReader } from './stager/source-reader';
import { StorageViews } from './stager/storage-views';

/** The file library, put together. */
export interface Files {
  /** The threads that move data. Those that read for streams are another pool, so that neither waits for the other. */
  pool: WorkerPool;
  policy: OwnershipPolicy;
  roots: RootRegistry;
  views: StorageViews;
  stager: FileStager;
  planner: FilePlanner;
  releaser: FileReleaser;
  browser: FileBrowser;
  reader: SourceReader;
  leftOvers: LeftOvers;
  /** True when a thread hangs in a call that may never return: the process cannot end in the usual way then. */
  isHanging(): boolean;
  /** Ends all threads; what runs is rejected. */
  close(): Promise<void>;
}

/**
 * Puts the file library together and looks at each root once; one that is away is noticed, not waited for. Throws for
 * an unreadable `USER_MAP`, for a platform on which `SOURCE_ACCESS=user` cannot be kept, and for roots that lie inside one another. The caller closes it.
 */
export async function createFiles(options: FilesOptions): Promise<Files> {
  const accounts = new AccountDirectory({ mapFile: options.userMapFile });
  await accounts.load();
  // Its users' rights must be known before any of them asks: a platform without the library stops the start.
  if (options.sourceAccess === 'user') prepareAttributes();
  const { workers, streams, timeoutMs } = options;
  const rootNames = RootRegistry.names(options);
  const pool = new WorkerPool({ size: workers, timeoutMs, rootNames });
  const reading = new WorkerPool({ size: streams, timeoutMs, rootNames });
  const close = async () => void (await Promise.all([pool.close(), reading.close()]));
  const policy = new OwnershipPolicy(accounts, options.ownership);
  const roots = new RootRegistry(pool, options);
  const views = new StorageViews(roots, policy, options);
  const tasks = new PlaceTasks(roots, policy, views, options);
  try {
    roots.create();
    await roots.inspect();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    pool,
    policy,
    roots,
    views,
    stager: new FileStager(pool, roots, tasks, options),
    planner: new FilePlanner(pool, roots, tasks, options),
    releaser: new FileReleaser(pool, roots),
    browser: new FileBrowser(pool, roots, views),
    reader: new SourceReader(reading, roots, views, options),
    leftOvers: new LeftOvers(pool, roots),
    isHanging: () => pool.hanging || reading.hanging,
    close,
  };
}
