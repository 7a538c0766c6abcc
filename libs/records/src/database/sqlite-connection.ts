import type Libsql from 'libsql';
import { whileBusy } from './while-busy';

/**
 * Pages (of 4 KiB) after which what was written ahead moves to the main file: the one moment in which SQLite waits for the
 * disk, and with it the service's thread. Four times its default, so that it comes a quarter as often.
 */
const CHECKPOINT_PAGES = 4000;

/**
 * Sets a fresh connection up: readers and the writer do not stop each other (WAL), and a commit is safe from a crash of
 * the service though not from one of the host. Waits for other processes, which shut everybody out when they do the
 * same, or when they are the last to close the file.
 */
export async function setUpSqlite(connection: Libsql.Database, timeoutMs: number): Promise<void> {
  // SQLite would wait by blocking the whole process; `whileBusy` lets other work go on.
  connection.pragma('busy_timeout = 0');
  await whileBusy(() => {
    writeAhead(connection);
    connection.pragma('synchronous = NORMAL');
    connection.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  }, performance.now() + timeoutMs);
}

function writeAhead(connection: Libsql.Database): void {
  const [answer] = connection.pragma('journal_mode = WAL') as { journal_mode: string }[];
  // SQLite keeps the old mode, and does not call it an error, while another process is at it.
  if (answer?.journal_mode === 'wal' || connection.memory) return;
  const message = `The database could not be set up for several readers (its journal mode is ${answer?.journal_mode})`;
  throw Object.assign(new Error(message), { code: 'SQLITE_BUSY' });
}
