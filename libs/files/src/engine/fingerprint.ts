import { type BigIntStats } from 'node:fs';
import { xxh3 } from '@node-rs/xxhash';
import { type ResolvedSource } from '../confined/resolve-source';
import { type StorageView } from '../confined/source-access';
import { type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';
import { fallsTo, type Shard } from './shard';
import { TreeWalk } from './tree-walk';
import { statTreeFile, type TreeFile } from './tree-file';

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

/** The part of a tree's fingerprint that falls to one worker, as the source is now. */
export function fingerprintTree(
  storages: StorageView,
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
  new TreeWalk<void>(storages, visitor, control).run(top);
  return fingerprint.value;
}
