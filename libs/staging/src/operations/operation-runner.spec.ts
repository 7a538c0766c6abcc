import { AppError } from '@app/core';
import { until } from '../../../../test/support/until';
import { OperationCancelled } from '../contract/operation-cancelled';
import { type StagingContext, type StagingMethod, type StagingOperation } from '../contract/staging-method';
import { fakeMethod, newOutcome, newRequest, setupStaging, type StagingSetup } from '../testing';

const ROW = {
  path: 'file',
  kind: 'file' as const,
  size: 5,
  mtimeNs: '1795557130022367380',
  device: '65024',
  inode: '2146497',
  checksum: { algorithm: 'sha256' as const, value: 'ab'.repeat(32) },
};

let setup: StagingSetup;
afterEach(() => setup.close());

async function withMethod(stage: StagingMethod['stage'], overrides: Partial<StagingMethod> = {}) {
  setup = await setupStaging([fakeMethod(stage, overrides)], { userViewPrefix: '/home/{username}' });
  return setup;
}

async function errorOf(attempt: Promise<unknown>): Promise<AppError> {
  const error: unknown = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AppError);
  return error as AppError;
}

/** Waits for the signal, as a method does that is in the middle of its work. */
function untilAborted({ signal }: StagingContext): Promise<never> {
  return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
}

describe('an operation that is cancelled', () => {
  it('is settled as cancelled with how far it came, and is no failure', async () => {
    const gone = new OperationCancelled('The client went away.', 3);
    const { service, records, ended, logOf } = await withMethod(() => Promise.reject(gone));
    const error = await errorOf(service.stage(newRequest()));
    expect(error).toMatchObject({ code: 'already_ended', message: 'The client went away.' });
    expect(await records.operations.find(error.operationId!)).toMatchObject({
      status: 'cancelled',
      errorCode: null,
      errorReason: 'The client went away.',
      bytesDone: 3,
      finishedAt: expect.any(Date),
    });
    expect(ended).toMatchObject([{ record: { status: 'cancelled', errorCode: null } }]);
    expect((await logOf(error.operationId!)).at(-1)).toMatchObject({
      level: 'INFO',
      message: expect.stringMatching(/^Cancelled/),
    });
  });

  it('is ended when the one who waits for its delivery goes away', async () => {
    const caller = new AbortController();
    const { service, queue, records } = await withMethod((_operation, context) => untilAborted(context));
    const attempt = errorOf(service.stage(newRequest(), { deliver: null, gone: caller.signal, callerToken: null }));
    await until(() => queue.running > 0, 'nothing runs');
    caller.abort(new OperationCancelled('The caller hung up.', 0));
    const { operationId } = await attempt;
    expect(await records.operations.find(operationId!)).toMatchObject({ status: 'cancelled', bytesDone: 0 });
  });

  it('is ended from outside by its id while it runs, and not after', async () => {
    const { service, queue, records } = await withMethod((_operation, context) => untilAborted(context));
    const attempt = errorOf(service.stage(newRequest()));
    await until(() => queue.running > 0, 'nothing runs');
    const { id } = (await records.operations.page({}, 1)).items[0]!;
    expect(queue.abort('another', new OperationCancelled('No.'))).toBe(false);
    expect(queue.abort(id, new OperationCancelled('Cancelled on request.'))).toBe(true);
    await expect(attempt).resolves.toMatchObject({ code: 'already_ended', operationId: id });
    expect(await records.operations.find(id)).toMatchObject({ status: 'cancelled', bytesDone: null });
    expect(queue.abort(id, new OperationCancelled('Too late.'))).toBe(false);
  });
});

describe('what comes with a request', () => {
  it('reaches the method, and no record', async () => {
    let seen!: StagingContext;
    const { service, records } = await withMethod((_operation, context) => {
      seen = context;
      return Promise.resolve(newOutcome());
    });
    const deliver = () => Promise.resolve(0);
    const record = await service.stage(newRequest(), { deliver, gone: null, callerToken: 'hunter2' });
    expect(seen).toMatchObject({ deliver, gone: null, callerToken: 'hunter2' });
    expect(JSON.stringify(await records.operations.find(record.id))).not.toContain('hunter2');
  });

  it('is nothing unless the caller gives it', async () => {
    let seen!: StagingContext;
    const { service } = await withMethod((_operation, context) => {
      seen = context;
      return Promise.resolve(newOutcome());
    });
    await service.stage(newRequest());
    expect(seen).toMatchObject({ deliver: null, callerToken: null });
  });

  it('names a server for methods that know servers, and for no other', async () => {
    const servers: StagingOperation['server'][] = [];
    const stage: StagingMethod['stage'] = (operation) => {
      servers.push(operation.server);
      return Promise.resolve(newOutcome());
    };
    const remote = fakeMethod(stage, { name: 'remote', aliases: [], capabilities: { destination: 'remote' } });
    setup = await setupStaging([fakeMethod(stage), remote]);
    const { service, records } = setup;
    const there = await service.stage(newRequest({ method: 'remote', server: 'gpu' }));
    const here = await service.stage(newRequest({ server: 'gpu' }));
    expect(servers).toEqual(['gpu', null]);
    expect(await records.operations.find(there.id)).toMatchObject({ server: 'gpu' });
    expect(await records.operations.find(here.id)).toMatchObject({ server: null });
  });
});

describe('what a method says of its result', () => {
  it('may be that it waits to be fetched, until a certain time', async () => {
    const expiresAt = new Date('2030-01-02T03:04:05.678Z');
    const outcome = newOutcome({ stagedPath: null, done: { files: 0, bytes: 0 }, expiresAt });
    const { service, records } = await withMethod(() => Promise.resolve(outcome), {
      capabilities: { destination: 'none' },
    });
    const { id } = await service.stage(newRequest());
    expect(await records.operations.find(id)).toMatchObject({
      status: 'success',
      stagedPath: null,
      filesTotal: 1,
      filesDone: 0,
      bytesTotal: 5,
      bytesDone: 0,
      expiresAt,
    });
  });

  it('is told as it is where the result is not in the user area', async () => {
    const { service } = await withMethod(() => Promise.resolve(newOutcome()), {
      capabilities: { destination: 'remote' },
    });
    await expect(service.stage(newRequest())).resolves.toMatchObject({ stagedPath: 'in/out' });
  });

  it('is found again by who asks for the checksum of the same file', async () => {
    const known: unknown[] = [];
    const { service } = await withMethod(async (_operation, { knownChecksum }) => {
      const { device, inode, size, mtimeNs } = ROW;
      known.push(await knownChecksum({ device, inode, size, mtimeNs }));
      known.push(await knownChecksum({ device, inode, size, mtimeNs: '0' }));
      return newOutcome({ manifest: [ROW] });
    });
    await service.stage(newRequest());
    await service.stage(newRequest());
    expect(known).toEqual([null, null, ROW.checksum, null]);
  });
});
