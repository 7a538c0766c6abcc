import { AppError, type ErrorCode } from '@app/core';
import { type StagingRecord } from '@app/records';
import { until } from '../../../../test/support/until';
import { GatedMethod, newRequest, setupStaging, type SetupOptions, type StagingSetup } from '../testing';

let setup: StagingSetup;
let gated: GatedMethod;
afterEach(() => setup.close());

async function begin(options: SetupOptions = {}): Promise<void> {
  gated = new GatedMethod();
  setup = await setupStaging([gated.method], options);
}
const request = (name: string, username = 'jane') =>
  newRequest({ localPathOnStorage: name, relativePath: `in/${name}`, username });
const submit = (name: string, username?: string) => setup.service.submit(request(name, username));
const stage = (name: string, username?: string) => setup.service.stage(request(name, username));
const find = async ({ id }: Pick<StagingRecord, 'id'>) => (await setup.records.operations.find(id))!;
const begun = (name: string) => until(() => gated.under.has(name), `${name} did not begin`);
const endOf = (record: StagingRecord, status: StagingRecord['status']) =>
  until(async () => (await find(record)).status === status, `it did not become ${status}`);
const codeOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 'none',
    (error: unknown) => (error as AppError).code,
  );

describe('work in the background', () => {
  it('is accepted at once, runs, and ends in its record', async () => {
    await begin();
    const record = await submit('a');
    expect(await find(record)).toMatchObject({ status: 'running', background: true, startedAt: expect.any(Date) });
    await begun('a');
    gated.end('a');
    await endOf(record, 'success');
    expect(await find(record)).toMatchObject({ attempts: 1, history: null, bytesDone: 5 });
    expect(setup.ended).toMatchObject([{ failure: null, record: { id: record.id } }]);
  });

  it('waits when all places are taken, also work that somebody waits for, and says why', async () => {
    await begin({ concurrency: 2 });
    const [first] = [await submit('a'), await submit('b')];
    const third = await submit('c');
    const fourth = stage('d');
    await until(() => setup.queue.waiting === 2, 'they do not wait');
    expect(await find(third)).toMatchObject({ status: 'queued', startedAt: null });
    expect((await setup.live.factsOf(await find(third))).waitReason).toMatch(/position 1 of 2/);
    expect((await setup.live.factsOf(await find(first))).waitReason).toBeNull();
    await begun('b');
    expect(gated.begun).toEqual(['a', 'b']);
    gated.end('b');
    await begun('c');
    for (const name of ['a', 'c']) gated.end(name);
    await begun('d');
    gated.end('d');
    await expect(fourth).resolves.toMatchObject({ status: 'success', background: false });
    expect(gated.most).toBe(2);
  });

  it('is refused at once where that can be known at once', async () => {
    await begin();
    const unknown = setup.service.submit(newRequest({ method: 'teleport' }));
    await expect(unknown).rejects.toMatchObject({ code: 'invalid_method', operationId: expect.any(String) });
    const system = setup.service.submit(newRequest({ username: 'root' }));
    await expect(system).rejects.toMatchObject({ code: 'forbidden', operationId: expect.any(String) });
    await expect(codeOf(setup.service.submit(newRequest({ localPathOnStorage: '' })))).resolves.toBe(
      'validation_failed',
    );
  });

  it('keeps a record of what a request in the foreground would not', async () => {
    await begin();
    const record = await submit('a');
    await begun('a');
    gated.end('a', new AppError('quota_exceeded', 'Too many files.'));
    await endOf(record, 'failure');
    expect(await find(record)).toMatchObject({ errorCode: 'quota_exceeded' });
  });
});

describe('the same request', () => {
  it('joins the first one as long as that has not ended, however it was asked', async () => {
    await begin({ concurrency: 1 });
    const first = await submit('a');
    expect((await submit('a')).id).toBe(first.id);
    const queued = await submit('b');
    expect((await submit('b')).id).toBe(queued.id);
    await begun('a');
    gated.end('a');
    await endOf(first, 'success');
    expect((await submit('a')).id).not.toBe(first.id);
  });

  it.each([
    ['user', { username: 'john' }],
    ['destination', { relativePath: 'in/other' }],
    ['source', { localPathOnStorage: 'other' }],
    ['storage', { storage: 'cold' }],
    ['rule for what is there', { ifExists: 'fail' as const }],
    ['checksum', { checksum: { algorithm: 'md5' as const, value: '0'.repeat(32) } }],
  ])('is another one with another %s', async (_what, overrides) => {
    await begin();
    const first = await submit('a');
    expect((await setup.service.submit({ ...request('a'), ...overrides })).id).not.toBe(first.id);
  });

  it('makes work of the foreground that of the background: somebody counts on it who does not wait', async () => {
    await begin();
    const waiting = stage('a');
    await begun('a');
    const joined = await submit('a');
    expect(joined).toMatchObject({ status: 'running', background: true });
    gated.end('a', new AppError('storage_unavailable', 'It is away.'));
    await until(() => gated.begun.length === 2, 'it was not tried again');
    gated.end('a');
    await expect(waiting).resolves.toMatchObject({ id: joined.id, status: 'success', attempts: 2 });
  });

  it('of a waiting caller is another operation, as ever', async () => {
    await begin();
    const both = [stage('a'), stage('a')];
    await until(() => gated.begun.length === 2, 'both did not begin');
    gated.end('a');
    await until(() => setup.ended.length === 1, 'one did not end');
    await setup.stop();
    await Promise.allSettled(both);
    expect(new Set(setup.ended.map(({ record }) => record.id)).size).toBe(2);
  });
});

describe('automatic retries', () => {
  it('try again what passes, and keep each attempt', async () => {
    await begin();
    const record = await submit('a');
    for (const [index, message] of ['It is away.', 'It is still away.'].entries()) {
      await until(() => gated.begun.length === index + 1 && gated.under.has('a'), 'it did not begin');
      gated.end('a', new AppError('storage_unavailable', message));
    }
    await until(() => gated.begun.length === 3 && gated.under.has('a'), 'it did not begin once more');
    gated.end('a');
    await endOf(record, 'success');
    const { attempts, history } = await find(record);
    expect([attempts, history!.map(({ errorReason }) => errorReason)]).toEqual([
      3,
      ['It is away.', 'It is still away.'],
    ]);
    expect(setup.ended).toHaveLength(1);
  });

  it('wait a while in between, and say so', async () => {
    await begin({ retries: { attempts: 3, delayMs: 3_600_000 } });
    const record = await submit('a');
    await begun('a');
    gated.end('a', new AppError('jupyter_unavailable', 'The hub is away.'));
    await endOf(record, 'queued');
    const now = await find(record);
    expect(now.notBefore!.getTime()).toBeGreaterThan(Date.now());
    expect((await setup.live.factsOf(now)).waitReason).toContain(now.notBefore!.toISOString());
    await expect(setup.control.cancel(now)).resolves.toMatchObject({ status: 'cancelled' });
  });

  it('end, and the last failure stays', async () => {
    await begin({ retries: { attempts: 2, delayMs: 0 } });
    const record = await submit('a');
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      await until(() => gated.begun.length === attempt && gated.under.has('a'), 'it did not begin');
      gated.end('a', new AppError('storage_unavailable', `Away ${attempt}.`));
    }
    await endOf(record, 'failure');
    expect(await find(record)).toMatchObject({ attempts: 2, errorReason: 'Away 2.', history: [{ attempt: 1 }] });
  });

  it.each<ErrorCode>(['source_not_found', 'insufficient_storage', 'internal_error'])('are not for %s', async (code) => {
    await begin();
    const record = await submit('a');
    await begun('a');
    gated.end('a', new AppError(code, 'No.'));
    await endOf(record, 'failure');
    expect(gated.begun).toEqual(['a']);
  });
});

describe('limits by user', () => {
  it('let others pass a user who has enough running', async () => {
    await begin({ maxRunningPerUser: 1 });
    await submit('a');
    const second = await submit('b');
    await submit('c', 'john');
    await until(() => gated.under.size === 2, 'two do not run');
    expect(gated.begun).toEqual(['a', 'c']);
    expect((await setup.live.factsOf(await find(second))).waitReason).toMatch(/as the site allows \(1\)/);
  });

  it('refuse what would wait beyond the limit, and leave no record', async () => {
    await begin({ concurrency: 1, maxQueuedPerUser: 2 });
    for (const name of ['a', 'b', 'c']) await submit(name);
    await expect(submit('d')).rejects.toMatchObject({ code: 'quota_exceeded', retryAfterSeconds: expect.any(Number) });
    await expect(codeOf(stage('e'))).resolves.toBe('quota_exceeded');
    await expect(submit('d', 'john')).resolves.toMatchObject({ status: 'queued' });
    expect((await setup.records.operations.page({}, 10)).items).toHaveLength(4);
  });

  it('hold against requests that come at once', async () => {
    await begin({ concurrency: 1, maxQueuedPerUser: 3 });
    await submit('a');
    const codes = await Promise.all(Array.from({ length: 10 }, (_none, index) => codeOf(submit(`b${index}`))));
    expect(codes.filter((code) => code === 'none')).toHaveLength(3);
    expect(codes.filter((code) => code === 'quota_exceeded')).toHaveLength(7);
  });

  it('refuse work that cannot wait', async () => {
    await begin({ maxRunningPerUser: 1 });
    await submit('a');
    const hooks = { deliver: () => Promise.resolve(0), gone: null, callerToken: null };
    await expect(codeOf(setup.service.stage(request('b'), hooks))).resolves.toBe('quota_exceeded');
  });
});

describe('when the service stops', () => {
  it('work in the background goes back into its line, and waiting callers are told', async () => {
    await begin({ concurrency: 2 });
    const [running, foreground] = [await submit('a'), codeOf(stage('b'))];
    await until(() => gated.under.size === 2, 'they did not begin');
    const queued = await submit('c');
    const awaited = codeOf(stage('d'));
    await until(() => setup.queue.waiting === 2, 'they do not wait');
    const watched = setup.watch.untilEnded(running.id, 60_000);
    await setup.stop();
    await expect(Promise.all([foreground, awaited])).resolves.toEqual(['shutting_down', 'shutting_down']);
    await expect(watched).resolves.toBeNull();
    expect(await find(running)).toMatchObject({ status: 'queued', attempts: 2, history: [{ status: 'interrupted' }] });
    expect(await find(queued)).toMatchObject({ status: 'queued', attempts: 1 });
    await expect(codeOf(submit('e'))).resolves.toBe('shutting_down');
  });

  it('what ends within the grace is a success', async () => {
    await begin();
    const record = await submit('a');
    await begun('a');
    const stopped = setup.stop(60_000);
    gated.end('a');
    await stopped;
    expect(await find(record)).toMatchObject({ status: 'success' });
  });
});

describe('when the database goes away', () => {
  function failingOnce(): void {
    const away = () => Promise.reject(new AppError('database_unavailable', 'Away.'));
    jest.spyOn(setup.records.operations, 'transition').mockImplementationOnce(away);
  }

  it('work in line waits a little longer, and is not lost', async () => {
    await begin({ concurrency: 1 });
    await submit('a');
    await begun('a');
    const record = await submit('b');
    failingOnce();
    gated.end('a');
    await until(() => setup.queue.waiting === 1, 'it is not put back');
    expect(await find(record)).toMatchObject({ status: 'queued' });
  });

  it('whoever waits in line is told', async () => {
    await begin({ concurrency: 1 });
    await submit('a');
    const waiting = codeOf(stage('b'));
    await until(() => setup.queue.waiting === 1, 'it does not wait');
    failingOnce();
    gated.end('a');
    await expect(waiting).resolves.toBe('database_unavailable');
  });
});
