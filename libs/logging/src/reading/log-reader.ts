import { AppError } from '@app/core';
import { escapeUnsafeInLines } from '../entry/escape-text';
import { type LogEntry, type LogLevel } from '../log-entry';
import { BackwardLines, BLOCK_BYTES, readFully } from './backward-lines';
import { decodeCursor, encodeCursor } from './cursor';
import { LineFilter } from './line-filter';
import { fingerprint, LogFiles, openLog, type OpenLog } from './log-files';

/** What to look for in the log. */
export interface LogQuery {
  /** This level or graver. */
  level?: LogLevel;
  /** A piece of the message or of another value, taken literally; upper and lower case differ. */
  q?: string;
  operationId?: string;
  /** Entries of a page; at least 1. */
  limit: number;
  /** The `nextCursor` of the page before. */
  cursor?: string;
}

/** Some entries, newest first, and where to go on; null at the end. */
export interface LogPage {
  items: LogEntry[];
  nextCursor: string | null;
}

const MAX_READ_BYTES = 67_108_864;
const NEWLINE = 0x0a;

/**
 * Reads the log back from its files, from the end, at a cost that does not depend on their size. Of a log without a file
 * (null) all pages are empty.
 */
export class LogReader {
  private readonly files: LogFiles | null;

  /** `flush`: brings what was logged into the file; reading begins behind it. */
  constructor(
    private readonly file: string | null,
    private readonly flush: () => Promise<void>,
  ) {
    this.files = file === null ? null : new LogFiles(file);
  }

  /**
   * One page, newest first, through the live and the rotated files. A call reads at most 64 MiB: with a filter a page may
   * be shorter than `limit`, or empty, and still have a `nextCursor` to go on with. A cursor stays right while the log
   * grows and is rotated; when its file was deleted, the page is empty and the last. Lines that are no entries, or longer
   * than 1 MiB, are left out, as is one that is not finished. Throws `validation_failed` for a malformed cursor, the
   * signal's reason, and `internal_error` when a file cannot be read.
   */
  async page(query: LogQuery, signal?: AbortSignal): Promise<LogPage> {
    signal?.throwIfAborted();
    const cursor = query.cursor === undefined ? undefined : decodeCursor(query.cursor);
    const { files } = this;
    if (!files) return { items: [], nextCursor: null };
    return readable(async () => {
      await this.flush();
      const log = await (cursor ? files.ofCursor(cursor) : files.newest());
      return this.collect(files, log, cursor?.offset ?? log?.size ?? 0, query, signal);
    });
  }

  /**
   * The last whole lines of the live file, at most `maxBytes` of them, as they stand there; empty when there is no file.
   * Control characters that somebody else wrote are escaped.
   */
  async tail(maxBytes: number): Promise<string> {
    const { file } = this;
    if (file === null) return '';
    return readable(async () => {
      await this.flush();
      const log = await openLog(file);
      if (!log) return '';
      try {
        // One byte more tells whether a line begins exactly there.
        const from = Math.max(0, log.size - maxBytes - 1);
        const bytes = await readFully(log.handle, from, log.size - from);
        const start = from === 0 && log.size <= maxBytes ? 0 : bytes.indexOf(NEWLINE) + 1;
        return escapeUnsafeInLines(bytes.subarray(start, bytes.lastIndexOf(NEWLINE) + 1).toString('utf8'));
      } finally {
        await log.handle.close();
      }
    });
  }

  private async collect(
    files: LogFiles,
    first: OpenLog | undefined,
    from: number,
    query: LogQuery,
    signal?: AbortSignal,
  ): Promise<LogPage> {
    const filter = new LineFilter(query);
    const items: LogEntry[] = [];
    let left = MAX_READ_BYTES;
    let log = first;
    let offset = from;
    try {
      while (log) {
        const lines = new BackwardLines(log.handle, offset);
        for (let block = await lines.next(); block; block = await lines.next()) {
          for (const { start, bytes } of block) {
            const entry = filter.match(bytes);
            if (entry && items.push(entry) >= query.limit)
              return { items, nextCursor: await cursorAt(files, log, start) };
          }
          signal?.throwIfAborted();
          left -= BLOCK_BYTES;
          if (left <= 0) return { items, nextCursor: await cursorAt(files, log, lines.resumeAt) };
        }
        const older = await files.olderThan(log.inode);
        await log.handle.close();
        log = older;
        offset = older?.size ?? 0;
      }
      return { items, nextCursor: null };
    } finally {
      await log?.handle.close();
    }
  }
}

/** Null when nothing older is there. */
async function cursorAt(files: LogFiles, log: OpenLog, offset: number): Promise<string | null> {
  if (offset === 0) {
    const older = await files.olderThan(log.inode);
    await older?.handle.close();
    if (!older) return null;
  }
  return encodeCursor({ inode: log.inode, offset, head: await fingerprint(log) });
}

/** A failed system call, told as an error of the service. */
async function readable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isSystemError(error) ? new AppError('internal_error', 'The log cannot be read.', { cause: error }) : error;
  }
}

function isSystemError(error: unknown): boolean {
  return typeof (error as { syscall?: unknown } | null)?.syscall === 'string';
}
