import { closeSync } from 'node:fs';
import { type Handle, openDirectory, statHandle } from '../confined/handle';
import { removePrivate } from '../confined/private-directory';
import { translating } from '../confined/system-errors';
import { type WorkerControl } from '../pool/control';
import { seal } from './ownership';
import { keepTimes } from './place-content';
import { publish, sealMade } from './publish';
import { fingerprintTree } from './fingerprint';
import { leavingReceipt, type PlacedFacts } from './receipt';
import { checkEntries, type Kept } from './resume';
import { type Shard } from './shard';
import { checkSpace } from './space';
import { checkLimits, sizesMatter, surveyTree, type TreeSurvey } from './survey';
import { type PlaceTask, type TreeSession } from './task-types';
import { openFilled, privateOf, topOf } from './tree-session';
import { type TreeVisitor, TreeWalk } from './tree-walk';

/** Gives the directories of a filled tree their times, owner and modes, innermost first, the top last. */
export function sealTree(task: PlaceTask, session: TreeSession, control: WorkerControl): void {
  const group = session.areaGroup ?? undefined;
  const visitor: TreeVisitor<Handle> = {
    enter(_path, name, parent) {
      control.writing();
      return parent === undefined
        ? openDirectory(session.payloadParent, session.payloadName)
        : openFilled(session, parent, name);
    },
    wants: () => false,
    file: () => undefined,
    link: () => undefined,
    leave(copy, source) {
      if (session.resumed) checkEntries(copy, source, control);
      const stat = translating('source', () => statHandle(source));
      control.writing();
      keepTimes(copy, stat);
      seal(copy, statHandle(copy), task.ownership, group, task.ownership.dirMode);
    },
    close: (copy) => closeSync(copy),
  };
  translating('target', () => new TreeWalk(task.storages, visitor, control).run(topOf(task, session)));
}

/** Adds up one worker's share of the source before the tree is filled. */
export function surveyShard(task: PlaceTask, session: TreeSession, shard: Shard, control: WorkerControl): TreeSurvey {
  const how = { limits: task.limits, sizes: sizesMatter(task), shard };
  return surveyTree(task.storages, topOf(task, session), how, control);
}

/** One worker's share of the source's fingerprint after the tree was filled. */
export function fingerprintShard(task: PlaceTask, session: TreeSession, shard: Shard, control: WorkerControl): string {
  return fingerprintTree(task.storages, topOf(task, session), shard, control);
}

/**
 * Throws `quota_exceeded` or `insufficient_storage` when the surveyed tree is not to be, or cannot be, staged; `kept` is
 * what of it is there already.
 */
export function checkTree(
  task: PlaceTask,
  session: TreeSession,
  { survey, kept }: { survey: TreeSurvey; kept: Kept },
  control: WorkerControl,
): void {
  control.writing();
  checkLimits(survey.files, survey.bytes, task.limits);
  if (task.content !== 'copy' || task.cloneFrom.includes(session.storage)) return;
  const bytes = Math.max(0, survey.allocated - kept.allocated);
  checkSpace(session.base, bytes, Math.max(0, survey.files + survey.directories - kept.entries));
}

/** What was done of a tree. */
export type TreeDone = Pick<PlacedFacts, 'files' | 'bytes' | 'link'>;

/** Publishes a filled, sealed and flushed tree in one step; throws `DestinationTaken` and what {@link publish} does. */
export function publishTree(task: PlaceTask, session: TreeSession, done: TreeDone, control: WorkerControl): void {
  const place = { directory: session.payloadParent, name: session.payloadName, made: session.made };
  control.writing();
  translating('target', () => sealMade(place, task.ownership, session.areaGroup ?? undefined));
  control.step();
  const { storage, kind, payload, base, missing, name } = session;
  const facts = { storage, kind, ...done, checksum: null, isTree: true };
  leavingReceipt(task, session.target, facts, payload, () =>
    publish({ private: privateOf(session), place, payload, base, missing, name, byRename: task.publishByRename }),
  );
}

/**
 * Ends a session: removes what is left in its private directory, unless that is kept for a further attempt, and gives back
 * its handles. Once only.
 */
export function closeSession(session: TreeSession, isKept: boolean, control: WorkerControl): void {
  try {
    control.writing();
    if (!isKept) removePrivate(privateOf(session), () => control.writing());
  } finally {
    const { target, sourceParent, source, base, privateParent, privateHandle, made, payload } = session;
    for (const handle of new Set([
      target,
      sourceParent,
      source,
      base,
      privateParent,
      privateHandle,
      ...made,
      payload,
    ])) {
      closeSync(handle);
    }
  }
}
