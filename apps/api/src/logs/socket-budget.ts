import { type Request } from 'express';
import { type Caller } from '@app/auth';
import { AppError } from '@app/core';
import { type RequestBudget, strangerAt } from '../http/rate-limit';
import { type Connection } from './connection';

/** A connection as it was counted when it began. */
interface Handshake {
  /** By what it was counted: its address. */
  stranger: string;
  /** `rate_limited` where that was one too many. */
  outcome: Promise<AppError | null>;
}

/**
 * What sockets take of `RATE_LIMIT_PER_MINUTE`: a connection is one request, and each subscription is one. Who connects is not
 * known at first, so that it is their address that pays; it gets that back when they turn out to be somebody who signed in.
 */
export class SocketBudget {
  private readonly handshakes = new WeakMap<Connection, Handshake>();

  constructor(private readonly budget: RequestBudget) {}

  /** Counts a connection that is new. */
  begin(connection: Connection): void {
    const stranger = strangerAt((connection.request as Request).ip);
    const outcome = this.budget.spend(stranger).then(
      () => null,
      (error: unknown) => AppError.from(error),
    );
    this.handshakes.set(connection, { stranger, outcome });
  }

  /** Told whose the connection is, null for a stranger. Throws `rate_limited` when it is one too many for them. */
  async settle(connection: Connection, caller: Caller | null): Promise<void> {
    const { stranger, outcome } = this.handshakes.get(connection)!;
    const refusal = await outcome;
    if (caller?.identity) {
      await this.budget.giveBack(stranger);
      await this.budget.spend(caller.identity);
    } else if (refusal) throw refusal;
  }

  /** Counts a subscription. Throws `rate_limited` when it is one too many. */
  async subscribe(connection: Connection, { identity }: Caller): Promise<void> {
    await this.budget.spend(identity ?? this.handshakes.get(connection)!.stranger);
  }
}
