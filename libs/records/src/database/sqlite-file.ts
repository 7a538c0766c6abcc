import { closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import path from 'node:path';

/** Makes the file, for this account only, and the folders above it, where they are missing; SQLite fills it. */
export function createSqliteFile(file: string): void {
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
  try {
    // A file that is there must not be opened: closing it again would drop the locks that SQLite holds in this process.
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Notices that the file of an open database was removed or replaced: SQLite would go on writing to nowhere. */
export class SqliteFile {
  private readonly identity: string;

  constructor(private readonly file: string) {
    this.identity = this.look();
  }

  /** Throws when the path no longer leads to the file that is open. */
  check(): void {
    if (this.look() !== this.identity) {
      throw new Error(`The database file ${this.file} was removed or replaced; the service must be started again`);
    }
  }

  private look(): string {
    const found = statSync(this.file, { throwIfNoEntry: false });
    return found ? `${found.dev}:${found.ino}` : '';
  }
}
