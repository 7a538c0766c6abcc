import { Test, type TestingModule } from '@nestjs/testing';
import { BUS, SilentBus } from '@app/cluster';
import { AppError } from '@app/core';
import { AccountDirectory, LeftOvers, OwnershipPolicy, RootRegistry, SourceReader } from '@app/files';
import { AppLogger } from '@app/logging';
import { JOB_QUEUE, type JobQueue, shuttingDown } from '@app/queue';
import {
  BatchRepository,
  DeferredSettlements,
  IdempotencyRepository,
  ManifestRepository,
  OperationRepository,
  PendingReleases,
  Processes,
  ProcessIdentity,
  type Records,
} from '@app/records';
import { type StagingMethod } from '../contract/staging-method';
import { type StagingOptions } from '../contract/staging-options';
import { Dispatcher } from '../operations/dispatcher';
import { LeftOverSweeper } from '../operations/left-over-sweeper';
import { OperationWatch } from '../operations/operation-watch';
import { ReleaseService } from '../releases/release.service';
import { ENGINE_PARTS } from '../staging.module';
import { STAGING_METHODS, STAGING_OPTIONS } from '../staging.tokens';

/** The host's accounts. */
const ACCOUNTS = new OwnershipPolicy(new AccountDirectory({ mapFile: undefined }), {
  minUid: 1000,
  unmapped: { kind: 'service' },
  fileMode: 0o400,
  dirMode: 0o500,
});

/** Of the roots only their names matter here. */
const ROOTS = {
  checkName(storage: string | undefined) {
    if (storage !== undefined && storage !== 'cold') throw new AppError('validation_failed', 'no such storage');
  },
} as RootRegistry;

/** What the methods of a test bring lies nowhere. */
const SOURCES = { open: () => Promise.reject(new AppError('source_not_found', 'There is none.')) };

/** No method of the engine's own tests leaves anything. */
const NO_LEFT_OVERS: Pick<LeftOvers, 'list' | 'remove' | 'dropReceipts'> = {
  list: () => Promise.resolve([]),
  remove: () => Promise.resolve(),
  dropReceipts: () => Promise.resolve(),
};

/** What the engine stands on. */
export interface EngineGround {
  records: Records;
  queue: JobQueue;
  methods: StagingMethod[];
  logger: AppLogger;
  options: StagingOptions;
  /** Default: none. */
  leftOvers?: Pick<LeftOvers, 'list' | 'remove' | 'dropReceipts'>;
}

/** All parts of the engine but its recovery, wired as the module wires them. Nothing is started. */
export async function engineOver(ground: EngineGround): Promise<TestingModule> {
  const { records, queue, methods, logger, options, leftOvers = NO_LEFT_OVERS } = ground;
  const parts = [
    [OperationRepository, records.operations],
    [ManifestRepository, records.manifest],
    [DeferredSettlements, records.deferred],
    [ProcessIdentity, records.identity],
    [Processes, records.processes],
    [BatchRepository, records.batches],
    [PendingReleases, records.releases],
    [IdempotencyRepository, records.idempotency],
    [JOB_QUEUE, queue],
    [BUS, new SilentBus()],
    [STAGING_METHODS, methods],
    [STAGING_OPTIONS, options],
    [AppLogger, logger],
    [OwnershipPolicy, ACCOUNTS],
    [RootRegistry, ROOTS],
    [SourceReader, SOURCES],
    [LeftOvers, leftOvers],
  ] as const;
  const providers = parts.map(([provide, useValue]) => ({ provide, useValue }));
  const engine = await Test.createTestingModule({ providers: [...providers, ...ENGINE_PARTS] }).compile();
  return engine.init();
}

/** Stops the engine as the application does. May be called again. */
export async function stopEngine(
  engine: TestingModule,
  queue: JobQueue,
  records: Records,
  graceMs: number,
): Promise<void> {
  const stopped = queue.stop(graceMs, shuttingDown);
  await engine.get(Dispatcher).refuseAwaited();
  engine.get(OperationWatch).close();
  await Promise.all([stopped, engine.get(ReleaseService).stop()]);
  await engine.get(LeftOverSweeper).idle();
  await records.deferred.flush();
  await engine.close();
}
