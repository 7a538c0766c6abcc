import { type Database } from './database';

/** Whether the database answers. */
export class DatabaseHealth {
  constructor(private readonly database: Database) {}

  /** What keeps the records. */
  get kind(): 'sqlite' | 'mysql' {
    return this.database.kind;
  }

  /** Asks the database something; throws `database_unavailable` when it is down or does not answer in time. */
  async check(): Promise<void> {
    await this.database.read((manager) => manager.query('SELECT 1'));
  }
}
