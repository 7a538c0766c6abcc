import { closeSync, readSync, type BigIntStats } from 'node:fs';
import { closingOnError, errnoOf, type Handle, reopenForReading, statHandle } from '../confined/handle';
import { sourcePath, SourceResolver } from '../confined/resolve-source';
import { type StorageView } from '../confined/source-access';
import { translate, translating } from '../confined/system-errors';
import { hashHandle, sourceChanged } from '../engine/copy-content';
import { type Algorithm, type Checksum } from '../engine/hashing';
import { beyondLimit, type TreeLimits } from '../engine/survey';
import { release } from '../engine/tree-walk';
import { kindOf, unsupported } from '../engine/source-kind';
import { type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';

/** What a file is recognised by; a file with another identity has, or may have, other content. */
export interface FileIdentity {
  device: string;
  inode: string;
  /** Bytes. */
  size: number;
  /** Nanoseconds since the epoch, as digits. */
  mtimeNs: string;
}

/** A handle that a task uses, with the number of the root that its object lies in. */
export interface HeldHandle {
  handle: Handle;
  root: number;
}

/** A file that was opened in a worker; the handle is the receiver's to close. */
export interface OpenedFile extends HeldHandle {
  kind: 'file';
  identity: FileIdentity;
  /** Permission and set-id bits. */
  mode: number;
}

/** A directory that was opened in a worker; the handle is the receiver's to close. */
export interface OpenedDirectory extends HeldHandle {
  kind: 'directory';
  mtimeNs: string;
  mode: number;
}

/** What {@link openSource} opened, and the real names from its root down. */
export type OpenedSource = (OpenedFile | OpenedDirectory) & { realPath: RawName[] };

/** Asks for a source to be opened. */
export interface OpenSourceTask {
  storages: StorageView;
  storage: string | undefined;
  raw: RawName;
  asSent: string;
  limits: TreeLimits;
}

/**
 * Resolves a source and opens it for reading. Throws what resolving does, `source_unsupported` for what is neither file
 * nor directory, `source_forbidden`, and `quota_exceeded` for a file beyond the site's limit.
 */
export function openSource(task: OpenSourceTask, control: WorkerControl): OpenedSource {
  control.step();
  const start = sourcePath(task.storages.roots, task.raw, task.storage, task.asSent);
  const found = new SourceResolver(task.storages, start, control.touch).resolve();
  try {
    const kind = kindOf(found.stat);
    if (!kind) throw unsupported('');
    control.reading(found.root.ordinal);
    return closingOnError(reopenForReading(found.object), (handle) => {
      const held = { handle, root: found.root.ordinal };
      const stat = statHandle(handle);
      control.step();
      const opened = kind === 'file' ? asFile(held, stat) : asDirectory(held, stat);
      if (opened.kind === 'file') checkSize(opened.identity.size, task.limits);
      return { ...opened, realPath: found.path };
    });
  } catch (error) {
    // Somebody holds it open to write to it, and has a lease on that (fcntl(2)).
    if (errnoOf(error) === 'EAGAIN') throw sourceChanged(task.asSent);
    throw translate(error, 'source');
  } finally {
    release(found);
  }
}

function checkSize(size: number, { maxBytes }: TreeLimits): void {
  if (maxBytes > 0 && size > maxBytes) throw beyondLimit(`${maxBytes} bytes`);
}

/** Permission and set-id bits of a mode. */
export function modeOf(stat: BigIntStats): number {
  return Number(stat.mode & 0o7777n);
}

/** An open file as a worker tells it. */
export function asFile(held: HeldHandle, stat: BigIntStats): OpenedFile {
  const { dev, ino, size, mtimeNs } = stat;
  const identity = { device: String(dev), inode: String(ino), size: Number(size), mtimeNs: String(mtimeNs) };
  return { kind: 'file', ...held, identity, mode: modeOf(stat) };
}

function asDirectory(held: HeldHandle, stat: BigIntStats): OpenedDirectory {
  return { kind: 'directory', ...held, mtimeNs: String(stat.mtimeNs), mode: modeOf(stat) };
}

/** Asks for a part of an open file; `shown` is the path for messages. */
export interface ReadPieceTask extends HeldHandle {
  position: number;
  length: number;
  /** Receives the bytes, from its beginning. */
  into: SharedArrayBuffer;
  shown: string;
}

/** Fills shared memory from an open file. Throws `source_changed` when the file ends before `length` bytes are read. */
export function readPiece(task: ReadPieceTask, control: WorkerControl): void {
  const into = new Uint8Array(task.into);
  for (let done = 0; done < task.length;) {
    control.step();
    control.reading(task.root);
    const count = translating('source', () =>
      readSync(task.handle, into, done, task.length - done, task.position + done),
    );
    if (count === 0) throw sourceChanged(task.shown);
    done += count;
  }
}

/** The state of an open file, as far as it tells whether the file was written to. */
export function statOpen(task: HeldHandle, control: WorkerControl): Pick<FileIdentity, 'size' | 'mtimeNs'> {
  control.step();
  control.reading(task.root);
  const { size, mtimeNs } = translating('source', () => statHandle(task.handle));
  return { size: Number(size), mtimeNs: String(mtimeNs) };
}

/** Asks for the checksum of an open file of `size` bytes; `shown` is the path for messages. */
export interface HashOpenTask extends HeldHandle {
  algorithm: Algorithm;
  size: number;
  shown: string;
}

/** Reads a whole open file. Throws `source_changed` when it has not the size that it had when it was opened. */
export function hashOpen(task: HashOpenTask, control: WorkerControl): Checksum {
  control.reading(task.root);
  const { bytes, checksum } = hashHandle(task.handle, task.algorithm, 'source', control);
  if (bytes !== task.size) throw sourceChanged(task.shown);
  return { algorithm: task.algorithm, value: checksum };
}

/** Gives back handles of one root. Each is given up whatever close(2) says: on Linux it is free in any case. */
export function closeHandles(task: { handles: Handle[]; root: number }, control: WorkerControl): void {
  for (const handle of task.handles) {
    control.reading(task.root);
    try {
      closeSync(handle);
    } catch {
      // What was only read has nothing to lose.
    }
  }
}
