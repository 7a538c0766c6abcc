import {
  type DynamicModule,
  Global,
  Inject,
  type InjectionToken,
  Module,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { AuditTrail } from './audit/audit-trail';
import { AuditRepository } from './audit/audit.repository';
import { BatchRepository } from './batches/batch.repository';
import { createRecords, type Records } from './create-records';
import { DatabaseHealth } from './database/database-health';
import { IdempotencyRepository } from './idempotency/idempotency.repository';
import { ManifestRepository } from './manifest/manifest.repository';
import { OperationRepository } from './operations/operation.repository';
import { Processes } from './processes/processes';
import { ProcessIdentity } from './processes/process-identity';
import { type RecordsOptions } from './records-options';
import { PendingReleases } from './releases/pending-releases';
import { DeferredSettlements } from './settlements/deferred-settlements';

const RECORDS = Symbol('RECORDS');

/** How the options are had. */
export interface RecordsModuleOptions<Args extends unknown[]> {
  inject: InjectionToken[];
  useFactory: (...args: Args) => RecordsOptions;
}

/** What the module offers, and which part of the library each is. */
const PARTS = [
  [OperationRepository, 'operations'],
  [ManifestRepository, 'manifest'],
  [DeferredSettlements, 'deferred'],
  [DatabaseHealth, 'health'],
  [ProcessIdentity, 'identity'],
  [Processes, 'processes'],
  [BatchRepository, 'batches'],
  [IdempotencyRepository, 'idempotency'],
  [PendingReleases, 'releases'],
  [AuditRepository, 'audit'],
  [AuditTrail, 'trail'],
] as const;

/**
 * The records for the whole application. Its start waits for the database and brings the tables up to date. On shutdown
 * settlements that wait get a last chance, and so do entries of the audit, then the database is closed.
 */
@Global()
@Module({})
export class RecordsModule implements OnApplicationShutdown {
  constructor(@Inject(RECORDS) private readonly records: Records) {}

  static forRootAsync<Args extends unknown[]>(options: RecordsModuleOptions<Args>): DynamicModule {
    const { inject, useFactory } = options;
    return {
      module: RecordsModule,
      providers: [
        { provide: RECORDS, inject, useFactory: (...args: Args) => createRecords(useFactory(...args)) },
        ...PARTS.map(([provide, part]) => ({
          provide,
          inject: [RECORDS],
          useFactory: (records: Records) => records[part],
        })),
        // For `@InjectDataSource()`. Not by TypeOrmModule, which closes the database before the last ends are written.
        {
          provide: getDataSourceToken(),
          inject: [RECORDS],
          useFactory: (records: Records) => records.database.dataSource,
        },
      ],
      exports: [...PARTS.map(([token]) => token), getDataSourceToken()],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.records.deferred.flush();
    await this.records.trail.close();
    await this.records.close();
  }
}
