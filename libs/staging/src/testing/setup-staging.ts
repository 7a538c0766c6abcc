import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AppError } from '@app/core';
import { AccountDirectory, OwnershipPolicy, type RootRegistry } from '@app/files';
import { createLogging, type LogEntry } from '@app/logging';
import { createRecords, type Records } from '@app/records';
import { MethodRegistry } from '../contract/method-registry';
import { type StagingMethod, type StagingOutcome } from '../contract/staging-method';
import { type StagingOptions } from '../contract/staging-options';
import { type OperationEnded, OperationEvents } from '../operations/operation-events';
import { OperationRunner } from '../operations/operation-runner';
import { RunningOperations } from '../operations/running-operations';
import { type StageRequest } from '../operations/stage-request';
import { StagingService } from '../staging.service';

/** A staging service over a real SQLite database, a real log and whatever methods a test gives it. */
export interface StagingSetup {
  service: StagingService;
  records: Records;
  running: RunningOperations;
  /** Every operation that has ended, in order. */
  ended: OperationEnded[];
  /** The log's entries of one operation, oldest first. */
  logOf: (operationId: string) => Promise<LogEntry[]>;
  close: () => Promise<void>;
}

const OPTIONS: StagingOptions = {
  allowedMethods: undefined,
  maxQueuedPerUser: 0,
  retries: { attempts: 5, delayMs: 0 },
  shutdownGraceMs: 0,
  recordRetentionDays: 0,
  userViewPrefix: undefined,
};

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

/** Real: database, log, accounts, all of `staging`. Given by the test: the methods. The caller closes it. */
export async function setupStaging(
  methods: StagingMethod[],
  options: Partial<StagingOptions> = {},
): Promise<StagingSetup> {
  const directory = mkdtempSync(path.join(tmpdir(), 'staging-'));
  const logging = createLogging({
    level: 'DEBUG',
    file: path.join(directory, 'log'),
    maxBytes: 10_000_000,
    maxFiles: 1,
    console: false,
  });
  const records = await createRecords({ databaseUrl: `sqlite:${path.join(directory, 'db')}`, timeoutMs: 10_000 });
  const running = new RunningOperations();
  const events = new OperationEvents();
  const ended: OperationEnded[] = [];
  events.subscribe((event) => ended.push(event));
  const all = { ...OPTIONS, ...options };
  const { operations, manifest, deferred, identity } = records;
  const runner = new OperationRunner(operations, manifest, deferred, running, events, logging.logger);
  return {
    service: new StagingService(new MethodRegistry(methods, all), runner, ACCOUNTS, ROOTS, identity, all),
    records,
    running,
    ended,
    async logOf(operationId) {
      const { items } = await logging.reader.page({ operationId, limit: 100 });
      return items.reverse();
    },
    async close() {
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
