import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createLogging, type LogEntry } from '@app/logging';
import { LocalQueue } from '@app/queue';
import { createRecords, type Records } from '@app/records';
import { BatchService } from '../batches/batch.service';
import { type StagingMethod, type StagingOutcome } from '../contract/staging-method';
import { type StagingOptions } from '../contract/staging-options';
import { Dispatcher } from '../operations/dispatcher';
import { Inheritance } from '../operations/inheritance';
import { LeftOverSweeper } from '../operations/left-over-sweeper';
import { LiveOperations } from '../operations/live-operations';
import { OperationControl } from '../operations/operation-control';
import { type OperationEnded, OperationEvents } from '../operations/operation-events';
import { OperationWatch } from '../operations/operation-watch';
import { type StageRequest } from '../operations/stage-request';
import { PlanService } from '../planning/plan.service';
import { ReleaseService } from '../releases/release.service';
import { StagingService } from '../staging.service';
import { type EngineGround, engineOver, stopEngine } from './engine-over';

/** A staging service over a real SQLite database, a real log, a real queue and whatever methods a test gives it. */
export interface StagingSetup {
  service: StagingService;
  control: OperationControl;
  sweeper: LeftOverSweeper;
  batches: BatchService;
  plans: PlanService;
  releases: ReleaseService;
  live: LiveOperations;
  watch: OperationWatch;
  queue: LocalQueue;
  records: Records;
  /** Every operation that has ended, in order. */
  ended: OperationEnded[];
  /** The log's entries of one operation, oldest first. */
  logOf: (operationId: string) => Promise<LogEntry[]>;
  /** The log's latest entries with a message, oldest first. */
  logged: (message: string) => Promise<LogEntry[]>;
  /** Goes on with what a dead process left. */
  inherit: (dead: string) => Promise<void>;
  /** Stops the engine as the application does. */
  stop: (graceMs?: number) => Promise<void>;
  close: () => Promise<void>;
}

/** What a setup may be given beside the site's options. */
export interface SetupOptions extends Partial<StagingOptions> {
  /** Places of the queue (default 4), and how many one user may have (default: all). */
  concurrency?: number;
  maxRunningPerUser?: number;
  /** A database that other setups use as well: the file's path. Default: one of its own. */
  database?: string;
  /** What operations leave. Default: nothing. */
  leftOvers?: EngineGround['leftOvers'];
}

/** What a site is like unless a test wants it otherwise. */
export const ENGINE_OPTIONS: StagingOptions = {
  allowedMethods: undefined,
  maxQueuedPerUser: 0,
  retries: { attempts: 5, delayMs: 0 },
  shutdownGraceMs: 0,
  recordRetentionDays: 0,
  userViewPrefix: undefined,
};

/** Real: database, log, accounts, queue, all of `staging`. Given by the test: the methods. The caller closes it. */
export async function setupStaging(methods: StagingMethod[], setup: SetupOptions = {}): Promise<StagingSetup> {
  const { concurrency = 4, maxRunningPerUser = 0, database, leftOvers, ...options } = setup;
  const directory = mkdtempSync(path.join(tmpdir(), 'staging-'));
  const log = { level: 'DEBUG', file: path.join(directory, 'log'), maxBytes: 10_000_000, maxFiles: 1 } as const;
  const logging = createLogging({ ...log, console: false });
  const databaseUrl = `sqlite:${database ?? path.join(directory, 'db')}`;
  const records = await createRecords({ databaseUrl, timeoutMs: 10_000 });
  const queue = new LocalQueue({ concurrency, maxRunningPerUser });
  const all = { ...ENGINE_OPTIONS, ...options };
  const engine = await engineOver({ records, queue, methods, logger: logging.logger, options: all, leftOvers });
  const ended: OperationEnded[] = [];
  engine.get(OperationEvents).subscribe((event) => ended.push(event));
  await records.processes.register();
  engine.get(Dispatcher).start();
  const stop = (graceMs = 0) => stopEngine(engine, queue, records, graceMs);
  return {
    service: engine.get(StagingService),
    control: engine.get(OperationControl),
    sweeper: engine.get(LeftOverSweeper),
    batches: engine.get(BatchService),
    plans: engine.get(PlanService),
    releases: engine.get(ReleaseService),
    live: engine.get(LiveOperations),
    watch: engine.get(OperationWatch),
    queue,
    records,
    ended,
    inherit: (dead) => engine.get(Inheritance).take(dead, () => undefined),
    async logOf(operationId) {
      const { items } = await logging.reader.page({ operationId, limit: 100 });
      return items.reverse();
    },
    async logged(message) {
      const { items } = await logging.reader.page({ limit: 100 });
      return items.filter((entry) => entry.message === message).reverse();
    },
    stop,
    async close() {
      await stop();
      await records.close();
      await logging.logger.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A proper request; details may be overridden. */
export function newRequest(overrides: Partial<StageRequest> = {}): StageRequest {
  return {
    method: 'fake',
    username: 'jane',
    requestedBy: null,
    localPathOnStorage: 'source',
    relativePath: 'in/out',
    nameEncoding: null,
    storage: undefined,
    checksum: undefined,
    ifExists: 'skip',
    label: undefined,
    server: undefined,
    ...overrides,
  };
}

/** How an operation that staged one file ended; details may be overridden. */
export function newOutcome(overrides: Partial<StagingOutcome> = {}): StagingOutcome {
  return {
    outcome: 'staged',
    storage: 'default',
    kind: 'file',
    stagedPath: 'in/out',
    files: 1,
    bytes: 5,
    link: null,
    checksum: { algorithm: 'xxh3', value: '9555e8555c62dcfd' },
    matchesSource: null,
    present: null,
    manifest: [],
    ...overrides,
  };
}

/** A method that does what the test says. */
export function fakeMethod(stage: StagingMethod['stage'], overrides: Partial<StagingMethod> = {}): StagingMethod {
  const capabilities = { destination: 'user_area' } as const;
  return { name: 'fake', aliases: ['old_fake'], description: 'Does as told.', capabilities, stage, ...overrides };
}
