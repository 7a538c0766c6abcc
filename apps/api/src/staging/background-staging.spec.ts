import { SilentBus } from '@app/cluster';
import { AppError } from '@app/core';
import { newOperationId, type OperationStatus, StagingRecord } from '@app/records';
import { OperationEvents, OperationWatch, type StageRequest, type StagingService } from '@app/staging';
import { type EarlierOperations } from '../idempotency/earlier-operations';
import { BackgroundStaging } from './background-staging';

const HOOKS = { deliver: null, gone: null, callerToken: null };
const REQUEST = { method: 'local_copy' } as StageRequest;

let record: StagingRecord;
let find: jest.Mock<Promise<StagingRecord | null>, [string]>;
let events: OperationEvents;
let watch: OperationWatch;
let background: BackgroundStaging;
let caller: AbortController;

const recordAs = (status: OperationStatus, finishedAt: Date | null = null) =>
  Object.assign(new StagingRecord(), record, { status, finishedAt });
const failure = () => new AppError('source_not_found', 'gone').ofOperation(record.id);
const end = (error: AppError | null = null) =>
  events.ended({ record: recordAs(error ? 'failure' : 'success', new Date()), seconds: 1, failure: error });

beforeEach(() => {
  jest.useFakeTimers();
  record = Object.assign(new StagingRecord(), { id: newOperationId(), status: 'running', finishedAt: null });
  find = jest.fn((_id: string) => Promise.resolve<StagingRecord | null>(recordAs('running')));
  events = new OperationEvents();
  watch = new OperationWatch(events, new SilentBus());
  const staging = { submit: () => Promise.resolve(record) } as unknown as StagingService;
  background = new BackgroundStaging(staging, watch, { find } as unknown as EarlierOperations);
  caller = new AbortController();
});
afterEach(() => jest.useRealTimers());

const submit = (waitSeconds: number | null) =>
  background.submit(REQUEST, HOOKS, { respondAsync: true, waitSeconds }, caller.signal);
/** Asks, lets it come to its waiting, then lets something happen. */
const waiting = async (happens: () => void): Promise<StagingRecord> => {
  const answer = submit(600);
  answer.catch(() => undefined);
  await jest.advanceTimersByTimeAsync(1);
  happens();
  return answer;
};

describe('a request in the background', () => {
  afterEach(() => expect(jest.getTimerCount()).toBe(0));

  it.each([null, 0])('is answered at once when its caller waits for %p seconds', async (seconds) => {
    expect(await submit(seconds)).toBe(record);
    expect(find).not.toHaveBeenCalled();
  });

  it('is answered by its end, well or not', async () => {
    expect(await waiting(() => end())).toMatchObject({ id: record.id, status: 'success' });
    await expect(waiting(() => end(failure()))).rejects.toMatchObject({ code: 'source_not_found' });
  });

  it('that ended before it was watched is answered by that, and not waited for', async () => {
    find.mockResolvedValueOnce(recordAs('success', new Date()));
    expect(await submit(600)).toMatchObject({ status: 'success' });
    find.mockRejectedValueOnce(failure());
    await expect(submit(600)).rejects.toMatchObject({ code: 'source_not_found', operationId: record.id });
  });

  it('is answered as it is now when the time is over', async () => {
    const answer = submit(5);
    await jest.advanceTimersByTimeAsync(4900);
    find.mockResolvedValue(recordAs('queued'));
    await jest.advanceTimersByTimeAsync(200);
    expect(await answer).toMatchObject({ status: 'queued' });
  });

  it('is not waited for when its caller hung up, also before', async () => {
    expect(await waiting(() => caller.abort())).toMatchObject({ status: 'running' });
    expect(await submit(600)).toMatchObject({ status: 'running' });
  });

  it('is answered as it is now when the service stops', async () => {
    expect(await waiting(() => watch.close())).toMatchObject({ status: 'running' });
  });

  it('is accepted all the same, and waited for, while the database is away', async () => {
    find.mockRejectedValue(new AppError('database_unavailable', 'away'));
    expect(await waiting(() => end())).toMatchObject({ status: 'success' });
    expect(await waiting(() => caller.abort())).toBe(record);
  });
});
