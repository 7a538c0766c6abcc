import { type AppLogger } from '@app/logging';
import { type Job, type JobQueue } from '@app/queue';
import {
  createRecords,
  newOperationId,
  type Records,
  StagingBatch,
  StagingRecord,
  timeOfOperationId,
} from '@app/records';
import { QueueFiller } from './queue-filler';

/** Real: the records, in SQLite. Fake: the queue, which keeps what it is given. */
describe('QueueFiller', () => {
  let records: Records;
  let added: Job[];
  let waiting: number;
  let filler: QueueFiller;

  beforeEach(async () => {
    records = await createRecords({ databaseUrl: 'sqlite::memory:', timeoutMs: 10_000 });
    [added, waiting] = [[], 0];
    const queue = {
      add: (jobs: Job[]) => Promise.resolve(void added.push(...jobs)),
      depth: () => Promise.resolve({ waiting, running: 0 }),
    } as unknown as JobQueue;
    filler = new QueueFiller(records.operations, records.batches, queue, { info: jest.fn() } as unknown as AppLogger);
  });
  afterEach(() => records.close());

  async function record(values: Partial<StagingRecord> = {}): Promise<string> {
    const id = newOperationId();
    const base = {
      id,
      method: 'fake',
      username: 'jane',
      localPathOnStorage: 'x',
      relativePath: 'y',
      status: 'queued',
    } as const;
    await records.operations.insert(
      Object.assign(new StagingRecord(), base, { createdAt: timeOfOperationId(id) }, values),
    );
    return id;
  }

  async function batch(acceptedAt: Date | null): Promise<string> {
    const id = newOperationId();
    const facts = {
      id,
      method: 'fake',
      username: 'jane',
      requestedBy: null,
      items: 1,
      createdAt: new Date(),
      owner: 'a',
    };
    await records.batches.insert(Object.assign(new StagingBatch(), facts));
    if (acceptedAt) await records.batches.accept(id, acceptedAt);
    return id;
  }

  it('adds all that waits, in its order, with what the queue needs to know', async () => {
    const notBefore = new Date(Date.now() + 3_600_000);
    const ids = [await record(), await record({ username: 'john', notBefore })];
    await record({ status: 'running' });
    await record({ status: 'failure' });
    expect(await filler.fill()).toBe(2);
    expect(added).toEqual([
      { id: ids[0], user: 'jane', batch: null, notBefore: null },
      { id: ids[1], user: 'john', batch: null, notBefore },
    ]);
  });

  it('leaves out what belongs to a batch that was not accepted yet', async () => {
    const [accepted, open] = [await batch(new Date()), await batch(null)];
    const id = await record({ batchId: accepted });
    await record({ batchId: open });
    expect(await filler.fill()).toBe(1);
    expect(added.map((job) => [job.id, job.batch])).toEqual([[id, accepted]]);
  });

  it('adds nothing where as many wait in the queue as in the records', async () => {
    await record();
    waiting = 1;
    await filler.fillIfShort();
    expect(added).toEqual([]);
    waiting = 0;
    await filler.fillIfShort();
    expect(added).toHaveLength(1);
  });
});
