import { type BigIntStats } from 'node:fs';
import { xxh3 } from '@node-rs/xxhash';
import { errnoOf, type Handle, openForReading, statName } from '../confined/handle';
import { type ResolvedSource } from '../confined/resolve-source';
import { type RootSpec } from '../confined/root';
import { translate } from '../confined/system-errors';
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

/** The state of a tree's file; throws `source_changed` when it is gone, `source_unsupported` when it is no file now. */
export function statTreeFile(file: TreeFile): BigIntStats {
  const stat = statName(file.parent, file.sourceName);
  if (!stat) throw sourceChanged(showPath(file.path).text);
  if (!stat.isFile()) throw unsupported(file.path);
  return stat;
}

/** Errors of open(2) that mean: something else stands there now, or somebody holds the file to write to it (a lease). */
const CHANGING = new Set(['ENOENT', 'ELOOP', 'ENXIO', 'EAGAIN']);

/** Opens a tree's file for reading; throws `source_changed` when it is gone or not what it was, `source_forbidden`. */
export function openTreeFile(file: TreeFile): Handle {
  try {
    return openForReading(file.parent, file.sourceName);
  } catch (error) {
    if (CHANGING.has(errnoOf(error) ?? '')) throw sourceChanged(showPath(file.path).text);
    throw translate(error, 'source');
  }
}

/** The part of a tree's fingerprint that falls to one worker, as the source is now. */
export function fingerprintTree(
  roots: readonly RootSpec[],
  top: Pick<ResolvedSource, 'root' | 'path' | 'object'>,
  shard: Shard,
  control: WorkerControl,
): string {
  const fingerprint = new Fingerprint();
  const visitor = {
    wants: (path: RawName, name: RawName) => fallsTo(shard, path, name),
    enter(path: RawName) {
      if (shard.index === 0) fingerprint.addDirectory(path);
    },
    file: (file: TreeFile) => fingerprint.addFile(file.path, statTreeFile(file)),
    link(path: RawName, name: RawName, text: RawName) {
      if (fallsTo(shard, path, name)) fingerprint.addLink(path, text);
    },
  };
  new TreeWalk<void>(roots, visitor, control).run(top);
  return fingerprint.value;
}
