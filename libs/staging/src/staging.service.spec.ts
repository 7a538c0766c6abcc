import { AppError } from '@app/core';
import { type ManifestRow } from '@app/files';
import { type Records } from '@app/records';
import { type StagingMethod, type StagingOperation } from './contract/staging-method';
import { until } from '../../../test/support/until';
import { fakeMethod, newOutcome, newRequest, setupStaging, type StagingSetup } from './testing';

const ROW: ManifestRow = {
  path: '',
  kind: 'file',
  size: 5,
  mtimeNs: '1795557130022367380',
  device: '65024',
  inode: '2146497',
  checksum: { algorithm: 'xxh3', value: '9555e8555c62dcfd' },
};

let setup: StagingSetup;
afterEach(() => setup.close());

async function withMethod(
  stage: StagingMethod['stage'],
  overrides: Partial<StagingMethod> = {},
): Promise<StagingSetup> {
  setup = await setupStaging([fakeMethod(stage, overrides)]);
  return setup;
}

async function failureOf(attempt: Promise<unknown>): Promise<AppError> {
  const error: unknown = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AppError);
  return error as AppError;
}

/** Makes one call of the records fail as if the database were away; returns what brings it back. */
function failing(records: Records, call: 'insert' | 'settle' | 'confirmRunning'): () => void {
  const away = new AppError('database_unavailable', 'The database does not answer.', { retryAfterSeconds: 10 });
  const spy = jest.spyOn(records.operations, call).mockRejectedValue(away);
  return () => spy.mockRestore();
}

describe('StagingService', () => {
  it('writes the record before the method begins, and settles it by what the method did', async () => {
    let seen: unknown;
    const { service, records, ended } = await withMethod(async (operation) => {
      seen = await setup.records.operations.find(operation.id);
      return newOutcome({ manifest: [ROW] });
    });
    const record = await service.stage(newRequest({ label: 'night 1' }));
    expect(seen).toMatchObject({ id: record.id, status: 'running', startedAt: expect.any(Date), finishedAt: null });
    expect(await records.operations.find(record.id)).toMatchObject({
      method: 'fake',
      username: 'jane',
      storage: 'default',
      localPathOnStorage: 'source',
      relativePath: 'in/out',
      stagedPath: 'in/out',
      status: 'success',
      outcome: 'staged',
      filesTotal: 1,
      bytesDone: 5,
      checksumAlgorithm: 'xxh3',
      label: 'night 1',
      finishedAt: expect.any(Date),
      errorCode: null,
    });
    const { items } = await records.manifest.page(record.id, { limit: 10 });
    expect(items).toMatchObject([{ path: 'out', inode: '2146497', mtimeNs: ROW.mtimeNs, algorithm: 'xxh3' }]);
    expect(ended).toMatchObject([{ record: { id: record.id, status: 'success' }, seconds: expect.any(Number) }]);
  });

  it('calls the method by its alias, and records its own name', async () => {
    const { service } = await withMethod(() => Promise.resolve(newOutcome()));
    await expect(service.stage(newRequest({ method: 'old_fake' }))).resolves.toMatchObject({ method: 'fake' });
  });

  it('hands the method what was asked for, as bytes', async () => {
    let operation!: StagingOperation;
    const { service } = await withMethod((given) => {
      operation = given;
      return Promise.resolve(newOutcome());
    });
    const checksum = { algorithm: 'md5', value: '0'.repeat(32) } as const;
    const paths = { localPathOnStorage: 'caf%E9', relativePath: 'in%20/', nameEncoding: 'percent' } as const;
    await service.stage(newRequest({ ...paths, checksum, ifExists: 'fail', storage: 'cold' }));
    expect(operation).toMatchObject({
      source: { path: 'caf\xe9', storage: 'cold', asSent: 'caf%E9' },
      destination: { segments: ['in '], intoDirectory: true },
      expected: checksum,
      ifExists: 'fail',
    });
  });

  it('records all paths percent-encoded when one of them is not UTF-8', async () => {
    const { service } = await withMethod(() => Promise.resolve(newOutcome({ stagedPath: '100%/caf\xe9' })));
    const record = await service.stage(newRequest({ localPathOnStorage: 'a%b', relativePath: '100%/' }));
    expect(record).toMatchObject({
      nameEncoding: 'percent',
      localPathOnStorage: 'a%25b',
      relativePath: '100%25/',
      stagedPath: '100%25/caf%E9',
    });
  });

  it('shows the staged path as the user sees it', async () => {
    setup = await setupStaging([fakeMethod(() => Promise.resolve(newOutcome()))], {
      userViewPrefix: '/home/{username}',
    });
    await expect(setup.service.stage(newRequest())).resolves.toMatchObject({ stagedPath: '/home/jane/in/out' });
  });

  it('needs no destination for a method that has none', async () => {
    let operation!: StagingOperation;
    const stage: StagingMethod['stage'] = (given) => {
      operation = given;
      return Promise.resolve(newOutcome({ stagedPath: '' }));
    };
    const { service } = await withMethod(stage, { capabilities: { destination: 'none' } });
    const record = await service.stage(newRequest({ relativePath: '\0 not even looked at' }));
    expect(operation.destination).toBeNull();
    expect(record.relativePath).toBeNull();
  });
});

it('keeps the manifest of the last attempt alone', async () => {
  const { service, records } = await withMethod(async (_operation, { onManifest, onRestart }) => {
    await onManifest([{ ...ROW, path: 'first attempt' }]);
    await onRestart();
    await onManifest([{ ...ROW, path: 'second attempt' }]);
    return newOutcome();
  });
  const { id } = await service.stage(newRequest());
  const { items } = await records.manifest.page(id, { limit: 10 });
  expect(items.map(({ path }) => path)).toEqual(['second attempt']);
});

describe('StagingService, of failures,', () => {
  it('records what the method threw, and tells the operation', async () => {
    const thrown = new AppError('source_changed', 'The source changed.', { cause: new Error('underneath') });
    const { service, records, ended, logOf } = await withMethod(() => Promise.reject(thrown));
    const error = await failureOf(service.stage(newRequest()));
    expect(error).toMatchObject({
      code: 'source_changed',
      message: 'The source changed.',
      operationId: expect.any(String),
    });
    expect(await records.operations.find(error.operationId!)).toMatchObject({
      status: 'failure',
      outcome: null,
      errorCode: 'source_changed',
      errorReason: 'The source changed.',
      retryable: true,
    });
    expect(ended).toMatchObject([{ record: { status: 'failure', errorCode: 'source_changed' } }]);
    const log = await logOf(error.operationId!);
    expect(log.map((entry) => entry.level)).toEqual(['INFO', 'WARNING']);
    expect(log[1]).toMatchObject({ code: 'source_changed', username: 'jane', error: { message: 'underneath' } });
  });

  it('tells nothing of an unexpected error but its operation; the log has the stack', async () => {
    const { service, records, logOf } = await withMethod(() => Promise.reject(new TypeError('hunter2 is undefined')));
    const error = await failureOf(service.stage(newRequest()));
    expect(error.code).toBe('internal_error');
    expect(error.message).not.toContain('hunter2');
    const record = await records.operations.find(error.operationId!);
    expect(record).toMatchObject({ status: 'failure', errorCode: 'internal_error' });
    expect(record!.errorReason).not.toContain('hunter2');
    expect((await logOf(error.operationId!)).at(-1)).toMatchObject({
      level: 'ERROR',
      error: { name: 'TypeError', stack: expect.stringContaining('staging.service.spec') },
    });
  });

  it('records an unknown method, cut to what a record holds', async () => {
    const { service, records } = await withMethod(() => Promise.resolve(newOutcome()));
    const name = 'x'.repeat(100);
    const error = await failureOf(service.stage(newRequest({ method: name, relativePath: undefined })));
    expect(error).toMatchObject({ code: 'invalid_method', message: `Invalid staging method: ${name}` });
    expect(await records.operations.find(error.operationId!)).toMatchObject({
      method: 'x'.repeat(64),
      status: 'failure',
    });
  });

  it.each([
    ['no path', { localPathOnStorage: '' }, 'local_path_on_storage'],
    ['NUL', { localPathOnStorage: 'a\0b' }, 'local_path_on_storage'],
    ['a path of 4097 bytes', { localPathOnStorage: 'ab/'.repeat(1366) }, 'local_path_on_storage'],
    ['a segment of 256 bytes', { relativePath: 'é'.repeat(128) }, 'relative_path'],
    ['no destination', { relativePath: undefined }, 'relative_path'],
    ['a destination that names nothing', { relativePath: '.' }, 'relative_path'],
  ])('does not record a request with %s', async (_what, overrides, field) => {
    const { service, records, ended } = await withMethod(() => Promise.resolve(newOutcome()));
    const error = await failureOf(service.stage(newRequest(overrides)));
    expect(error).toMatchObject({ code: 'validation_failed', errors: [{ field }] });
    expect((await records.operations.page({}, 10, undefined)).items).toEqual([]);
    expect(ended).toEqual([]);
  });

  it('does not record what its method refuses by its form, whether or not somebody waits', async () => {
    const stage = jest.fn();
    const refusal = new AppError('validation_failed', 'relative_path is hidden.');
    const refuse = jest.fn(() => {
      throw refusal;
    });
    const { service, records } = await withMethod(stage, { refuse });
    await expect(service.stage(newRequest())).rejects.toBe(refusal);
    await expect(service.submit(newRequest())).rejects.toBe(refusal);
    expect(stage).not.toHaveBeenCalled();
    expect((await records.operations.page({}, 10, undefined)).items).toEqual([]);
  });

  it('does not record a request for a storage that the site does not have', async () => {
    const { service, records } = await withMethod(() => Promise.resolve(newOutcome()));
    const error = await failureOf(service.stage(newRequest({ storage: 'other' })));
    expect(error.code).toBe('validation_failed');
    expect((await records.operations.page({}, 10, undefined)).items).toEqual([]);
  });

  it.each(['validation_failed', 'quota_exceeded'] as const)(
    'keeps no record of %s, but its log lines',
    async (code) => {
      let id = '';
      const { service, records, ended, logOf } = await withMethod((operation) => {
        id = operation.id;
        return Promise.reject(new AppError(code, 'checksum is for files.'));
      });
      await expect(failureOf(service.stage(newRequest()))).resolves.toMatchObject({ code, operationId: undefined });
      expect(await records.operations.find(id)).toBeNull();
      expect(ended).toMatchObject([{ record: { status: 'failure', errorCode: code } }]);
      expect((await logOf(id)).at(-1)).toMatchObject({ code, message: 'checksum is for files.' });
    },
  );

  it('stages nothing for a system account, and records that', async () => {
    const stage = jest.fn();
    const { service } = await withMethod(stage);
    const error = await failureOf(service.stage(newRequest({ username: 'root' })));
    expect(error).toMatchObject({ code: 'forbidden', operationId: expect.any(String) });
    expect(stage).not.toHaveBeenCalled();
  });

  it('settles what runs when the service stops, and refuses what comes then', async () => {
    const { service, queue, stop, records } = await withMethod(
      (_operation, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    );
    const attempt = failureOf(service.stage(newRequest()));
    await until(() => queue.running > 0, 'nothing runs');
    await stop();
    const error = await attempt;
    expect(error).toMatchObject({ code: 'shutting_down', retryAfterSeconds: expect.any(Number) });
    expect(await records.operations.find(error.operationId!)).toMatchObject({ status: 'failure', retryable: true });
    await expect(failureOf(service.stage(newRequest()))).resolves.toMatchObject({ code: 'shutting_down' });
  });
});

describe('StagingService, with what is there already,', () => {
  const present = { device: '65024', inode: '2146497', size: 5, mtimeNs: ROW.mtimeNs };

  async function stageTwice(expected: string | undefined, matches: boolean | null) {
    let first = true;
    const { service } = await withMethod(() => {
      const staged = newOutcome({ manifest: [ROW] });
      const found = newOutcome({ outcome: 'already_present', checksum: null, matchesSource: matches, present });
      const outcome = first ? staged : found;
      first = false;
      return Promise.resolve(outcome);
    });
    await service.stage(newRequest());
    return service.stage(
      newRequest({ checksum: expected === undefined ? undefined : { algorithm: 'xxh3', value: expected } }),
    );
  }

  it.each([
    ['the same checksum', '9555E8555C62DCFD', true, true],
    ['another checksum', '0000000000000000', true, false],
    ['no checksum', undefined, true, true],
    ['the same checksum but another time', '9555e8555c62dcfd', false, false],
  ])(
    'compares what the caller expects with what an earlier operation wrote: %s',
    async (_what, expected, matches, told) => {
      await expect(stageTwice(expected, matches)).resolves.toMatchObject({
        outcome: 'already_present',
        matchesSource: told,
      });
    },
  );
});

describe('StagingService, when the database goes away,', () => {
  it('does nothing without a record', async () => {
    const stage = jest.fn();
    const { service, records } = await withMethod(stage);
    failing(records, 'insert');
    await expect(failureOf(service.stage(newRequest()))).resolves.toMatchObject({ code: 'database_unavailable' });
    expect(stage).not.toHaveBeenCalled();
  });

  it('lets nothing appear that could not be recorded', async () => {
    const { service, records } = await withMethod(async (_operation, { beforePublish }) => {
      failing(records, 'confirmRunning');
      await beforePublish();
      return newOutcome();
    });
    await expect(failureOf(service.stage(newRequest()))).resolves.toMatchObject({ code: 'database_unavailable' });
  });

  it('tells the truth of what is staged, and records it as soon as the database is back', async () => {
    const { service, records } = await withMethod(() => Promise.resolve(newOutcome({ manifest: [ROW] })));
    const back = failing(records, 'settle');
    const record = await service.stage(newRequest());
    expect(record.status).toBe('success');
    expect(await records.operations.find(record.id)).toMatchObject({ status: 'running' });
    back();
    await records.deferred.flush();
    expect(await records.operations.find(record.id)).toMatchObject({ status: 'success', bytesDone: 5 });
    expect((await records.manifest.page(record.id, { limit: 10 })).items).toHaveLength(1);
  });

  it('keeps the receipt of what is not recorded yet: a further attempt would know its own result by it', async () => {
    const dropped: string[][] = [];
    const leftOvers = {
      list: () => Promise.resolve([]),
      remove: () => Promise.resolve(),
      dropReceipts: (names: string[]) => Promise.resolve(void dropped.push(names)),
    };
    setup = await setupStaging([fakeMethod(() => Promise.resolve(newOutcome({ receipt: true })))], { leftOvers });
    const back = failing(setup.records, 'settle');
    const away = await setup.service.stage(newRequest());
    expect(away.status).toBe('success');
    back();
    const recorded = await setup.service.stage(newRequest({ relativePath: 'another' }));
    await setup.sweeper.idle();
    expect(dropped).toEqual([[recorded.id]]);
  });
});
