import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Inject,
  type InjectionToken,
  Module,
  type Provider,
  type Type,
} from '@nestjs/common';
import { JOB_QUEUE, type JobQueue, shuttingDown } from '@app/queue';
import { DeferredSettlements } from '@app/records';
import { BatchService } from './batches/batch.service';
import { BatchStates } from './batches/batch-states';
import { MethodRegistry } from './contract/method-registry';
import { type StagingMethod } from './contract/staging-method';
import { type StagingOptions } from './contract/staging-options';
import { Dispatcher } from './operations/dispatcher';
import { Inheritance } from './operations/inheritance';
import { LeftOverSweeper } from './operations/left-over-sweeper';
import { LiveOperations } from './operations/live-operations';
import { OperationControl } from './operations/operation-control';
import { OperationEvents } from './operations/operation-events';
import { OperationRunner } from './operations/operation-runner';
import { OperationWatch } from './operations/operation-watch';
import { OthersWork } from './operations/others-work';
import { OwnWork } from './operations/own-work';
import { Preparation } from './operations/preparation';
import { QueueFiller } from './operations/queue-filler';
import { QueueLimits } from './operations/queue-limits';
import { RecoveryService } from './operations/recovery.service';
import { RequestCheck } from './operations/request-check';
import { RequestReader } from './operations/request-reader';
import { RequestsUnderWay } from './operations/requests-under-way';
import { UserViews } from './operations/user-views';
import { PlanService } from './planning/plan.service';
import { ReleaseService } from './releases/release.service';
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

/** What the rest of the service works with. */
const OFFERED = [
  BatchService,
  LiveOperations,
  MethodRegistry,
  OperationControl,
  OperationEvents,
  OperationWatch,
  PlanService,
  QueueFiller,
  StagingService,
];

/** All parts of the engine but its recovery, which begins by itself. */
export const ENGINE_PARTS = [
  ...OFFERED,
  BatchStates,
  Dispatcher,
  Inheritance,
  LeftOverSweeper,
  OperationRunner,
  OthersWork,
  OwnWork,
  Preparation,
  QueueLimits,
  ReleaseService,
  RequestCheck,
  RequestReader,
  RequestsUnderWay,
  UserViews,
];

/** The engine: requests become recorded operations. On shutdown it takes no more work and lets what runs finish. */
@Module({})
export class StagingModule implements BeforeApplicationShutdown {
  constructor(
    @Inject(JOB_QUEUE) private readonly queue: JobQueue,
    private readonly dispatcher: Dispatcher,
    private readonly watch: OperationWatch,
    private readonly releases: ReleaseService,
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
        ...ENGINE_PARTS,
        RecoveryService,
      ],
      exports: OFFERED,
    };
  }

  async beforeApplicationShutdown(): Promise<void> {
    const stopped = this.queue.stop(this.options.shutdownGraceMs, shuttingDown);
    await this.dispatcher.refuseAwaited();
    this.watch.close();
    await Promise.all([stopped, this.releases.stop()]);
    await this.deferred.flush();
  }
}
