import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Inject,
  type InjectionToken,
  Module,
  type Provider,
  type Type,
} from '@nestjs/common';
import { DeferredSettlements } from '@app/records';
import { MethodRegistry } from './contract/method-registry';
import { type StagingMethod } from './contract/staging-method';
import { type StagingOptions } from './contract/staging-options';
import { OperationEvents } from './operations/operation-events';
import { OperationRunner } from './operations/operation-runner';
import { RecoveryService } from './operations/recovery.service';
import { RunningOperations } from './operations/running-operations';
import { StagingService } from './staging.service';
import { STAGING_METHODS, STAGING_OPTIONS } from './staging.tokens';

/** How the module is set up. */
export interface StagingModuleOptions<Args extends unknown[]> {
  /** Every method of the project, in the order in which they are offered. */
  methods: Type<StagingMethod>[];
  /** What methods have injected beside the libraries: the options of those that have some. */
  methodOptions?: Provider[];
  inject: InjectionToken[];
  useFactory: (...args: Args) => StagingOptions;
}

/** The engine: requests become recorded operations. On shutdown it takes no more work and lets what runs finish. */
@Module({})
export class StagingModule implements BeforeApplicationShutdown {
  constructor(
    private readonly running: RunningOperations,
    private readonly deferred: DeferredSettlements,
    @Inject(STAGING_OPTIONS) private readonly options: StagingOptions,
  ) {}

  static forRoot<Args extends unknown[]>(options: StagingModuleOptions<Args>): DynamicModule {
    const { methods, methodOptions = [], inject, useFactory } = options;
    return {
      module: StagingModule,
      providers: [
        { provide: STAGING_OPTIONS, inject, useFactory },
        ...methodOptions,
        ...methods,
        { provide: STAGING_METHODS, inject: methods, useFactory: (...all: StagingMethod[]) => all },
        { provide: RunningOperations, useFactory: () => new RunningOperations() },
        MethodRegistry,
        OperationEvents,
        OperationRunner,
        RecoveryService,
        StagingService,
      ],
      exports: [MethodRegistry, OperationEvents, RunningOperations, StagingService],
    };
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.running.drain(this.options.shutdownGraceMs);
    await this.deferred.flush();
  }
}
