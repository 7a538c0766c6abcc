import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LeftOvers } from '@app/files';
import { createTestSite, type TestSite } from '@app/files/testing';
import { createLogging } from '@app/logging';
import { createRecords, newOperationId, type Records, StagingRecord, timeOfOperationId } from '@app/records';
import { RecoveryService } from './recovery.service';
import { RunningOperations } from './running-operations';

/** A process of this host that is gone: this one's number, started at another time. */
function deadOwner(records: Records): string {
  return records.identity.name.replace(/\d+$/, '1');
}

describe('RecoveryService', () => {
  let site: TestSite;
  let records: Records;
  let running: RunningOperations;

  beforeEach(async () => {
    site = await createTestSite();
    records = await createRecords({ databaseUrl: 'sqlite::memory:', timeoutMs: 10_000 });
    running = new RunningOperations();
  });
  afterEach(async () => {
    await records.close();
    await site.close();
  });

  /** Lets the service look once, as it does at a start. */
  async function recover(options: { recordRetentionDays?: number } = {}): Promise<void> {
    const log = {
      level: 'ERROR',
      file: path.join(site.directory, 'log'),
      maxBytes: 1e6,
      maxFiles: 1,
      console: false,
    } as const;
    const { logger } = createLogging(log);
    const leftOvers = new LeftOvers(site.pool, site.roots);
    const all = {
      allowedMethods: undefined,
      maxQueuedPerUser: 0,
      retries: { attempts: 5, delayMs: 0 },
      shutdownGraceMs: 0,
      userViewPrefix: undefined,
      recordRetentionDays: 0,
      ...options,
    };
    const service = new RecoveryService(records.operations, records.orphans, leftOvers, running, logger, all);
    await service.onApplicationBootstrap();
    await service.onApplicationShutdown();
    await logger.close();
  }

  async function record(overrides: Partial<StagingRecord>): Promise<StagingRecord> {
    const id = newOperationId();
    const createdAt = timeOfOperationId(id);
    const base = {
      id,
      method: 'local_copy',
      username: 'jane',
      localPathOnStorage: 'tree',
      relativePath: 'in/out',
      status: 'running',
      attempts: 1,
      createdAt,
      startedAt: createdAt,
      heartbeatAt: createdAt,
      owner: deadOwner(records),
    } as const;
    const made = Object.assign(new StagingRecord(), base, overrides);
    await records.operations.insert(made);
    return made;
  }

  function privateDirectory(...names: string[]): string {
    const directory = path.join(site.areas, ...names);
    mkdirSync(path.join(directory, 'payload/deep'), { recursive: true, mode: 0o700 });
    writeFileSync(path.join(directory, 'payload/deep/half'), 'half a file');
    return directory;
  }

  it('settles what a dead process left running, and removes its private directories', async () => {
    const dead = await record({});
    const below = privateDirectory('.staging', dead.id);
    const inArea = privateDirectory('jane', 'in', `.staging-${dead.id}`);
    await recover();
    expect(await records.operations.find(dead.id)).toMatchObject({
      status: 'failure',
      errorCode: 'internal_error',
      errorReason: expect.stringContaining('stopped unexpectedly'),
      retryable: true,
      finishedAt: expect.any(Date),
    });
    expect([below, inArea].map((directory) => existsSync(directory))).toEqual([false, false]);
    expect(existsSync(path.join(site.areas, 'jane/in'))).toBe(true);
  });

  it('leaves alone what a living process works on', async () => {
    const alive = await record({ owner: records.identity.name });
    const directory = privateDirectory('.staging', alive.id);
    await recover();
    expect(await records.operations.find(alive.id)).toMatchObject({ status: 'running' });
    expect(existsSync(directory)).toBe(true);
  });

  it('removes what lies in the private directory of an ended operation', async () => {
    const ended = await record({ status: 'failure', finishedAt: new Date() });
    const directory = privateDirectory('.staging', ended.id);
    await recover();
    expect(existsSync(directory)).toBe(false);
  });

  it('removes records of operations that ended too long ago, when the site says so', async () => {
    const day = 86_400_000;
    const ended = (days: number) => {
      const time = Date.now() - days * day;
      const hex = time.toString(16).padStart(12, '0');
      const id = `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
      return record({ id, createdAt: new Date(time), status: 'success', finishedAt: new Date(time + 1000) });
    };
    const [old, recent] = [await ended(10), await ended(3)];
    await recover();
    expect(await records.operations.find(old.id)).not.toBeNull();
    await recover({ recordRetentionDays: 7 });
    expect(await records.operations.find(old.id)).toBeNull();
    expect(await records.operations.find(recent.id)).not.toBeNull();
  });

  it('leaves alone what no record of this database tells of', async () => {
    const foreign = privateDirectory('.staging', newOperationId());
    const other = privateDirectory('.staging', 'notes');
    await recover();
    expect([foreign, other].map((directory) => existsSync(directory))).toEqual([true, true]);
  });
});
