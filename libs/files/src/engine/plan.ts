import { closeSync, statfsSync } from 'node:fs';
import { AppError } from '@app/core';
import { errnoOf, type Handle, reopenForReading, self } from '../confined/handle';
import { type ResolvedSource } from '../confined/resolve-source';
import { translate, translating } from '../confined/system-errors';
import { type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';
import { sourceChanged } from './copy-content';
import { statTreeFile } from './tree-file';
import { lookAtPlacement, type Placement } from './place';
import { checkLinkable, noLinkBetween } from './place-content';
import { checkSpace } from './space';
import { checkLimits, surveyTree, type TreeSurvey } from './survey';
import { type PlaceTask } from './task-types';
import { TreeWalk } from './tree-walk';

/** What a worker needs to know to tell what a placement would do. Plain data. */
export interface PlanTask extends PlaceTask {
  /** Storages whose files can be linked into the user areas. */
  linkFrom: string[];
  linkFallback: 'error' | 'copy' | 'symlink';
}

/** What a placement would do. Nothing was made, changed or reserved to find that out. */
export interface PlannedPlacement {
  storage: string;
  kind: 'file' | 'directory';
  /** Below the user area. */
  stagedPath: RawName;
  /** `none`: it is there already. */
  action: 'copy' | 'clone' | 'hard_link' | 'symbolic_link' | 'none';
  files: number;
  bytes: number;
  /** For what is there already: whether it equals the source; null when that cannot be told. */
  matchesSource: boolean | null;
  /** Bytes of the destination's file system that it would take, and that are free there now. */
  spaceNeeded: number;
  spaceFree: number;
}

const ALL = { index: 0, of: 1, byDirectory: false };

/**
 * Tells what `place` would do with the same task, or throws the error with which it would refuse. Only looks: nothing is
 * made, changed or opened for writing.
 */
export function planPlacement(task: PlanTask, control: WorkerControl): PlannedPlacement {
  return lookAtPlacement(task, control, (placement) => {
    const { source, found, stagedPath, spot } = placement;
    const present = translating('target', () => placement.present());
    const survey = surveyOf(task, source, control);
    const known = { ...found, stagedPath, files: survey.files, bytes: survey.bytes, spaceFree: freeBytes(spot.base) };
    if (present) return { ...known, action: 'none', matchesSource: present.matches, spaceNeeded: 0 };
    checkLimits(survey.files, survey.bytes, task.limits);
    const action = actionOf(task, placement);
    if (action === 'hard_link') checkLinks(task, source, control);
    else checkReadable(source, control);
    const spaceNeeded = action === 'copy' ? survey.allocated : 0;
    if (action === 'copy') checkSpace(spot.base, spaceNeeded, survey.files + survey.directories);
    return { ...known, action, matchesSource: null, spaceNeeded };
  });
}

function surveyOf(task: PlanTask, source: ResolvedSource, control: WorkerControl): TreeSurvey {
  const { stat } = source;
  if (stat.isDirectory()) {
    return surveyTree(task.storages, source, { limits: task.limits, sizes: true, shard: ALL }, control);
  }
  const size = Number(stat.size);
  return { files: 1, directories: 0, bytes: size, allocated: Math.min(size, Number(stat.blocks) * 512) };
}

function actionOf(task: PlanTask, { source }: Placement): Exclude<PlannedPlacement['action'], 'none'> {
  const storage = source.root.name;
  if (task.content === 'copy') return task.cloneFrom.includes(storage) ? 'clone' : 'copy';
  if (task.linkFrom.includes(storage)) return 'hard_link';
  if (task.linkFallback === 'error') throw noLinkBetween('EXDEV');
  return task.linkFallback === 'copy' ? 'copy' : 'symbolic_link';
}

/** Throws what a link to each of the files would be refused for. */
function checkLinks(task: PlanTask, source: ResolvedSource, control: WorkerControl): void {
  const { userUid } = task.ownership;
  if (!source.stat.isDirectory()) return checkLinkable(source.stat, '', userUid);
  const visitor = {
    enter: () => undefined,
    file: (file: Parameters<typeof statTreeFile>[0]) => checkLinkable(statTreeFile(file), file.path, userUid),
    link: () => undefined,
  };
  new TreeWalk<void>(task.storages, visitor, control).run(source);
}

/** Throws `source_forbidden` for a single file that the service may not read. */
function checkReadable(source: ResolvedSource, control: WorkerControl): void {
  if (!source.stat.isFile()) return;
  control.reading(source.root.ordinal);
  try {
    closeSync(reopenForReading(source.object));
  } catch (error) {
    if (errnoOf(error) === 'EAGAIN') throw sourceChanged();
    throw error instanceof AppError ? error : translate(error, 'source');
  }
}

function freeBytes(base: Handle): number {
  try {
    const { bavail, bsize } = statfsSync(self(base));
    return bavail * bsize;
  } catch (error) {
    throw translate(error, 'target');
  }
}
