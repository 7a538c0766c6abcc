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

interface NamedLog {
  path: string;
  inode: string;
}

/** Bytes of a file that its fingerprint covers; any entry of ours is longer, and begins with its time. */
const HEAD_BYTES = 64;
/** Attempts to open a file under the name it was just seen with; each failure means a rotation in between. */
const ATTEMPTS = 5;

/** The live log file and its rotated ones, as one sequence from new to old, also while they are rotated. */
export class LogFiles {
  constructor(private readonly file: string) {}

  /** The live file, or the newest there is; undefined when there is none. */
  newest(): Promise<OpenLog | undefined> {
    return this.openNamed((logs) => logs[0]);
  }

  /** The next older file, whatever its name is now; undefined when there is none, or this one is gone. */
  olderThan(inode: string): Promise<OpenLog | undefined> {
    return this.openNamed((logs) => {
      const index = logs.findIndex((log) => log.inode === inode);
      return index === -1 ? undefined : logs[index + 1];
    });
  }

  /** The file of a cursor, whatever its name is now; undefined when it is gone or not what it was. */
  async ofCursor(cursor: LogCursor): Promise<OpenLog | undefined> {
    const log = await this.openNamed((logs) => logs.find(({ inode }) => inode === cursor.inode));
    if (!log) return undefined;
    let same = false;
    try {
      same = cursor.offset <= log.size && (await fingerprint(log)) === cursor.head;
    } finally {
      if (!same) await log.handle.close();
    }
    return same ? log : undefined;
  }

  private async openNamed(choose: (logs: NamedLog[]) => NamedLog | undefined): Promise<OpenLog | undefined> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const chosen = choose(await this.list());
      if (!chosen) return undefined;
      const log = await openLog(chosen.path);
      if (log?.inode === chosen.inode) return log;
      await log?.handle.close();
    }
    return undefined;
  }

  /**
   * From new to old. Looking from low to high numbers, as files move up, misses none that a rotation moves meanwhile; it
   * may see one twice, of which the first counts.
   */
  private async list(): Promise<NamedLog[]> {
    const numbers = await rotatedNumbers(this.file);
    const highest = numbers.at(-1) ?? 0;
    const found = new Map<string, NamedLog>();
    for (const number of [0, ...numbers, highest + 1]) {
      const path = number === 0 ? this.file : rotatedName(this.file, number);
      const inode = await inodeOf(path);
      if (inode !== undefined && !found.has(inode)) found.set(inode, { path, inode });
    }
    return [...found.values()];
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
