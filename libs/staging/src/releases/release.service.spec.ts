import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AppError } from '@app/core';
import { type ManifestRow, type Release } from '@app/files';
import { type StagingRecord } from '@app/records';
import { until } from '../../../../test/support/until';
import { type ReleaseContext, type StagedOperation } from '../contract/staging-method';
import { fakeMethod, newOutcome, newRequest, setupStaging, type StagingSetup } from '../testing';

const ROW: ManifestRow = {
  path: '',
  kind: 'file',
  size: 5,
  mtimeNs: '7',
  device: '8',
  inode: '9',
  checksum: null,
};

let setup: StagingSetup;
/** What the method was asked to release, and how it answers: by the last of the answers when there are no more. */
let asked: { staged: StagedOperation; rows: ManifestRow[] }[];
let answers: (() => Promise<Release>)[];
afterEach(async () => {
  jest.restoreAllMocks();
  await setup.close();
});

async function begin(overrides = {}): Promise<void> {
  asked = [];
  answers = [() => Promise.resolve({ released: true, files: 1, bytes: 5 })];
  const release = async (staged: StagedOperation, { rows, signal }: ReleaseContext): Promise<Release> => {
    const all: ManifestRow[] = [];
    for await (const part of rows()) all.push(...part);
    asked.push({ staged, rows: all });
    signal.throwIfAborted();
    return (answers.length > 1 ? answers.shift()! : answers[0]!)();
  };
  const stage = () => Promise.resolve(newOutcome({ manifest: [ROW], stagedPath: 'in/caf\xe9' }));
  setup = await setupStaging([fakeMethod(stage, { release, ...overrides })], { userViewPrefix: '/home/{username}' });
}
const staged = (overrides = {}) => setup.service.stage(newRequest({ relativePath: 'in/', ...overrides }));
const find = async ({ id }: Pick<StagingRecord, 'id'>) => (await setup.records.operations.find(id))!;
const pending = () => setup.records.releases.of(setup.records.identity.name);
const done = () => until(async () => (await pending()).length === 0, 'the release does not end');
const codeOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 'none',
    (error: unknown) => (error as AppError).code,
  );

/** The pauses that begin from now on; each may be ended early. Only those keep no process alive. */
function watchPauses(): () => { ms: number; end: () => void }[] {
  const { mock } = jest.spyOn(global, 'setTimeout');
  return () =>
    mock.calls.flatMap(([work, ms], index) => {
      const timer = mock.results[index]!.value as NodeJS.Timeout;
      const end = () => {
        clearTimeout(timer);
        work();
      };
      return ms! >= 5000 && !timer.hasRef() ? [{ ms: ms!, end }] : [];
    });
}

describe('a release', () => {
  it('is done by the method, which gets what was staged, and is recorded', async () => {
    await begin();
    const record = await staged();
    await expect(setup.control.release(record)).resolves.toMatchObject({ id: record.id, status: 'success' });
    await done();
    expect(await find(record)).toMatchObject({ status: 'success', releasedAt: expect.any(Date), warning: null });
    expect(asked).toMatchObject([
      { staged: { kind: 'file', link: null, name: 'caf\xe9' }, rows: [{ ...ROW, path: 'caf\xe9' }] },
    ]);
    expect(asked[0]!.staged.operation).toMatchObject({ id: record.id, destination: { intoDirectory: true } });
    // What was there stays told.
    expect((await setup.records.manifest.page(record.id, { limit: 5 })).items).toHaveLength(1);
    await expect(codeOf(setup.control.release(await find(record)))).resolves.toBe('already_ended');
  });

  it('that leaves everything in its place says why', async () => {
    await begin();
    answers = [() => Promise.resolve({ released: false, reason: 'notes was added.' })];
    const record = await staged();
    await setup.control.release(record);
    await done();
    expect(await find(record)).toMatchObject({ releasedAt: null, warning: 'Not released: notes was added.' });
    answers = [() => Promise.resolve({ released: true, files: 1, bytes: 5 })];
    await setup.control.release(await find(record));
    await done();
    expect(await find(record)).toMatchObject({ releasedAt: expect.any(Date), warning: null });
  });

  it('is done once, however often it is asked for meanwhile', async () => {
    await begin();
    let end!: (release: Release) => void;
    answers = [() => new Promise((resolve) => (end = resolve))];
    const record = await staged();
    await setup.control.release(record);
    await until(() => asked.length === 1, 'it does not begin');
    await setup.control.release(record);
    end({ released: true, files: 1, bytes: 5 });
    await done();
    expect(asked).toHaveLength(1);
  });

  it('is refused where there is nothing to remove', async () => {
    await begin();
    const present = newOutcome({ outcome: 'already_present' });
    const failing = fakeMethod(() => Promise.reject(new AppError('source_not_found', 'No.')), {
      name: 'failing',
      aliases: [],
    });
    await setup.close();
    setup = await setupStaging([
      fakeMethod(() => Promise.resolve(present), { release: () => Promise.reject(new Error('not called')) }),
      fakeMethod(() => Promise.resolve(newOutcome()), { name: 'kept', aliases: [] }),
      failing,
    ]);
    const failed = await setup.service
      .stage(newRequest({ method: 'failing' }))
      .catch((error: unknown) => error as AppError);
    const records = [
      await staged(),
      await staged({ method: 'kept' }),
      await find({ id: (failed as AppError).operationId! }),
    ];
    for (const record of records) {
      await expect(setup.control.release(record)).rejects.toMatchObject({
        code: 'already_ended',
        operationId: record.id,
      });
    }
    expect(await pending()).toEqual([]);
  });

  it('is tried again after what passes, and given up after what does not', async () => {
    await begin();
    answers = [
      () => Promise.reject(new AppError('storage_unavailable', 'It is away.')),
      () => Promise.reject(new Error('a defect')),
    ];
    const record = await staged();
    const pauses = watchPauses();
    await setup.control.release(record);
    await until(() => pauses().length === 1, 'it is not tried again');
    expect(await pending()).toEqual([record.id]);
    pauses()[0]!.end();
    await done();
    expect(asked).toHaveLength(2);
    expect(await find(record)).toMatchObject({
      releasedAt: null,
      warning: expect.stringMatching(/^Not released: Something/),
    });
  });

  it('is tried again with pauses that grow to five minutes', async () => {
    await begin();
    answers = [() => Promise.reject(new AppError('storage_unavailable', 'It is away.'))];
    const record = await staged();
    const pauses = watchPauses();
    await setup.control.release(record);
    for (let count = 1; count <= 8; count += 1) {
      await until(() => pauses().length === count, 'it is not tried again');
      if (count < 8) pauses()[count - 1]!.end();
    }
    expect(pauses().map(({ ms }) => ms / 1000)).toEqual([5, 10, 20, 40, 80, 160, 300, 300]);
    expect(await pending()).toEqual([record.id]);
  });

  it('is one of two at once at most, in order, also when it is tried again', async () => {
    await begin();
    answers = [() => Promise.reject(new AppError('storage_unavailable', 'It is away.'))];
    const records: StagingRecord[] = [];
    for (let index = 0; index < 5; index += 1) records.push(await staged({ relativePath: `in/${index}` }));
    const pauses = watchPauses();
    for (const record of records.slice(0, 4)) await setup.control.release(record);
    await until(() => pauses().length === 4, 'they are not tried again');
    const ends: (() => void)[] = [];
    let most = 0;
    answers = [
      () =>
        new Promise((resolve) => {
          const end = () => {
            ends.splice(ends.indexOf(end), 1);
            resolve({ released: true, files: 1, bytes: 5 });
          };
          most = Math.max(most, ends.push(end));
        }),
    ];
    const tried = asked.length;
    for (const pause of pauses()) pause.end();
    await setup.control.release(records[4]!);
    await until(async () => {
      if (ends.length >= 2) ends[0]!();
      else if (asked.length === tried + records.length) for (const end of [...ends]) end();
      return (await pending()).length === 0;
    }, 'one of them is forgotten');
    expect(most).toBe(2);
    const order = asked.map(({ staged: { operation } }) => operation.id);
    expect(order.slice(0, tried)).toEqual(records.slice(0, 4).map(({ id }) => id));
    expect(order.at(-1)).toBe(records[4]!.id);
  });

  it('goes on in the process that inherits it', async () => {
    await begin();
    const record = await staged();
    await setup.records.releases.add(record.id);
    await setup.records.database.write((manager) =>
      manager.query('UPDATE staging_release SET owner = ?', ['host/dead/1/1/1']),
    );
    await setup.inherit('host/dead/1/1/1');
    await until(async () => (await find(record)).releasedAt !== null, 'it does not go on');
    await done();
  });

  it('goes on with the next service over the same database', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'releases-'));
    await begin();
    await setup.close();
    const database = path.join(directory, 'db');
    const hanging = fakeMethod(() => Promise.resolve(newOutcome()), {
      release: (_staged, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    });
    const killed = await setupStaging([hanging], { database });
    try {
      const records = [];
      for (let index = 0; index < 3; index += 1) {
        records.push(await killed.service.stage(newRequest({ relativePath: `in/${index}` })));
      }
      for (const record of records) await killed.control.release(record);
      const release = jest.fn(() => Promise.resolve<Release>({ released: true, files: 1, bytes: 5 }));
      setup = await setupStaging([fakeMethod(() => Promise.resolve(newOutcome()), { release })], { database });
      await setup.inherit(killed.records.identity.name);
      await done();
      for (const record of records) expect(await find(record)).toMatchObject({ releasedAt: expect.any(Date) });
      expect(release).toHaveBeenCalledTimes(3);
    } finally {
      await killed.close();
      rmSync(directory, { recursive: true });
    }
  });

  it('stays on the list when the service stops in the middle', async () => {
    await begin();
    let begun = false;
    const held = (signal: AbortSignal) =>
      new Promise<Release>((_resolve, reject) => {
        begun = true;
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    await setup.close();
    setup = await setupStaging([
      fakeMethod(() => Promise.resolve(newOutcome()), { release: (_staged, { signal }) => held(signal) }),
    ]);
    const record = await staged();
    await setup.control.release(record);
    await until(() => begun, 'it does not begin');
    await setup.stop();
    expect(await pending()).toEqual([record.id]);
    expect(await find(record)).toMatchObject({ releasedAt: null, warning: null });
  });
});
