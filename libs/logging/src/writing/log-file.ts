import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, stat } from 'node:fs/promises';
import path from 'node:path';
import { errorCode } from './error-code';
import { LineOutput, countFitting } from './line-output';
import { type LineSink } from './line-writer';
import { rotateFiles } from './rotated-files';

/** Where the log file is and when it is rotated. */
export interface LogFileOptions {
  /** Absolute path. */
  file: string;
  maxBytes: number;
  maxFiles: number;
  /** Called when the file had to grow beyond `maxBytes`, because it could not be rotated. */
  onTrouble: (error: unknown) => void;
}

interface LiveFile {
  handle: FileHandle;
  size: number;
  /** False for a device or a pipe, such as /dev/stdout. */
  regular: boolean;
}

const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY } = constants;
/** Milliseconds after which a rotation that failed is tried again. */
const ROTATION_RETRY_MS = 60_000;

/**
 * The live log file, always under exactly its configured name. Before each write it is looked up by name: one that was
 * renamed or removed (logrotate) is left alone and a new one begun; one that was truncated simply goes on. A line is
 * never split between files. Why not winston's File transport: it names rotated files otherwise, ignores errors of the
 * open stream, and loses or stops logging around rotation (winston issues 2298, 2354, 2452); winston-daily-rotate-file
 * puts the number into the live name.
 */
export class LogFile implements LineSink {
  private readonly output = new LineOutput();
  private opened: { handle: FileHandle; device: bigint; inode: bigint } | undefined;
  private rotateFrom = 0;

  constructor(private readonly options: LogFileOptions) {}

  /** Appends to the live file as many lines as fit into it; rotates first when none does. */
  async append(lines: readonly string[]): Promise<number> {
    let live = await this.openLive();
    const { maxBytes } = this.options;
    let room = maxBytes - live.size;
    if (live.size > 0 && Buffer.byteLength(lines[0]!) > room) {
      room = Infinity;
      if (live.regular && (await this.rotate())) {
        live = await this.openLive();
        room = maxBytes - live.size;
      }
    }
    const { handle } = live;
    return this.output.write(lines.slice(0, countFitting(lines, room)), async (bytes, offset) => {
      const { bytesWritten } = await handle.write(bytes, offset);
      return bytesWritten;
    });
  }

  async close(): Promise<void> {
    const { opened } = this;
    this.opened = undefined;
    // A failed close(2) tells of earlier writes (NFS); there is nothing left to do for them.
    await opened?.handle.close().catch(() => undefined);
  }

  private async openLive(): Promise<LiveFile> {
    const named = await statOrMissing(this.options.file);
    if (this.opened && named && named.ino === this.opened.inode && named.dev === this.opened.device) {
      return { handle: this.opened.handle, size: Number(named.size), regular: named.isFile() };
    }
    await this.close();
    const handle = await this.openOrCreate();
    try {
      const found = await handle.stat({ bigint: true });
      const size = Number(found.size);
      this.output.torn = found.isFile() && size > 0 && !(await endsLine(this.options.file, size));
      this.opened = { handle, device: found.dev, inode: found.ino };
      return { handle, size, regular: found.isFile() };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  private async openOrCreate(): Promise<FileHandle> {
    // O_NONBLOCK: should a pipe stand there that nobody reads, this fails instead of waiting (open(2)).
    const flags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY;
    const { file } = this.options;
    try {
      return await open(file, flags, 0o600);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
      return open(file, flags, 0o600);
    }
  }

  /** False when it cannot be done: then the file grows, since losing lines would be worse. */
  private async rotate(): Promise<boolean> {
    const { file, maxFiles, onTrouble } = this.options;
    if (Date.now() < this.rotateFrom) return false;
    try {
      // A link (also /dev/stdout) was put there by the operator, who then rotates what it leads to.
      if ((await lstat(file)).isSymbolicLink()) return false;
      await rotateFiles(file, maxFiles);
      return true;
    } catch (error) {
      this.rotateFrom = Date.now() + ROTATION_RETRY_MS;
      onTrouble(error);
      return false;
    }
  }
}

async function statOrMissing(file: string) {
  try {
    return await stat(file, { bigint: true });
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** False when a crash or a full disk left the last line unfinished. */
async function endsLine(file: string, size: number): Promise<boolean> {
  const handle = await open(file, constants.O_RDONLY | O_NONBLOCK);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
    return bytesRead === 0 || buffer[0] === 0x0a;
  } finally {
    await handle.close();
  }
}
