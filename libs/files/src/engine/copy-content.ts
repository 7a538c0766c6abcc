import { fdatasyncSync, ftruncateSync, readSync, writeSync, type BigIntStats } from 'node:fs';
import { AppError } from '@app/core';
import { type Handle, statHandle } from '../confined/handle';
import { translate } from '../confined/system-errors';
import { type WorkerControl } from '../pool/control';
import { type Algorithm, hashOf, type RunningHash, startHash } from './hashing';

/** Bytes moved by one system call: larger ones were not faster, and leave the processor's cache. */
export const CHUNK_BYTES = 1024 * 1024;

/** Granularity in which runs of zeros of a sparse file become holes again. */
const HOLE_BYTES = 64 * 1024;

// One pair a thread: a worker does one thing at a time.
const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
const second = Buffer.allocUnsafeSlow(CHUNK_BYTES);
const zeros = Buffer.alloc(HOLE_BYTES);

/** What copying should be like. */
export interface CopyOptions {
  algorithm: Algorithm | null;
  /** Flush the data before it is read back; a tree is flushed as a whole instead. */
  flush: boolean;
}

/** The error for content that does not arrive as it was read. */
function notAsRead(): AppError {
  return new AppError(
    'checksum_mismatch',
    'What was written is not what was read: the storage of the user areas returned other bytes. Nothing was published; try again.',
  );
}

/**
 * Copies an open file into an open empty one, then reads the copy back and compares checksums of both. Holes of a
 * sparse source stay holes. Returns the checksum, or null when none is asked for.
 */
export function copyContent(
  source: Handle,
  stat: BigIntStats,
  copy: Handle,
  options: CopyOptions,
  control: WorkerControl,
): { bytes: number; checksum: string | null } {
  const sparse = stat.blocks * 512n < stat.size;
  if (stat.size < CHUNK_BYTES && !sparse) return copySmall(source, Number(stat.size), copy, options, control);
  const hash = options.algorithm ? startHash(options.algorithm) : null;
  const bytes = copyLarge(source, copy, { size: Number(stat.size), sparse, hash }, control);
  if (options.flush) flush(copy, control);
  if (!options.algorithm || !hash) return { bytes, checksum: null };
  const checksum = hash.digest();
  const readBack = hashHandle(copy, options.algorithm, 'target', control, new HalfCounter(control, 'second'));
  if (readBack.checksum !== checksum) throw notAsRead();
  return { bytes, checksum };
}

function copySmall(
  source: Handle,
  size: number,
  copy: Handle,
  options: CopyOptions,
  control: WorkerControl,
): { bytes: number; checksum: string | null } {
  control.step();
  control.reading();
  // Up to the size that it had when it was opened: whether it grew since is looked at in the end.
  const length = readFully(source, buffer.subarray(0, size));
  const content = buffer.subarray(0, length);
  control.writing();
  writeFully(copy, content, 0);
  if (options.flush) flush(copy, control);
  control.bytes(length);
  if (!options.algorithm) return { bytes: length, checksum: null };
  const written = readBack(copy, length);
  if (!written.equals(content)) throw notAsRead();
  return { bytes: length, checksum: hashOf(options.algorithm, content) };
}

function readBack(copy: Handle, length: number): Buffer {
  try {
    return second.subarray(0, readSync(copy, second, 0, Math.min(length + 1, CHUNK_BYTES), 0));
  } catch (error) {
    throw translate(error, 'target');
  }
}

function copyLarge(
  source: Handle,
  copy: Handle,
  how: { size: number; sparse: boolean; hash: RunningHash | null },
  control: WorkerControl,
): number {
  // What will be read back counts half when it is written: progress goes on while it is verified.
  const counter = how.hash
    ? new HalfCounter(control, 'first')
    : { upTo: (_to: number, length: number) => control.bytes(length) };
  let position = 0;
  for (;;) {
    control.step();
    control.reading();
    const length = readFully(source, buffer);
    if (length === 0) break;
    // One that is written to without end must not fill the disk.
    if (position + length > how.size) throw sourceChanged();
    const chunk = length === CHUNK_BYTES ? buffer : buffer.subarray(0, length);
    how.hash?.update(chunk);
    control.writing();
    if (how.sparse) writeAroundHoles(copy, chunk, position);
    else writeFully(copy, chunk, position);
    position += length;
    counter.upTo(position, length);
  }
  control.writing();
  if (how.sparse) truncate(copy, position);
  return position;
}

/** Reads until the buffer is full or the file ends. */
function readFully(source: Handle, into: Buffer): number {
  try {
    let length = 0;
    while (length < into.length) {
      const count = readSync(source, into, length, into.length - length, null);
      if (count === 0) break;
      length += count;
    }
    return length;
  } catch (error) {
    throw translate(error, 'source');
  }
}

function writeFully(copy: Handle, data: Buffer, position: number): void {
  try {
    for (let done = 0; done < data.length;) done += writeSync(copy, data, done, data.length - done, position + done);
  } catch (error) {
    throw translate(error, 'target');
  }
}

function writeAroundHoles(copy: Handle, data: Buffer, position: number): void {
  for (let start = 0; start < data.length; start += HOLE_BYTES) {
    const piece = data.subarray(start, start + HOLE_BYTES);
    if (!piece.equals(piece.length === HOLE_BYTES ? zeros : zeros.subarray(0, piece.length))) {
      writeFully(copy, piece, position + start);
    }
  }
}

function truncate(copy: Handle, size: number): void {
  try {
    ftruncateSync(copy, size);
  } catch (error) {
    throw translate(error, 'target');
  }
}

/** Brings the data of one file to disk. */
export function flush(copy: Handle, control: WorkerControl): void {
  control.writing();
  try {
    control.patiently(() => fdatasyncSync(copy));
  } catch (error) {
    throw translate(error, 'target');
  }
}

/** Counts bytes of a file as they are dealt with. */
interface ByteCounter {
  /** `length` more bytes are dealt with, so that all up to `position` are. */
  upTo(position: number, length: number): void;
}

/** Counts each byte half: two of these, one for writing and one for reading back, come to exactly the whole. */
class HalfCounter implements ByteCounter {
  private counted = 0;

  constructor(
    private readonly control: WorkerControl,
    private readonly half: 'first' | 'second',
  ) {}

  upTo(position: number): void {
    const due = this.half === 'first' ? Math.floor(position / 2) : Math.ceil(position / 2);
    this.control.bytes(due - this.counted);
    this.counted = due;
  }
}

/** Reads an open file from its beginning and computes its checksum; `counter` is told how far it is. */
export function hashHandle(
  handle: Handle,
  algorithm: Algorithm,
  side: 'source' | 'target',
  control: WorkerControl,
  counter?: ByteCounter,
): { bytes: number; checksum: string } {
  const hash = startHash(algorithm);
  const size = Number(statHandle(handle).size);
  if (side === 'source') control.reading();
  else control.writing();
  let position = 0;
  for (;;) {
    control.step();
    let length: number;
    try {
      length = readSync(handle, second, 0, CHUNK_BYTES, position);
    } catch (error) {
      throw translate(error, side);
    }
    if (length === 0) return { bytes: position, checksum: hash.digest() };
    if (position + length > size) throw side === 'source' ? sourceChanged() : notAsRead();
    hash.update(length === CHUNK_BYTES ? second : second.subarray(0, length));
    position += length;
    counter?.upTo(position, length);
  }
}

/** The error for a source that did not hold still. */
export function sourceChanged(path?: string): AppError {
  const what = path === undefined ? 'The source' : `The source file ${path}`;
  return new AppError(
    'source_changed',
    `${what} changed while it was read; nothing was staged. Try again when it is no longer written to.`,
  );
}
