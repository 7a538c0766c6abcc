import { type EntityManager, type QueryRunner } from 'typeorm';
import { AppError } from '@app/core';
import { DatabaseUnavailable } from './database-errors';
import { type RecordsDataSource } from './records-data-source';
import { type Slots } from './slots';
import { whileBusy } from './while-busy';

/** Some statements on one connection. They run again when they met another writer, so they must do nothing else. */
export type DatabaseWork<T> = (manager: EntityManager) => Promise<T>;

/**
 * The way of all statements to the database. Each call ends within `timeoutMs`: with its result, with a programmer's
 * error as it is, or with `database_unavailable`. After a time-out the connection is gone and a new one takes its place,
 * so that a database that comes back is used again without further ado.
 */
export abstract class Database {
  abstract readonly kind: 'sqlite' | 'mysql';
  private closed = false;

  constructor(
    readonly dataSource: RecordsDataSource,
    protected readonly timeoutMs: number,
    private readonly slots: Slots,
  ) {}

  /** The clock of heartbeats: the server's, where several hosts use one. */
  abstract now(): Promise<Date>;

  /** The same, as a value for a column. */
  abstract timestamp(): Date | (() => string);

  /** Runs work on a connection, until `deadline` (`performance.now()`) at most, and gives its errors their meaning. */
  protected abstract attempt<T>(work: (runner: QueryRunner) => Promise<T>, deadline: number): Promise<T>;

  /** Begins a transaction that will write. */
  protected abstract begin(runner: QueryRunner): Promise<void>;

  /** Runs statements that only read. */
  read<T>(work: DatabaseWork<T>): Promise<T> {
    return this.perform((runner) => work(runner.manager));
  }

  /** Runs one statement that writes. */
  write<T>(work: DatabaseWork<T>): Promise<T> {
    return this.perform((runner) => work(runner.manager));
  }

  /** Runs statements of which either all take effect or none. */
  transaction<T>(work: DatabaseWork<T>): Promise<T> {
    return this.perform(async (runner) => {
      // Not TypeORM's own transactions: their count goes wrong when the database ends a transaction by itself.
      await this.begin(runner);
      try {
        const result = await work(runner.manager);
        await runner.query('COMMIT');
        return result;
      } catch (error) {
        // Fails when there is none left, or no connection: then it is undone already.
        await runner.query('ROLLBACK').catch(() => undefined);
        throw error;
      }
    });
  }

  private async perform<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    if (this.closed) throw new AppError('shutting_down', 'The service is stopping. Try again in a moment.');
    const deadline = performance.now() + this.timeoutMs;
    await this.slots.take(this.timeoutMs / 2).catch((error: unknown) => {
      throw new DatabaseUnavailable(error);
    });
    try {
      return await whileBusy(() => this.attempt(work, deadline), deadline);
    } finally {
      this.slots.give();
    }
  }

  /** Takes no more work, waits for what runs (each call ends in time) and closes the connections. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (let taken = 0; taken < this.slots.size; taken += 1) await this.slots.take(2 * this.timeoutMs);
    await this.disconnect();
  }

  protected async disconnect(): Promise<void> {
    await this.dataSource.destroy();
  }
}
