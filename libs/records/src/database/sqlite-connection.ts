import type Libsql from 'libsql';
import { whileBusy } from './while-busy';

/**
 * Sets a fresh connection up: readers and the writer do not stop each other (WAL), and a commit is safe from a crash of
 * the service though not from one of the host. Waits for other processes that do the same.
 */
export async function setUpSqlite(connection: Libsql.Database, timeoutMs: number): Promise<void> {
  // SQLite would wait by blocking the whole process; `whileBusy` lets other work go on.
  connection.pragma('busy_timeout = 0');
  connection.pragma('synchronous = NORMAL');
  await whileBusy(() => connection.pragma('journal_mode = WAL'), performance.now() + timeoutMs);
}
