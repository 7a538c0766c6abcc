import {
  type DynamicModule,
  Global,
  type InjectionToken,
  Module,
  type OnApplicationShutdown,
  type Provider,
} from '@nestjs/common';
import { AccountDirectory } from './accounts/account-directory';
import { OwnershipPolicy } from './accounts/ownership-policy';
import { WorkerPool } from './pool/worker-pool';
import { FileBrowser } from './stager/file-browser';
import { FileStager } from './stager/file-stager';
import { type FilesOptions } from './stager/files-options';
import { LeftOvers } from './stager/left-overs';
import { RootRegistry } from './stager/root-registry';

const FILES_OPTIONS = Symbol('FILES_OPTIONS');

/** How the options are had. */
export interface FilesModuleOptions<Args extends unknown[]> {
  inject: InjectionToken[];
  useFactory: (...args: Args) => FilesOptions;
}

const PROVIDERS: Provider[] = [
  {
    provide: WorkerPool,
    inject: [FILES_OPTIONS],
    useFactory: (options: FilesOptions) =>
      new WorkerPool({ size: options.workers, timeoutMs: options.timeoutMs, rootNames: RootRegistry.names(options) }),
  },
  {
    provide: OwnershipPolicy,
    inject: [FILES_OPTIONS],
    useFactory: async (options: FilesOptions) => {
      const accounts = new AccountDirectory({ mapFile: options.userMapFile });
      await accounts.load();
      return new OwnershipPolicy(accounts, options.ownership);
    },
  },
  {
    provide: RootRegistry,
    inject: [WorkerPool, FILES_OPTIONS],
    useFactory: async (pool: WorkerPool, options: FilesOptions) => {
      const roots = new RootRegistry(pool, options);
      roots.create();
      await roots.inspect();
      return roots;
    },
  },
  {
    provide: FileStager,
    inject: [WorkerPool, RootRegistry, OwnershipPolicy, FILES_OPTIONS],
    useFactory: (pool: WorkerPool, roots: RootRegistry, policy: OwnershipPolicy, options: FilesOptions) =>
      new FileStager(pool, roots, policy, options),
  },
  ...[FileBrowser, LeftOvers].map((type) => ({
    provide: type,
    inject: [WorkerPool, RootRegistry],
    useFactory: (pool: WorkerPool, roots: RootRegistry) => new type(pool, roots),
  })),
];

/** Confined file work for the whole application. The roots are looked at once when it starts. */
@Global()
@Module({})
export class FilesModule implements OnApplicationShutdown {
  constructor(private readonly pool: WorkerPool) {}

  static forRootAsync<Args extends unknown[]>(options: FilesModuleOptions<Args>): DynamicModule {
    const { inject, useFactory } = options;
    const providers = [{ provide: FILES_OPTIONS, inject, useFactory }, ...PROVIDERS];
    return {
      module: FilesModule,
      providers,
      exports: [WorkerPool, OwnershipPolicy, RootRegistry, FileStager, FileBrowser, LeftOvers],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.pool.close();
  }
}
