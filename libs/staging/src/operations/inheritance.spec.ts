import { newOperationId, StagingRecord, timeOfOperationId } from '@app/records';
import { until } from '../../../../test/support/until';
import { fakeMethod, newOutcome, setupStaging, type StagingSetup } from '../testing/setup-staging';

/** A process of another host, which only shows no life. */
const ELSEWHERE = 'elsewhere/00000000-0000-0000-0000-000000000000/1/1/1';

describe('Inheritance', () => {
  let setup: StagingSetup;
  /** What the attempts that were done again called their own places. */
  let places: unknown[];

  beforeEach(async () => {
    places = [];
    const method = fakeMethod((_operation, { privateNames }) => {
      places.push(privateNames);
      return Promise.resolve(newOutcome());
    });
    setup = await setupStaging([method]);
  });
  afterEach(() => setup.close());

  async function running(owner: string, values: Partial<StagingRecord> = {}): Promise<StagingRecord> {
    const id = newOperationId();
    const createdAt = timeOfOperationId(id);
    const base = {
      id,
      method: 'fake',
      username: 'jane',
      localPathOnStorage: 'tree',
      relativePath: 'in/out',
      createdAt,
    };
    const state = { status: 'running', attempts: 1, background: true, startedAt: createdAt, owner } as const;
    const made = Object.assign(new StagingRecord(), base, state, values);
    await setup.records.operations.insert(made);
    return made;
  }
  const now = async ({ id }: StagingRecord) => (await setup.records.operations.find(id))!;
  const became = (record: StagingRecord, status: string) =>
    until(async () => (await now(record)).status === status, `it is not ${status}`);

  it('of one that only shows no life begins anew, in places that the other one does not know', async () => {
    const record = await running(ELSEWHERE);
    await setup.inherit(ELSEWHERE);
    await became(record, 'success');
    expect(places).toEqual([{ own: `${record.id}.2`, earlier: [record.id] }]);
    expect(await now(record)).toMatchObject({ attempts: 2, groundAttempt: 2, owner: setup.records.identity.name });
  });

  it('of one that is surely dead goes on where it was', async () => {
    const dead = setup.records.identity.name.replace(/\d+$/, '1');
    const record = await running(dead, { attempts: 3, groundAttempt: 2 });
    await setup.inherit(dead);
    await became(record, 'success');
    expect(places).toEqual([{ own: `${record.id}.2`, earlier: [record.id] }]);
    expect(await now(record)).toMatchObject({ attempts: 4, groundAttempt: 2 });
  });

  it('ends what was to be cancelled, as its process would have', async () => {
    const record = await running(ELSEWHERE, { cancelRequestedAt: new Date() });
    await setup.inherit(ELSEWHERE);
    expect(await now(record)).toMatchObject({ status: 'cancelled', attempts: 1, errorCode: null, retryable: true });
    expect(places).toEqual([]);
  });

  it('goes on with what a caller waits for at another process, and tries none of its failures again by itself', async () => {
    const record = await running(ELSEWHERE, { awaited: true });
    await setup.inherit(ELSEWHERE);
    await became(record, 'success');
    expect(await now(record)).toMatchObject({ attempts: 2, awaited: true });
  });
});
