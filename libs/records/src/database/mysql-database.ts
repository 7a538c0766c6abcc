import { type Socket } from 'node:net';
import { type QueryRunner } from 'typeorm';
import { Database } from './database';
import { DatabaseUnavailable, fromServer } from './database-errors';
import { MYSQL_CONNECTIONS, type RecordsDataSource } from './records-data-source';
import { Slots } from './slots';

/**
 * What the service relies on, whatever the server's defaults are: too long a text is refused instead of cut; a backslash
 * escapes, as the driver assumes when it puts values into statements; a list by several filters walks one index in
 * order, where the server would rather intersect two and sort.
 */
const SET_UP =
  "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', " +
  "optimizer_switch = 'index_merge=off'";

const NOW = 'UTC_TIMESTAMP(3)';

/** What we need of a connection of mysql2. */
interface Connection {
  stream: Socket;
  destroy(): void;
}

/** Records on a MySQL or MariaDB server. */
export class MysqlDatabase extends Database {
  readonly kind = 'mysql';
  private readonly known = new WeakSet<Connection>();
  private readonly sockets = new Set<Socket>();

  constructor(dataSource: RecordsDataSource, timeoutMs: number) {
    super(dataSource, timeoutMs, new Slots(MYSQL_CONNECTIONS));
  }

  timestamp(): () => string {
    return () => NOW;
  }

  async now(): Promise<Date> {
    const [row] = await this.read((manager) => manager.query<{ now: Date }[]>(`SELECT ${NOW} AS now`));
    return row!.now;
  }

  protected async begin(runner: QueryRunner): Promise<void> {
    await runner.query('START TRANSACTION');
  }

  protected async attempt<T>(work: (runner: QueryRunner) => Promise<T>, deadline: number): Promise<T> {
    const runner = this.dataSource.createQueryRunner();
    try {
      const connection = await this.connect(runner, deadline);
      return await endAt(deadline, connection, () => work(runner));
    } finally {
      await runner.release();
    }
  }

  /** A connection from the pool; whatever goes wrong here, no statement of the caller's was sent. */
  private async connect(runner: QueryRunner, deadline: number): Promise<Connection> {
    try {
      const connection = (await runner.connect()) as Connection;
      if (!this.known.has(connection)) {
        this.track(connection.stream);
        await endAt(deadline, connection, () => runner.query(SET_UP));
        this.known.add(connection);
      }
      return connection;
    } catch (error) {
      throw new DatabaseUnavailable(error instanceof DatabaseUnavailable ? error.cause : error);
    }
  }

  private track(socket: Socket): void {
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
  }

  protected override async disconnect(): Promise<void> {
    await super.disconnect();
    // A farewell that is never answered would keep the process alive.
    for (const socket of this.sockets) socket.destroy();
  }
}

/**
 * Does work on a connection and gives its errors their meaning. At the deadline the connection is destroyed, by which
 * the work ends: a server that wakes up may still do what it was sent, but nobody takes its late answer for another's.
 */
export async function endAt<T>(deadline: number, connection: Connection, work: () => Promise<T>): Promise<T> {
  const timer = setTimeout(
    () => connection.stream.destroy(new Error('The database did not answer in time')),
    Math.max(0, deadline - performance.now()),
  );
  try {
    return await work();
  } catch (error) {
    const meaning = fromServer(error);
    // A server that cannot write may have been followed by another: the next call shall ask afresh.
    if (meaning instanceof DatabaseUnavailable) connection.destroy();
    throw meaning;
  } finally {
    clearTimeout(timer);
  }
}
