import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LeftOvers } from '@app/files';
import { createTestSite, type TestSite } from '@app/files/testing';
import { createLogging } from '@app/logging';
import { LocalQueue } from '@app/queue';
import { createRecords, newOperationId, type Records, StagingRecord, timeOfOperationId } from '@app/records';
import { until } from '../../../../test/support/until';
import { fakeMethod, newOutcome } from '../testing';
import { engineOver, stopEngine } from '../testing/engine-over';
import { ENGINE_OPTIONS } from '../testing/setup-staging';
import { Dispatcher } from './dispatcher';
import { Inheritance } from './inheritance';
import { LeftOverSweeper } from './left-over-sweeper';
import { QueueFiller } from './queue-filler';
import { RecoveryService } from './recovery.service';

/** What a process leaves that was there. */
const LIVED = 'INSERT INTO staging_process (name, heartbeat_at) VALUES (?, CURRENT_TIMESTAMP)';

/** A process of this host that is gone: this one's number, started at another time. */
function deadOwner(records: Records): string {
  return records.identity.name.replace(/\d+$/, '1');
}

describe('RecoveryService', () => {
  let site: TestSite;
  let records: Records;
  /** Ids of the operations that were done again, in order. */
  let taken: string[];
  /** What is looked at when an operation is done again. */
  let look: (id: string) => void;

  beforeEach(async () => {
    site = await createTestSite();
    records = await createRecords({ databaseUrl: 'sqlite::memory:', timeoutMs: 10_000 });
    taken = [];
    look = () => undefined;
    await records.database.write((manager) => manager.query(LIVED, [deadOwner(records)]));
  });
  afterEach(async () => {
    await records.close();
    await site.close();
  });

  /** Lets the service look once, as it does at a start; what is taken from the queue then ends well. */
  async function recover(options: { recordRetentionDays?: number } = {}): Promise<void> {
    const log = { level: 'ERROR', file: path.join(site.directory, 'log'), maxBytes: 1e6, maxFiles: 1 } as const;
    const { logger } = createLogging({ ...log, console: false });
    const queue = new LocalQueue({ concurrency: 1, maxRunningPerUser: 0 });
    const all = { ...ENGINE_OPTIONS, ...options };
    const method = fakeMethod(({ id }) => {
      taken.push(id);
      look(id);
      return Promise.resolve(newOutcome());
    });
    const leftOvers = new LeftOvers(site.pool, site.roots);
    const engine = await engineOver({ records, queue, methods: [method], logger, options: all, leftOvers });
    const service = new RecoveryService(
      records.operations,
      records.processes,
      records.idempotency,
      engine.get(Inheritance),
      engine.get(Dispatcher),
      engine.get(LeftOverSweeper),
      engine.get(QueueFiller),
      queue,
      logger,
      all,
    );
    await service.onApplicationBootstrap();
    await until(() => queue.waiting + queue.running === 0, 'the queue does not end');
    await service.onApplicationShutdown();
    await stopEngine(engine, queue, records, 10_000);
    await logger.close();
  }

  async function record(overrides: Partial<StagingRecord>): Promise<StagingRecord> {
    const id = newOperationId();
    const createdAt = timeOfOperationId(id);
    const base = {
      id,
      method: 'fake',
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

  it('goes on with what nobody waited for, what ran first and what waited in its order', async () => {
    const waiting = [
      await record({ status: 'queued', background: true }),
      await record({ status: 'queued', background: true }),
    ];
    const running = await record({ background: true });
    const directory = privateDirectory('.staging', running.id);
    const seen: boolean[] = [];
    look = () => seen.push(existsSync(directory));
    await recover();
    expect(taken).toEqual([running.id, ...waiting.map(({ id }) => id)]);
    expect(await records.operations.find(running.id)).toMatchObject({
      status: 'success',
      attempts: 2,
      history: [{ attempt: 1, status: 'interrupted' }],
      owner: records.identity.name,
    });
    for (const { id } of waiting) {
      expect(await records.operations.find(id)).toMatchObject({ status: 'success', attempts: 1, history: null });
    }
    // The method may go on from what is there; what it had no use for is removed when it has ended.
    expect([seen[0], existsSync(directory)]).toEqual([true, false]);
  });

  it('settles what waited in line for a caller who is gone', async () => {
    const waiting = await record({ status: 'queued' });
    await recover();
    expect(await records.operations.find(waiting.id)).toMatchObject({ status: 'failure', errorCode: 'internal_error' });
    expect(taken).toEqual([]);
  });

  it('does not take up for ever what ends its process', async () => {
    const interrupted = {
      status: 'interrupted',
      errorCode: null,
      errorReason: null,
      startedAt: null,
      endedAt: '',
    } as const;
    const history = [1, 2, 3].map((attempt) => ({ ...interrupted, attempt }));
    const fatal = await record({ background: true, attempts: 4, history });
    await recover();
    expect(await records.operations.find(fatal.id)).toMatchObject({ status: 'failure', errorCode: 'internal_error' });
    expect(taken).toEqual([]);
  });

  it('leaves nothing of a dead process that would be taken over again', async () => {
    await record({ background: true });
    await recover();
    await recover();
    expect(taken).toHaveLength(1);
    expect(await records.processes.dead()).toEqual([]);
  });

  it('trusts no rows that were written before the host was started anew', async () => {
    const before = records.identity.name
      .split('/')
      .with(1, '0'.repeat(8) + '-0000-4000-8000-' + '0'.repeat(12))
      .join('/');
    await records.database.write((manager) => manager.query(LIVED, [before]));
    const [old, recent] = [await record({ owner: before, background: true }), await record({ background: true })];
    const row = { kind: 'file', size: 1, mtimeNs: '1', device: '1', inode: '1', status: 'staged' } as const;
    const rest = { nameEncoding: null, algorithm: null, checksum: null, errorCode: null };
    for (const { id } of [old, recent])
      await records.manifest.add([{ ...row, ...rest, operationId: id, path: 'file' }]);
    const removed = jest.spyOn(records.manifest, 'removeOf');
    await recover();
    expect(removed.mock.calls[0]).toEqual([old.id]);
    expect(taken.sort()).toEqual([old.id, recent.id].sort());
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
