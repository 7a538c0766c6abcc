import { execFileSync } from 'node:child_process';
import { type Records } from '../create-records';
import { type StagingRecord } from '../entities/staging-record.entity';
import { SqliteSite, testRecord } from '../testing/test-records';
import { OrphanedOperations } from './orphaned-operations';

const ELSEWHERE = 'elsewhere/00000000-0000-0000-0000-000000000000/1/1/1';

describe('orphaned operations', () => {
  const site = new SqliteSite();
  let records: Records;
  let orphans: OrphanedOperations;
  let seconds: number;

  beforeEach(async () => {
    records = await site.open();
    seconds = 0;
    orphans = new OrphanedOperations(records.operations, records.database, records.identity, () => seconds * 1000);
  });
  afterAll(() => site.close());

  /** Writes a record whose last heartbeat is some seconds old. */
  const add = async (values: Partial<StagingRecord>, age: number | null = 0) => {
    const record = testRecord(values);
    await records.operations.insert(record);
    await records.operations.update(record.id, {
      heartbeatAt: age === null ? null : new Date(Date.now() - age * 1000),
    });
    return record.id;
  };
  const listed = async () => (await orphans.list()).map((record) => record.id).sort();

  it('are those whose process is known to be dead, at once', async () => {
    const script = `const { ProcessIdentity } = require(${JSON.stringify(compiled('process-identity.js'))});
      process.stdout.write(new ProcessIdentity().name);`;
    const dead = execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' });
    const running = await add({ owner: dead });
    const queued = await add({ owner: dead, status: 'queued' });
    await add({ owner: dead, status: 'success' });
    await add({ owner: records.identity.name });
    await add({ owner: ELSEWHERE });

    expect(await listed()).toEqual([running, queued].sort());
  });

  it('are those that nobody beats for, once two looks have found it so', async () => {
    const silent = await add({ owner: ELSEWHERE }, 121);
    const ownerless = await add({ owner: null }, 121);
    await add({ owner: ELSEWHERE }, 100);
    await add({ owner: ELSEWHERE, status: 'queued' }, null);

    expect(await listed()).toEqual([]);
    seconds = 44;
    expect(await listed()).toEqual([]);
    seconds = 45;
    expect(await listed()).toEqual([silent, ownerless].sort());
  });

  it('are not those that beat again after a database was away for long', async () => {
    const alive = await add({ owner: ELSEWHERE }, 600);
    expect(await listed()).toEqual([]);
    await records.operations.beat([alive]);
    seconds = 60;
    expect(await listed()).toEqual([]);

    await records.operations.update(alive, { heartbeatAt: new Date(Date.now() - 300_000) });
    expect(await listed()).toEqual([]);
    seconds = 105;
    expect(await listed()).toEqual([alive]);
  });

  it('are never those of this process, however long it was busy', async () => {
    await add({ owner: records.identity.name }, 600);
    await listed();
    seconds = 600;

    expect(await listed()).toEqual([]);
  });
});

/** The compiled file of this folder, for other processes. */
function compiled(file: string): string {
  return `${__dirname.replace(/\/libs\/records\//, '/dist/libs/records/')}/${file}`;
}
