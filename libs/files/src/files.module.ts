import {
  type DynamicModule,
  Global,
  Inject,
  type InjectionToken,
  Module,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { OwnershipPolicy } from './accounts/ownership-policy';
import { createFiles, type Files } from './create-files';
import { WorkerPool } from './pool/worker-pool';
import { FileBrowser } from './stager/file-browser';
import { FilePlanner } from './stager/file-planner';
import { FileReleaser } from './stager/file-releaser';
import { FileStager } from './stager/file-stager';
import { type FilesOptions } from './stager/files-options';
import { LeftOvers } from './stager/left-overs';
import { RootRegistry } from './stager/root-registry';
import { SourceReader } from './stager/source-reader';

const FILES = Symbol('FILES');

/** How the options are had. */
export interface FilesModuleOptions<Args extends unknown[]> {
  inject: InjectionToken[];
  useFactory: (...args: Args) => FilesOptions;
}

/** What the module offers, and which part of the library each is. */
const PARTS = [
  [WorkerPool, 'pool'],
  [OwnershipPolicy, 'policy'],
  [RootRegistry, 'roots'],
  [FileStager, 'stager'],
  [FilePlanner, 'planner'],
  [FileReleaser, 'releaser'],
  [FileBrowser, 'browser'],
  [SourceReader, 'reader'],
  [LeftOvers, 'leftOvers'],
] as const;

/** Confined file work for the whole application. The roots are looked at once when it starts. */
@Global()
@Module({})
export class FilesModule implements OnApplicationShutdown {
  constructor(@Inject(FILES) private readonly files: Files) {}

  static forRootAsync<Args extends unknown[]>(options: FilesModuleOptions<Args>): DynamicModule {
    const { inject, useFactory } = options;
    return {
      module: FilesModule,
      providers: [
        { provide: FILES, inject, useFactory: (...args: Args) => createFiles(useFactory(...args)) },
        ...PARTS.map(([provide, part]) => ({ provide, inject: [FILES], useFactory: (files: Files) => files[part] })),
      ],
      exports: PARTS.map(([token]) => token),
    };
  }

  /** True when a thread hangs in a call that may never return: the process cannot end in the usual way then. */
  get hanging(): boolean {
    return this.files.isHanging();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.files.close();
  }
}
