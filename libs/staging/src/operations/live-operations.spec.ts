import { type PlaceProgress } from '@app/files';
import { until } from '../../../../test/support/until';
import { GatedMethod, newRequest, setupStaging, type StagingSetup } from '../testing';

let setup: StagingSetup;
let gated: GatedMethod;
beforeEach(async () => {
  gated = new GatedMethod();
  setup = await setupStaging([gated.method]);
});
afterEach(() => setup.close());

const progress = (bytesDone: number, more: Partial<PlaceProgress> = {}): PlaceProgress => ({
  filesTotal: 10,
  filesDone: Math.floor(bytesDone / 100),
  bytesTotal: 1000,
  bytesDone,
  currentPath: 'dir/file',
  ...more,
});

async function begin() {
  const record = await setup.service.submit(newRequest({ localPathOnStorage: 'a' }));
  await until(() => gated.under.has('a'), 'it did not begin');
  const { onProgress, waitsFor } = gated.contextOf('a');
  return { record, onProgress, waitsFor, facts: () => setup.live.factsNow(record, null) };
}

describe('LiveOperations', () => {
  it('know how far an operation is, never less than before', async () => {
    const { onProgress, facts } = await begin();
    expect(facts()).toMatchObject({ bytesDone: null, bytesTotal: null, currentPath: null });
    onProgress(progress(300));
    expect(facts()).toMatchObject({
      bytesDone: 300,
      bytesTotal: 1000,
      filesDone: 3,
      filesTotal: 10,
      currentPath: 'dir/file',
    });
    onProgress(progress(100));
    expect(facts()).toMatchObject({ bytesDone: 300, filesDone: 3 });
    onProgress(progress(1000, { currentPath: null }));
    expect(facts()).toMatchObject({ bytesDone: 1000, filesDone: 10, currentPath: null });
  });

  it('write it into the record, and the end over it', async () => {
    const { record, onProgress } = await begin();
    onProgress(progress(300));
    const recorded = () => setup.records.operations.find(record.id);
    await until(async () => (await recorded())!.bytesDone === 300, 'it is not written');
    expect(await recorded()).toMatchObject({ status: 'running', filesDone: 3, bytesTotal: 1000 });
    gated.end('a');
    await until(async () => (await recorded())!.status === 'success', 'it does not end');
    expect(await recorded()).toMatchObject({ filesDone: 1, bytesDone: 5, bytesTotal: 5 });
  });

  it('tell in the record how far an operation came that failed', async () => {
    const { record, onProgress } = await begin();
    onProgress(progress(300));
    await setup.control.cancel(record);
    expect(await setup.records.operations.find(record.id)).toMatchObject({ status: 'cancelled', bytesDone: 300 });
  });

  it('know what it waits for', async () => {
    const { waitsFor, facts } = await begin();
    waitsFor('The server is starting.');
    expect(facts().waitReason).toBe('The server is starting.');
    waitsFor(null);
    expect(facts().waitReason).toBeNull();
  });

  it('estimate the rate and the time that is left', async () => {
    const clock = jest.spyOn(performance, 'now');
    let now = 1_000_000;
    clock.mockImplementation(() => now);
    const { onProgress, facts } = await begin();
    for (const bytes of [0, 100, 200, 300]) {
      onProgress(progress(bytes));
      now += 1000;
    }
    const { bytesPerSecond, etaSeconds } = facts();
    clock.mockRestore();
    expect(bytesPerSecond).toBe(75);
    expect(etaSeconds).toBe(Math.ceil(700 / 75));
  });

  it('show paths as the record shows its own', async () => {
    const { record, onProgress, facts } = await begin();
    onProgress(progress(1, { currentPath: 'caf\xe9' }));
    expect(facts().currentPath).toBe('caf%E9');
    record.nameEncoding = 'percent';
    onProgress(progress(1, { currentPath: 'a b' }));
    expect(facts().currentPath).toBe('a%20b');
  });

  it('say of an ended operation what its record says', async () => {
    const { record } = await begin();
    gated.end('a');
    await until(() => setup.ended.length === 1, 'it does not end');
    expect(setup.live.factsNow(record, null)).toEqual({
      filesTotal: 1,
      filesDone: 1,
      bytesTotal: 5,
      bytesDone: 5,
      bytesPerSecond: null,
      etaSeconds: null,
      currentPath: null,
      waitReason: null,
    });
  });
});
