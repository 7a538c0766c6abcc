import { until } from '../../../../test/support/until';
import { type StagingContext } from '../contract/staging-method';
import { fakeMethod, newOutcome, newRequest, setupStaging, type StagingSetup } from '../testing';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceParent = `00-${TRACE}-00f067aa0ba902b7-01`;

let setup: StagingSetup;
afterEach(() => setup.close());

describe('the trace of a request', () => {
  const contexts: StagingContext[] = [];
  beforeEach(async () => {
    contexts.length = 0;
    const stage = (_operation: unknown, context: StagingContext) => {
      contexts.push(context);
      context.note('Works');
      return Promise.resolve(newOutcome());
    };
    setup = await setupStaging([fakeMethod(stage)]);
  });

  const tracesIn = async (id: string) => (await setup.logOf(id)).map(({ trace_id: trace }) => trace);

  it('is in the record, in each line of its operation, and handed to the method', async () => {
    const { id } = await setup.service.stage(newRequest({ traceParent }));
    expect(await setup.records.operations.find(id)).toMatchObject({ traceParent });
    expect(contexts.map((one) => one.traceParent)).toEqual([traceParent]);
    expect(await tracesIn(id)).toEqual([TRACE, TRACE, TRACE]);
  });

  it('is that of each item of a batch', async () => {
    const { localPathOnStorage, relativePath, nameEncoding, storage, checksum, ifExists, label } = newRequest();
    const item = { localPathOnStorage, relativePath, nameEncoding, storage, checksum, ifExists, label };
    const batch = { method: 'fake', username: 'jane', requestedBy: null, server: undefined, traceParent };
    const batchId = '01981f7e-0000-7000-8000-000000000001';
    const items = async function* () {
      yield await Promise.resolve([item, { ...item, relativePath: '../escapes' }]);
    };
    await setup.batches.accept({ ...batch, batchId, count: 2 }, items());
    await until(async () => (await setup.batches.find(batchId))?.finishedAt !== null, 'The batch does not end');
    const { items: records } = await setup.records.operations.page({ batchId }, 10);
    expect(records.map((one) => [one.status, one.traceParent]).sort()).toEqual([
      ['failure', traceParent],
      ['success', traceParent],
    ]);
    expect(contexts.map((one) => one.traceParent)).toEqual([traceParent]);
    expect(await setup.logged('Batch accepted')).toMatchObject([{ trace_id: TRACE }]);
  });

  it('may be missing', async () => {
    const { id } = await setup.service.stage(newRequest());
    expect(contexts.map((one) => one.traceParent)).toEqual([null]);
    for (const line of await setup.logOf(id)) expect(line).not.toHaveProperty('trace_id');
  });
});
