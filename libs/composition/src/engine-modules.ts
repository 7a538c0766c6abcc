import { type DynamicModule } from '@nestjs/common';
import { ClusterModule } from '@app/cluster';
import { Settings } from '@app/core';
import { FilesModule } from '@app/files';
import { AppLogger, LoggingModule } from '@app/logging';
import { DIRECT_DOWNLOAD_OPTIONS, JUPYTER_OPTIONS, METHOD_CLASSES } from '@app/methods';
import { MonitoringModule } from '@app/monitoring';
import { QueueModule } from '@app/queue';
import { RecordsModule } from '@app/records';
import { StagingModule } from '@app/staging';
import {
  clusterOptions,
  downloadOptions,
  filesOptions,
  jupyterOptions,
  loggingOptions,
  queueOptions,
  recordsOptions,
  stagingOptions,
} from './lib-options';
import { LogRelayModule } from './log-relay.module';
import { type ProcessRole } from './process-role';
import { SettingsModule } from './settings.module';

const inject = [Settings];

/** What the settings say of single methods. */
const methodOptions = [
  { provide: DIRECT_DOWNLOAD_OPTIONS, inject, useFactory: downloadOptions },
  { provide: JUPYTER_OPTIONS, inject, useFactory: jupyterOptions },
];

/** The engine with its settings, the same in each kind of process: whatever is in it works without HTTP. */
export function engineModules(settings: Settings, role: ProcessRole): DynamicModule[] {
  const staging = StagingModule.forRoot({ methods: METHOD_CLASSES, methodOptions, inject, useFactory: stagingOptions });
  return [
    SettingsModule.of(settings),
    LoggingModule.forRootAsync({ inject, useFactory: (given: Settings) => loggingOptions(given, role) }),
    ClusterModule.forRootAsync({ inject: [Settings, AppLogger], useFactory: clusterOptions }),
    LogRelayModule.of(role),
    RecordsModule.forRootAsync({ inject: [Settings, AppLogger], useFactory: recordsOptions }),
    FilesModule.forRootAsync({ inject, useFactory: filesOptions }),
    QueueModule.forRootAsync({ inject, useFactory: (given: Settings) => queueOptions(given, role) }),
    staging,
    MonitoringModule.of(staging),
  ];
}
