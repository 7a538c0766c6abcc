import { closeSync, readSync, type BigIntStats } from 'node:fs';
import { type Handle, statHandle } from '../confined/handle';
import { translating } from '../confined/system-errors';
import { sourceChanged } from '../engine/copy-content';
import { openTreeFile, type TreeFile } from '../engine/tree-file';
import { showPath } from '../names/path-text';
import { type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';
import { type ByteSink } from './byte-sink';

/**
 * An open file that must hold still while it is read once, from beginning to end: its size was promised to the reader
 * of the archive before its first byte.
 */
export class SteadyFile {
  readonly size: number;
  private position = 0;

  private constructor(
    private readonly handle: Handle,
    readonly stat: BigIntStats,
    private readonly path: RawName,
    private readonly control: WorkerControl,
  ) {
    this.size = Number(stat.size);
  }

  /** Opens a file of a tree for the time of `work`. Throws `source_changed` where it is no file any more. */
  static with(file: TreeFile, control: WorkerControl, work: (content: SteadyFile) => void): void {
    const handle = openTreeFile(file);
    try {
      const stat = translating('source', () => statHandle(handle));
      if (!stat.isFile()) throw changed(file.path);
      work(new SteadyFile(handle, stat, file.path, control));
    } finally {
      closeSync(handle);
    }
  }

  /** Bytes that are still to be read. */
  get left(): number {
    return this.size - this.position;
  }

  /** Reads some bytes, at least one; neither more than fit nor than are {@link left}. `source_changed` at an early end. */
  read(into: Buffer): number {
    this.control.step();
    this.control.reading();
    const count = translating('source', () => readSync(this.handle, into, 0, Math.min(into.length, this.left), null));
    if (count === 0) throw changed(this.path);
    this.position += count;
    this.control.bytes(count);
    return count;
  }

  /** Reads all that is left straight into the sink; `seen` is shown each piece before it goes. */
  pour(sink: ByteSink, seen?: (piece: Buffer) => void): void {
    while (this.left > 0) {
      const room = sink.room();
      const count = this.read(room);
      seen?.(room.subarray(0, count));
      sink.advance(count);
    }
  }

  /** After the last byte: throws `source_changed` when the file is not what it was when it was opened. */
  finish(): void {
    const now = translating('source', () => statHandle(this.handle));
    if (now.size !== this.stat.size || now.mtimeNs !== this.stat.mtimeNs) throw changed(this.path);
  }
}

function changed(path: RawName): Error {
  return sourceChanged(showPath(path).text);
}
