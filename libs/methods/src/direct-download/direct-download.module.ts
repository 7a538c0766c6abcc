import { type DynamicModule, Global, type InjectionToken, Module } from '@nestjs/common';
import { DIRECT_DOWNLOAD_OPTIONS, type DirectDownloadOptions } from './direct-download.options';

/** How the options are had. */
export interface DirectDownloadModuleOptions<Args extends unknown[]> {
  inject: InjectionToken[];
  useFactory: (...args: Args) => DirectDownloadOptions;
}

/** The options of `direct_download`, for the method wherever it is made. */
@Global()
@Module({})
export class DirectDownloadModule {
  static forRootAsync<Args extends unknown[]>(options: DirectDownloadModuleOptions<Args>): DynamicModule {
    const { inject, useFactory } = options;
    return {
      module: DirectDownloadModule,
      providers: [{ provide: DIRECT_DOWNLOAD_OPTIONS, inject, useFactory }],
      exports: [DIRECT_DOWNLOAD_OPTIONS],
    };
  }
}
