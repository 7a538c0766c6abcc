import { AppError } from '@app/core';
import { type ResolvedSource } from '../confined/resolve-source';
import { type StorageView } from '../confined/source-access';
import { type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';
import { statTreeFile, type TreeFile } from './tree-file';
import { fallsTo, type Shard } from './shard';
import { type TreeVisitor, TreeWalk } from './tree-walk';

/** What a tree holds. */
export interface TreeSurvey {
  /** Files and kept links. */
  files: number;
  directories: number;
  /** Sum of the files' sizes. */
  bytes: number;
  /** Bytes that a copy takes on disk, where holes stay holes. */
  allocated: number;
}

/** Limits of one operation; 0 is no limit. */
export interface TreeLimits {
  maxFiles: number;
  maxBytes: number;
}

/** The error for an operation beyond the site's limits. */
export function beyondLimit(what: string): AppError {
  return new AppError(
    'quota_exceeded',
    `The source has more than ${what}, the limit of this site for one operation. Stage a part of it.`,
    {
      retryable: false,
      retryAfterSeconds: 3600,
    },
  );
}

/** Throws `quota_exceeded` when an operation is beyond the site's limits. */
export function checkLimits(files: number, bytes: number, limits: TreeLimits): void {
  if (limits.maxFiles > 0 && files > limits.maxFiles) throw beyondLimit(`${limits.maxFiles} files`);
  if (limits.maxBytes > 0 && bytes > limits.maxBytes) throw beyondLimit(`${limits.maxBytes} bytes`);
}

/** What decides whether the sizes of a tree's files matter. */
interface SizedTask {
  content: string;
  limits: TreeLimits;
}

/** Whether the sizes of a tree's files are wanted: links take no space, so there they matter to the site's limit only. */
export function sizesMatter(task: SizedTask): boolean {
  return task.content === 'copy' || task.limits.maxBytes > 0;
}

/** True when more was found in a tree than its survey had seen. */
export function hasGrown(task: SizedTask, survey: TreeSurvey, found: Pick<TreeSurvey, 'files' | 'bytes'>): boolean {
  return found.files > survey.files || (sizesMatter(task) && found.bytes > survey.bytes);
}

/** What several workers found of one tree, added up. */
export function totalOf(parts: TreeSurvey[]): TreeSurvey {
  const sum = (part: keyof TreeSurvey) => parts.reduce((total, one) => total + one[part], 0);
  return {
    files: sum('files'),
    directories: sum('directories'),
    bytes: sum('bytes'),
    allocated: sum('allocated'),
  };
}

/** How a tree is looked through. */
export interface SurveyOptions {
  limits: TreeLimits;
  /** Without it only names are counted, which is ten times faster. */
  sizes: boolean;
  shard: Shard;
  /** Count what can be had and pass over the rest, as an archive does; else what cannot be staged ends the survey. */
  omitting?: boolean;
}

/**
 * Walks a tree and adds up what falls to one worker; refuses early what is beyond the limits.
 */
export function surveyTree(
  storages: StorageView,
  top: Pick<ResolvedSource, 'root' | 'path' | 'object'>,
  { limits, sizes, shard, omitting = false }: SurveyOptions,
  control: WorkerControl,
): TreeSurvey {
  const survey: TreeSurvey = { files: 0, directories: 0, bytes: 0, allocated: 0 };
  const visitor: TreeVisitor<void> = {
    ...(omitting && { omit: () => undefined }),
    wants: (path: RawName, name: RawName) => fallsTo(shard, path, name),
    enter() {
      if (shard.index === 0) survey.directories += 1;
    },
    file(file: TreeFile) {
      survey.files += 1;
      if (!sizes) return checkLimits(survey.files, 0, limits);
      const stat = statTreeFile(file);
      survey.bytes += Number(stat.size);
      survey.allocated += Number(stat.blocks * 512n < stat.size ? stat.blocks * 512n : stat.size);
      checkLimits(survey.files, survey.bytes, limits);
    },
    link(path: RawName, name: RawName) {
      if (!fallsTo(shard, path, name)) return;
      survey.files += 1;
      checkLimits(survey.files, survey.bytes, limits);
    },
  };
  new TreeWalk<void>(storages, visitor, control).run(top);
  return survey;
}
