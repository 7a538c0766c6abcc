import { createFile } from '../browse/create-file';
import { inspectRoot, probePair, probeTarget } from '../browse/inspect-roots';
import { listArea, listStorage } from '../browse/list-directory';
import { listPrivate, sweepPrivate } from '../browse/sweep';
import { fillShard } from '../engine/fill';
import { type SharedIdentities } from '../engine/identity-set';
import { place } from '../engine/place';
import { planPlacement } from '../engine/plan';
import { dropReceipts } from '../engine/receipt';
import { release } from '../engine/release';
import { type Kept, pruneTree } from '../engine/resume';
import { type PlaceTask, type TreeSession } from '../engine/task-types';
import { type Shard } from '../engine/shard';
import { type TreeSurvey } from '../engine/survey';
import {
  checkTree,
  closeSession,
  fingerprintShard,
  publishTree,
  sealTree,
  surveyShard,
  type TreeDone,
} from '../engine/tree';
import { closeHandles, hashOpen, openSource, readPiece, statOpen } from '../reading/source-tasks';
import {
  archiveSource,
  countArchive,
  fingerprintSource,
  surveySource,
  walkEntries,
  walkNames,
} from '../reading/tree-tasks';
import { type WorkerControl } from './control';

interface TreeTask {
  task: PlaceTask;
  session: TreeSession;
}

/** Everything that a worker can be asked to do: one synchronous function a kind of task. */
export const TASKS = {
  place,
  planPlacement,
  release,
  fillShard: ({ task, session, ...share }: TreeTask & { shard: Shard; survey: TreeSurvey }, control: WorkerControl) =>
    fillShard(task, session, share, control),
  sealTree: ({ task, session }: TreeTask, control: WorkerControl) => sealTree(task, session, control),
  surveyShard: ({ task, session, shard }: TreeTask & { shard: Shard }, control: WorkerControl) =>
    surveyShard(task, session, shard, control),
  fingerprintShard: ({ task, session, shard }: TreeTask & { shard: Shard }, control: WorkerControl) =>
    fingerprintShard(task, session, shard, control),
  checkTree: ({ task, session, ...found }: TreeTask & { survey: TreeSurvey; kept: Kept }, control: WorkerControl) =>
    checkTree(task, session, found, control),
  publishTree: ({ task, session, done }: TreeTask & { done: TreeDone }, control: WorkerControl) =>
    publishTree(task, session, done, control),
  pruneTree: (
    { session, identities }: Pick<TreeTask, 'session'> & { identities: SharedIdentities },
    control: WorkerControl,
  ) => pruneTree(session, identities, control),
  closeSession: ({ session, isKept }: Pick<TreeTask, 'session'> & { isKept: boolean }, control: WorkerControl) =>
    closeSession(session, isKept, control),
  listStorage,
  listArea,
  createFile,
  inspectRoot,
  probeTarget,
  probePair,
  listPrivate,
  sweepPrivate,
  dropReceipts,
  openSource,
  readPiece,
  statOpen,
  hashOpen,
  closeHandles,
  surveySource,
  countArchive,
  fingerprintSource,
  walkNames,
  walkEntries,
  archiveSource,
};

export type TaskKind = keyof typeof TASKS;
export type TaskInput<K extends TaskKind> = Parameters<(typeof TASKS)[K]>[0];
export type TaskOutput<K extends TaskKind> = ReturnType<(typeof TASKS)[K]>;
