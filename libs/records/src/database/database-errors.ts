import { AppError } from '@app/core';

/** Seconds after which a caller may ask again. */
const RETRY_SECONDS = 10;

/** SQLite: the file, its disk or the memory let us down. Extended codes begin with these. */
const SQLITE_UNAVAILABLE = /^SQLITE_(FULL|IOERR|CANTOPEN|READONLY|CORRUPT|NOTADB|PERM|NOMEM|PROTOCOL)/;
const SQLITE_BUSY = /^SQLITE_(BUSY|LOCKED)/;

/** Answers of a MySQL or MariaDB server that speak of the server and not of the statement, which was not done. */
const SERVER_UNAVAILABLE = new Set([
  1021, // ER_DISK_FULL
  1026, // ER_ERROR_ON_WRITE
  1030, // ER_GET_ERRNO: the storage engine failed, as with a full disk
  1037, // ER_OUTOFMEMORY
  1041, // ER_OUT_OF_RESOURCES
  1047, // ER_UNKNOWN_COM_ERROR: a Galera node that is not part of its cluster
  1053, // ER_SERVER_SHUTDOWN
  1114, // ER_RECORD_FILE_FULL
  1205, // ER_LOCK_WAIT_TIMEOUT
  1290, // ER_OPTION_PREVENTS_STATEMENT: read-only, after another server took over
  1317, // ER_QUERY_INTERRUPTED
  1792, // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
  1836, // ER_READ_ONLY_MODE
  1927, // ER_CONNECTION_KILLED (MariaDB)
  1969, // ER_STATEMENT_TIMEOUT (MariaDB)
  3024, // ER_QUERY_TIMEOUT (MySQL)
]);
const DEADLOCK = 1213;
const DUPLICATE_KEY = 1062;

interface DriverError {
  code?: string;
  /** Number of the server's answer; negative for errors of the operating system. */
  errno?: number;
  /** Only answers of a server have it. */
  sqlState?: string;
  /** True when the connection is of no more use. */
  fatal?: boolean;
}

/** The error for a database that is down, does not answer or cannot write. */
export class DatabaseUnavailable extends AppError {
  constructor(
    cause: unknown,
    /** True when the database may have done, or may still do, what it was asked: its answer was lost. */
    readonly ambiguous = false,
  ) {
    super('database_unavailable', 'The database does not answer, so nothing was done. Try again in a few seconds.', {
      cause,
      retryAfterSeconds: RETRY_SECONDS,
    });
  }
}

/** True when the same work may succeed in a moment: another writer was faster, and all of it was undone. */
export function isBusy(error: unknown): boolean {
  const { code, errno } = error as DriverError;
  return SQLITE_BUSY.test(code ?? '') || (errno === DEADLOCK && isAnswer(error));
}

/** True when a row with this key is there already. */
export function isDuplicate(error: unknown): boolean {
  const { code, errno } = error as DriverError;
  return /^SQLITE_CONSTRAINT_(PRIMARYKEY|UNIQUE)$/.test(code ?? '') || (errno === DUPLICATE_KEY && isAnswer(error));
}

/** An SQLite error as callers shall see it; a programmer's error stays as it is. */
export function fromSqlite(error: unknown): unknown {
  return SQLITE_UNAVAILABLE.test((error as DriverError).code ?? '') ? new DatabaseUnavailable(error) : error;
}

/** An error of a statement that was sent to a server, as callers shall see it; a programmer's error stays as it is. */
export function fromServer(error: unknown): unknown {
  const { errno, fatal } = error as DriverError;
  if (isAnswer(error)) return SERVER_UNAVAILABLE.has(errno ?? 0) ? new DatabaseUnavailable(error) : error;
  return fatal ? new DatabaseUnavailable(error, true) : error;
}

function isAnswer(error: unknown): boolean {
  return (error as DriverError).sqlState !== undefined;
}
