import { AppError } from '@app/core';
import { DestinationTaken, OtherFileSystem } from '../engine/publish';
import { type PlacedResult, type PlaceTask, type TreeSession } from '../engine/task-types';
import { ASK_TO_PUBLISH, CancelledError } from '../pool/control';
import { type RunOptions, type WorkerPool } from '../pool/worker-pool';
import { createTestSite, memoryFolder, testOptions, type TestSite } from '../testing/test-site';
import { FileStager } from './file-stager';
import { PlaceTasks } from './place-tasks';
import { type FilesOptions } from './files-options';
import { type PlaceHooks } from './placement';

/** The stager with workers that answer as a test wants: what it tries again, and what it remembers. */

type Answer = (task: PlaceTask, options: RunOptions) => unknown;

let site: TestSite;
beforeAll(async () => (site = await createTestSite({}, memoryFolder())));
afterAll(() => site.close());

const PLACED: PlacedResult = {
  type: 'placed',
  isEarlier: false,
  storage: 'default',
  kind: 'file',
  stagedPath: 'x',
  files: 1,
  bytes: 1,
  link: null,
  checksum: null,
  manifest: [],
};
const fails = (error: Error) => () => {
  throw error;
};
const elsewhere = () => new OtherFileSystem(new Error('EXDEV'));

/** A stager whose tasks are answered one after the other; the last answer stays. */
function answering(answers: Answer[], options: Partial<FilesOptions> = {}) {
  const tasks: (PlaceTask & { kindOfTask: string })[] = [];
  const run = async (kindOfTask: string, input: PlaceTask, more: RunOptions) => {
    tasks.push({ ...input, kindOfTask });
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    await new Promise((resolve) => setImmediate(resolve));
    return answer(input, more);
  };
  const pool = { run, withdraw: jest.fn() } as unknown as WorkerPool;
  const all = { ...testOptions(site.storage, site.areas), ...options };
  const stager = new FileStager(pool, site.roots, new PlaceTasks(site.roots, site.policy, site.views, all), all);
  const stage = (how: 'copy' | 'link' = 'copy', hooks: Partial<PlaceHooks> = {}, username = 'jane') =>
    stager[how](site.request('file', 'x', { username }), site.hooks(hooks));
  return { tasks, stage, pool };
}

it('builds inside the area after a try in vain, and from then on for this user', async () => {
  const { tasks, stage } = answering([fails(elsewhere()), () => PLACED]);
  await stage();
  await stage();
  await stage('copy', {}, 'bob');
  expect(tasks.map((task) => [task.destination.username, task.besideDestination])).toEqual([
    ['jane', false],
    ['jane', true],
    ['jane', true],
    ['bob', false],
  ]);
});

it('gives up on an area that stays apart, and on a destination that keeps changing', async () => {
  const apart = answering([fails(elsewhere())]);
  await expect(apart.stage()).rejects.toBeInstanceOf(OtherFileSystem);
  expect(apart.tasks).toHaveLength(2);
  const changing = answering([fails(new DestinationTaken())]);
  await expect(changing.stage()).rejects.toMatchObject({ code: 'destination_conflict' });
  expect(changing.tasks).toHaveLength(5);
});

it('falls back from a hard link only as the site says, and only where none can be made', async () => {
  const impossible = () => fails(new AppError('cross_device_link', 'EXDEV'));
  for (const linkFallback of ['copy', 'symlink'] as const) {
    const { tasks, stage } = answering([impossible(), () => PLACED], { linkFallback });
    await expect(stage('link')).resolves.toMatchObject({ outcome: 'staged' });
    expect(tasks.map((task) => task.content)).toEqual(['link', linkFallback]);
  }
  const strict = answering([impossible()]);
  await expect(strict.stage('link')).rejects.toMatchObject({ code: 'cross_device_link' });
  const other = answering([fails(new AppError('source_writable', 'no'))], { linkFallback: 'copy' });
  await expect(other.stage('link')).rejects.toMatchObject({ code: 'source_writable' });
  expect([...strict.tasks, ...other.tasks].map((task) => task.content)).toEqual(['link', 'link']);
});

it('lets a worker publish when the hook agrees, and tells why when it does not', async () => {
  const asking: Answer = async (_task, { ledger, onReport }) => {
    onReport!(ASK_TO_PUBLISH);
    await new Promise((resolve) => setImmediate(resolve));
    if (ledger!.cancelled) throw new CancelledError();
    ledger!.waitForGate(() => {
      throw new Error('the gate is shut');
    });
    return PLACED;
  };
  const beforePublish = jest.fn(() => Promise.resolve());
  await expect(answering([asking]).stage('copy', { beforePublish })).resolves.toMatchObject({ outcome: 'staged' });
  expect(beforePublish).toHaveBeenCalledTimes(1);
  const refusal = new AppError('database_unavailable', 'away');
  const refused = answering([asking]).stage('copy', { beforePublish: () => Promise.reject(refusal) });
  await expect(refused).rejects.toBe(refusal);
});

it('gives back a tree that came after its storage was told to hang', async () => {
  const session = { type: 'tree', storage: 'default', kind: 'directory' } as TreeSession;
  const hanging: Answer = (_task, { onLate }) => {
    setImmediate(() => onLate!(session));
    throw new AppError('storage_unavailable', 'no answer');
  };
  const { tasks, stage } = answering([hanging, () => undefined]);
  await expect(stage()).rejects.toMatchObject({ code: 'storage_unavailable' });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(tasks.map((task) => task.kindOfTask)).toEqual(['place', 'closeSession']);
});

it('takes back what is queued for a cancelled request, and tells the reason for cancelling', async () => {
  const reason = new Error('enough');
  const controller = new AbortController();
  const cancelled: Answer = (_task, { ledger }) => {
    controller.abort(reason);
    expect(ledger!.cancelled).toBe(true);
    throw new CancelledError();
  };
  const { stage, pool } = answering([cancelled]);
  await expect(stage('copy', { signal: controller.signal })).rejects.toBe(reason);
  expect(Reflect.get(pool, 'withdraw')).toHaveBeenCalledTimes(1);
});

it('tells before each further attempt that what was reported is void', async () => {
  const onRestart = jest.fn(() => Promise.resolve());
  const again = answering([fails(new DestinationTaken()), fails(elsewhere()), () => PLACED]);
  await again.stage('copy', { onRestart }, 'carol');
  expect(onRestart).toHaveBeenCalledTimes(2);
  const noLink = fails(new AppError('cross_device_link', 'none here'));
  await answering([noLink, () => PLACED], { linkFallback: 'copy' }).stage('link', { onRestart }, 'carol');
  expect(onRestart).toHaveBeenCalledTimes(3);
});
