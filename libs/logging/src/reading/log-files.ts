import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { errorCode } from '../writing/error-code';
import { rotatedName, rotatedNumbers } from '../writing/rotated-files';
import { readFully } from './backward-lines';
import { type LogCursor } from './cursor';

/** A log file held open, so that it stays the same whatever it is called meanwhile. */
export interface OpenLog {
  handle: FileHandle;
  inode: string;
  size: number;
}

/** Bytes of a file that its fingerprint covers; any entry of ours is longer, and begins with its time. */
const HEAD_BYTES = 64;

/**
 * The live log file and its rotated ones, as one sequence from new to old, also while they are rotated. A rotation only
 * ever moves a file to a higher number, one step at a time: who looks from low to high numbers meets each file at least
 * once, however many rotations happen meanwhile. Where it is met last, it stands before all older ones.
 */
export class LogFiles {
  constructor(private readonly file: string) {}

  /** The live file, or the newest there is; undefined when there is none. */
  async newest(): Promise<OpenLog | undefined> {
    for await (const number of this.numbersFrom(0)) {
      const log = await openLog(this.nameOf(number));
      if (log) return log;
    }
    return undefined;
  }

  /** The next older file, whatever its name is now; undefined when there is none, or this one is gone. */
  async olderThan(inode: string): Promise<OpenLog | undefined> {
    const numbers = new Map<string, number>();
    for await (const number of this.numbersFrom(0)) {
      const met = await inodeOf(this.nameOf(number));
      if (met === undefined) continue;
      numbers.delete(met);
      numbers.set(met, number);
    }
    const inodes = [...numbers.keys()];
    const older = inodes.includes(inode) ? inodes[inodes.indexOf(inode) + 1] : undefined;
    return older === undefined ? undefined : this.find(older, numbers.get(older)!);
  }

  /** The file of a cursor, whatever its name is now; undefined when it is gone or not what it was. */
  async ofCursor(cursor: LogCursor): Promise<OpenLog | undefined> {
    const log = await this.find(cursor.inode, 0);
    if (!log) return undefined;
    let same = false;
    try {
      same = cursor.offset <= log.size && (await fingerprint(log)) === cursor.head;
    } finally {
      if (!same) await log.handle.close();
    }
    return same ? log : undefined;
  }

  /** Opens the file with this inode number, which has this number or a higher one. */
  private async find(inode: string, from: number): Promise<OpenLog | undefined> {
    for await (const number of this.numbersFrom(from)) {
      const log = await openLog(this.nameOf(number));
      if (log?.inode === inode) return log;
      await log?.handle.close();
    }
    return undefined;
  }

  /** Rising numbers, until no file has such a number or a higher one, also of those that moved up meanwhile. */
  private async *numbersFrom(from: number): AsyncGenerator<number> {
    let highest = -1;
    for (let number = from; ; number += 1) {
      if (number > highest) highest = (await rotatedNumbers(this.file)).at(-1) ?? 0;
      if (number > highest) return;
      yield number;
    }
  }

  /** Number 0 is the live file. */
  private nameOf(number: number): string {
    return number === 0 ? this.file : rotatedName(this.file, number);
  }
}

/** A fingerprint of the file's beginning, which never changes in a log. */
export async function fingerprint(log: OpenLog): Promise<string> {
  const head = await readFully(log.handle, 0, Math.min(HEAD_BYTES, log.size));
  return createHash('sha256').update(head).digest('hex').slice(0, 16);
}

/** Opens a regular file; undefined when there is none under this name. */
export async function openLog(path: string): Promise<OpenLog | undefined> {
  const handle = await orMissing(open(path, constants.O_RDONLY | constants.O_NONBLOCK));
  if (!handle) return undefined;
  try {
    const found = await handle.stat({ bigint: true });
    if (found.isFile()) return { handle, inode: String(found.ino), size: Number(found.size) };
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  return undefined;
}

async function inodeOf(path: string): Promise<string | undefined> {
  const found = await orMissing(stat(path, { bigint: true }));
  return found?.isFile() ? String(found.ino) : undefined;
}

async function orMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
