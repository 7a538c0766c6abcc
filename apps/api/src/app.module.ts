import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { AuthModule } from '@app/auth';
import { engineModules } from '@app/composition';
import { Settings } from '@app/core';
import { AppLogger } from '@app/logging';
import { AppErrorFilter } from './app-error.filter';
import { AuditController } from './audit/audit.controller';
import { AuditRetention } from './audit/audit-retention';
import { AccessGuard } from './auth/access.guard';
import { authOptions } from './auth/auth-options';
import { BatchItems } from './batches/batch-items';
import { BatchesController } from './batches/batches.controller';
import { StageBatchController } from './batches/stage-batch.controller';
import { DownloadLinks } from './downloads/download-links';
import { DownloadsController } from './downloads/downloads.controller';
import { Downloads } from './downloads/downloads.service';
import { RevokedLinks } from './downloads/revoked-links';
import { Transfers } from './downloads/transfers';
import { RequestBudget } from './http/rate-limit';
import { RequestPipe } from './http/request-pipe';
import { EarlierOperations } from './idempotency/earlier-operations';
import { Idempotency } from './idempotency/idempotency';
import { KeyEnds } from './idempotency/key-ends';
import { LogsController } from './logs/logs.controller';
import { LogsGateway } from './logs/logs.gateway';
import { PlanController } from './planning/plan.controller';
import { ControlController } from './records/control.controller';
import { EventsController } from './records/events.controller';
import { OperationFinder } from './records/operation-finder';
import { OperationStreams } from './records/operation-streams';
import { OperationViews } from './records/operation-views';
import { OperationsController } from './records/operations.controller';
import { ConfigController } from './site/config.controller';
import { HealthController } from './site/health.controller';
import { MetricsController } from './site/metrics.controller';
import { StartPageController } from './site/start-page.controller';
import { BackgroundStaging } from './staging/background-staging';
import { StagingController } from './staging/staging.controller';
import { CreateFileController } from './storage/create-file.controller';
import { ListingsController } from './storage/listings.controller';
import { Listings } from './storage/listings.service';

/** The whole service. */
@Module({
  controllers: [
    StagingController,
    StageBatchController,
    PlanController,
    BatchesController,
    OperationsController,
    ControlController,
    EventsController,
    DownloadsController,
    ListingsController,
    CreateFileController,
    LogsController,
    AuditController,
    ConfigController,
    HealthController,
    MetricsController,
    StartPageController,
  ],
  providers: [
    { provide: APP_FILTER, useClass: AppErrorFilter },
    { provide: APP_GUARD, useClass: AccessGuard },
    { provide: APP_PIPE, useClass: RequestPipe },
    AuditRetention,
    BatchItems,
    BackgroundStaging,
    DownloadLinks,
    Downloads,
    EarlierOperations,
    Idempotency,
    KeyEnds,
    Listings,
    LogsGateway,
    OperationFinder,
    OperationStreams,
    OperationViews,
    RequestBudget,
    Transfers,
    RevokedLinks,
  ],
})
export class AppModule {
  /** The service with its settings. */
  static of(settings: Settings): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ...engineModules(settings, 'api'),
        AuthModule.forRootAsync({ inject: [Settings, AppLogger], useFactory: authOptions }),
      ],
    };
  }
}
