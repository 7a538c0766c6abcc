import { type DynamicModule, Global, type InjectionToken, Module } from '@nestjs/common';
import { JUPYTER_OPTIONS, type JupyterOptions } from './jupyter-copy.options';

/** How the options are had. */
export interface JupyterModuleOptions<Args extends unknown[]> {
  inject: InjectionToken[];
  useFactory: (...args: Args) => JupyterOptions;
}

/** The options of `jupyter_copy`, for the method wherever it is made. */
@Global()
@Module({})
export class JupyterModule {
  static forRootAsync<Args extends unknown[]>(options: JupyterModuleOptions<Args>): DynamicModule {
    const { inject, useFactory } = options;
    return {
      module: JupyterModule,
      providers: [{ provide: JUPYTER_OPTIONS, inject, useFactory }],
      exports: [JUPYTER_OPTIONS],
    };
  }
}
