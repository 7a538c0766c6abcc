import { xxh3 } from '@node-rs/xxhash';
import { AppError } from '@app/core';
import { type BigIntStats } from 'node:fs';
import { statName } from '../confined/handle';
import { type ResolvedSource } from '../confined/resolve-source';
import { type RootSpec } from '../confined/root';
import { showPath } from '../names/path-text';
import { type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';
import { sourceChanged } from './copy-content';
import { fallsTo, type Shard } from './shard';
import { type TreeFile, TreeWalk, unsupported } from './tree-walk';

/** Sum over all entries of a tree, the same in whatever order they are added; equal sums mean an equal tree. */
export class Fingerprint {
  private sum = 0n;

  addDirectory(path: RawName): void {
    this.add(`d\0${path}`);
  }

  addLink(path: RawName, text: RawName): void {
    this.add(`l\0${path}\0${text}`);
  }

  addFile(path: RawName, stat: BigIntStats): void {
    this.add(`f\0${path}\0${stat.size}\0${stat.mtimeNs}\0${stat.ino}\0${stat.dev}`);
  }

  private add(entry: string): void {
    this.sum = BigInt.asUintN(64, this.sum + xxh3.xxh64(entry));
  }

  /** The sum as decimal digits. */
  get value(): string {
    return this.sum.toString();
  }

  /** The sum of the parts that several workers saw. */
  static total(parts: string[]): string {
    return BigInt.asUintN(
      64,
      parts.reduce((sum, part) => sum + BigInt(part), 0n),
    ).toString();
  }
}

/** What a tree holds. */
export interface TreeSurvey {
  /** Files and kept links. */
  files: number;
  directories: number;
  /** Sum of the files' sizes. */
  bytes: number;
  /** Bytes that a copy takes on disk, where holes stay holes. */
  allocated: number;
  fingerprint: string;
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

/** The state of a tree's file; throws `source_changed` when it is gone, `source_unsupported` when it is no file now. */
export function statTreeFile(file: TreeFile): BigIntStats {
  const stat = statName(file.parent, file.sourceName);
  if (!stat) throw sourceChanged(showPath(file.path).text);
  if (!stat.isFile()) throw unsupported(file.path);
  return stat;
}

/** What several workers found of one tree, added up. */
export function totalOf(parts: TreeSurvey[]): TreeSurvey {
  const sum = (part: Exclude<keyof TreeSurvey, 'fingerprint'>) => parts.reduce((total, one) => total + one[part], 0);
  return {
    files: sum('files'),
    directories: sum('directories'),
    bytes: sum('bytes'),
    allocated: sum('allocated'),
    fingerprint: Fingerprint.total(parts.map((part) => part.fingerprint)),
  };
}

/** Walks a tree and adds up what falls to one worker; refuses early what is beyond the limits. */
export function surveyTree(
  roots: readonly RootSpec[],
  top: Pick<ResolvedSource, 'root' | 'path' | 'object'>,
  limits: TreeLimits,
  shard: Shard,
  control: WorkerControl,
): TreeSurvey {
  const survey: TreeSurvey = { files: 0, directories: 0, bytes: 0, allocated: 0, fingerprint: '0' };
  const fingerprint = new Fingerprint();
  const visitor = {
    wants: (path: RawName, name: RawName) => fallsTo(shard, path, name),
    enter(path: RawName) {
      if (shard.index > 0) return;
      survey.directories += 1;
      fingerprint.addDirectory(path);
    },
    file(file: TreeFile) {
      const stat = statTreeFile(file);
      fingerprint.addFile(file.path, stat);
      survey.files += 1;
      survey.bytes += Number(stat.size);
      survey.allocated += Number(stat.blocks * 512n < stat.size ? stat.blocks * 512n : stat.size);
      checkLimits(survey.files, survey.bytes, limits);
    },
    link(path: RawName, name: RawName, text: RawName) {
      if (!fallsTo(shard, path, name)) return;
      fingerprint.addLink(path, text);
      survey.files += 1;
      checkLimits(survey.files, survey.bytes, limits);
    },
  };
  new TreeWalk<void>(roots, visitor, control).run(top);
  survey.fingerprint = fingerprint.value;
  return survey;
}
