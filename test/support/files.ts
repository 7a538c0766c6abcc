import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';

/** A tree of generated files. */
export interface TreeShape {
  files: number;
  /** Sizes in bytes, which the files take in turn. */
  sizes: number[];
  /** Files in each directory (`d000`, `d001`, ...); default: 100. */
  perDirectory?: number;
}

/** Bytes that look random and are always the same for one seed, so that two files never agree by chance. */
export function bytesOf(seed: string, length: number): Buffer {
  const block = createHash('sha512').update(seed).digest();
  const bytes = Buffer.alloc(length, block);
  // Each block differs, or else a copy with its blocks in another order would look right.
  for (let at = 0; at + 4 <= length; at += 4096) bytes.writeUInt32LE(at / 4096, at);
  return bytes;
}

/** Makes a tree of generated files below `root`; returns their paths in it, in the order of making. */
export function makeTree(root: string, shape: TreeShape): string[] {
  const perDirectory = shape.perDirectory ?? 100;
  return Array.from({ length: shape.files }, (_, index) => {
    const directory = `d${String(Math.floor(index / perDirectory)).padStart(3, '0')}`;
    if (index % perDirectory === 0) mkdirSync(path.join(root, directory), { recursive: true });
    const name = `${directory}/f${String(index).padStart(6, '0')}`;
    writeFileSync(path.join(root, name), bytesOf(name, shape.sizes[index % shape.sizes.length]!));
    return name;
  });
}

/** Content by path relative to a root: directories are made as needed. */
export type FileContents = Record<string, string | Buffer>;

/** Writes files below `root`, replacing what is there. */
export function writeFiles(root: string, files: FileContents): void {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(root, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}

/** Makes a file of `bytes` that is one hole: it takes no room on disk. */
export function makeSparseFile(file: string, bytes: number): void {
  const handle = openSync(file, 'wx');
  ftruncateSync(handle, bytes);
  closeSync(handle);
}

/** Writes into a file that is there; the rest of it, and its holes, stay as they are. */
export function patchFile(file: string, position: number, content: string | Buffer): void {
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.from(content), 0, undefined, position);
  closeSync(handle);
}

/** Makes a file whose copy takes a minute, and that takes no room on disk: one hole but for its first bytes. */
export function makeEndlessFile(file: string): void {
  makeSparseFile(file, 200 * 1024 ** 3);
  patchFile(file, 0, 'not a hole');
}

/** Makes a named pipe: whoever opens it without care waits for ever. */
export function makeFifo(file: string): void {
  execFileSync('mkfifo', [file]);
}

/** Makes a socket in the file system that nobody listens to. */
export async function makeSocket(file: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(`${file}.new`, resolve));
  // Closing removes the name that was listened on, so the socket gets another one first.
  renameSync(`${file}.new`, file);
  await new Promise((resolve) => server.close(resolve));
}

/** A path below `root` whose last name is not UTF-8: `before`, the byte 0xff, `after`. */
export function notUtf8(root: string, before = 'caf', after = '.fits'): Buffer {
  return Buffer.concat([Buffer.from(`${root}/${before}`), Buffer.from([0xff]), Buffer.from(after)]);
}

/** Makes `levels` directories, each in the one before, with a file `leaf` in the last; returns its path below `root`. */
export function makeDeepTree(root: string, levels: number): string {
  const leaf = path.join(...Array.from({ length: levels }, () => 'd'), 'leaf');
  writeFiles(root, { [leaf]: 'deep' });
  return leaf;
}

/** What {@link snapshot} tells of one file, directory or link. */
export interface SnapshotEntry {
  kind: 'file' | 'directory' | 'link' | 'other';
  /** Permission and set-id bits, such as `0400`. */
  mode: string;
  uid: number;
  gid: number;
  /** Bytes; 0 for directories, whose size only the file system understands. */
  size: number;
  mtimeNs: bigint;
  inode: bigint;
  /** SHA-256 of a file, text of a link, else an empty string. */
  content: string;
}

/** A whole tree by path (its top is `.`; bytes that are not UTF-8 appear as U+FFFD), for comparing by `toEqual`. */
export type Snapshot = Record<string, SnapshotEntry>;

/** Reads a whole tree. Nothing in it is changed, and neither pipes nor devices are opened. */
export function snapshot(root: string): Snapshot {
  const found: Snapshot = {};
  const visit = (place: Buffer, shown: string) => {
    const stat = lstatSync(place, { bigint: true });
    found[shown] = entryOf(place, stat);
    if (!stat.isDirectory()) return;
    for (const name of readdirSync(place, { encoding: 'buffer' })) {
      visit(
        Buffer.concat([place, Buffer.from('/'), name]),
        shown === '.' ? name.toString() : `${shown}/${name.toString()}`,
      );
    }
  };
  visit(Buffer.from(root), '.');
  return found;
}

/** The same without what differs between a file and its faithful copy: owner, mode, inode. */
export function contentOf(tree: Snapshot): Record<string, Pick<SnapshotEntry, 'kind' | 'size' | 'content'>> {
  return Object.fromEntries(
    Object.entries(tree).map(([name, { kind, size, content }]) => [name, { kind, size, content }]),
  );
}

function entryOf(place: Buffer, stat: BigIntStats): SnapshotEntry {
  return {
    kind: kindOf(stat),
    mode: Number(stat.mode & 0o7777n)
      .toString(8)
      .padStart(4, '0'),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    size: stat.isDirectory() ? 0 : Number(stat.size),
    mtimeNs: stat.mtimeNs,
    inode: stat.ino,
    content: contentAt(place, stat),
  };
}

function kindOf(stat: BigIntStats): SnapshotEntry['kind'] {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  return stat.isSymbolicLink() ? 'link' : 'other';
}

function contentAt(place: Buffer, stat: BigIntStats): string {
  if (stat.isFile()) return createHash('sha256').update(readFileSync(place)).digest('hex');
  return stat.isSymbolicLink() ? readlinkSync(place) : '';
}
