import { type OnModuleDestroy } from '@nestjs/common';
import { type OnGatewayConnection, type OnGatewayInit, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { type Request } from 'express';
import { type Namespace, type Socket } from 'socket.io';
import { Authenticator, type Caller, isOperator } from '@app/auth';
import { AppError, Settings } from '@app/core';
import { AppLogger, LogFeed, LogReader } from '@app/logging';
import { AuditTrail } from '@app/records';
import { millisecondsUntil, ReaderLimit } from '../auth/reader-limit';
import { STATUS } from '../http/error-status';
import { RequestPipe } from '../http/request-pipe';
import { SubscribeDto } from './dto/subscribe.dto';
import { LogClient } from './log-client';

/** How often the token of an open socket is judged again, in milliseconds: a group can be taken from somebody. */
const JUDGE_MS = 60_000;

/** What the service keeps of a socket. */
interface SocketData {
  caller: Caller;
  leave: () => void;
}
type LogSocket = Socket<Record<string, never>, Record<string, (...told: unknown[]) => void>, object, SocketData>;

/** What a client is told that asked for something. */
type Acknowledge = (answer: object) => void;

/**
 * The log as it happens, for operators: namespace `/logs`. A client sends `subscribe {level, q, backlog}`, gets the lines of
 * before as the acknowledgement, and from then on a `log` for each further line. `dropped {count}` tells of lines that came
 * faster than it took them; `end {code, detail}` that it is cut, such as when its token has ended.
 */
@WebSocketGateway({ namespace: '/logs' })
export class LogsGateway implements OnGatewayInit<Namespace>, OnGatewayConnection<LogSocket>, OnModuleDestroy {
  @WebSocketServer()
  private readonly namespace!: Namespace;
  private readonly readers: ReaderLimit;
  private readonly pipe = new RequestPipe();

  constructor(
    private readonly authenticator: Authenticator,
    private readonly feed: LogFeed,
    private readonly reader: LogReader,
    private readonly trail: AuditTrail,
    private readonly logger: AppLogger,
    settings: Settings,
  ) {
    this.readers = new ReaderLimit(settings.get('MAX_EVENT_STREAMS_PER_USER'));
  }

  /** Nobody is connected who may not be: not even for a moment. */
  afterInit(namespace: Namespace): void {
    namespace.use((socket, next) => {
      this.admit(socket as LogSocket).then(
        () => next(),
        (error: unknown) => next(refusalOf(AppError.from(error))),
      );
    });
  }

  private async admit(socket: LogSocket): Promise<void> {
    let caller: Caller | null = null;
    try {
      caller = await this.authenticator.callerWith(tokenOf(socket));
      if (!isOperator(caller)) throw new AppError('forbidden', 'Only operators of this site may read the log.');
      socket.data = { caller, leave: this.readers.enter(caller.identity ?? addressOf(socket)) };
      this.enter(socket, caller, null);
    } catch (error) {
      this.enter(socket, caller, AppError.from(error));
      throw error;
    }
  }

  handleConnection(socket: LogSocket): void {
    this.logger.debug('Somebody reads the log live', { address: addressOf(socket) });
    const gone = new AbortController();
    const client = new LogClient(this.feed, this.reader, {
      send: (event, told) => socket.emit(event, told),
      get waiting() {
        return (socket.conn as unknown as { writeBuffer: unknown[] }).writeBuffer.length;
      },
    });
    socket.conn.on('drain', () => client.caughtUp());
    socket.on('subscribe', (wanted: unknown, acknowledge: unknown) => {
      void this.subscribe(socket, client, { wanted, acknowledge }, gone.signal);
    });
    const stopJudging = this.keepJudging(socket);
    socket.on('disconnect', () => {
      stopJudging();
      gone.abort();
      client.close();
      socket.data.leave();
    });
  }

  /** The service stops: clients come back when it runs again. */
  onModuleDestroy(): void {
    this.namespace?.disconnectSockets(true);
  }

  private async subscribe(
    socket: LogSocket,
    client: LogClient,
    { wanted, acknowledge }: { wanted: unknown; acknowledge: unknown },
    signal: AbortSignal,
  ): Promise<void> {
    // Without one, what there is comes as if it happened now.
    const answer: Acknowledge | null = typeof acknowledge === 'function' ? (acknowledge as Acknowledge) : null;
    try {
      const asked = (await this.pipe.transform(wanted ?? {}, { type: 'body', metatype: SubscribeDto })) as SubscribeDto;
      const items = await client.subscribe(asked, signal);
      if (items === null || signal.aborted) return;
      if (answer) answer({ ok: true, items });
      else for (const entry of items) socket.emit('log', entry);
    } catch (error) {
      if (signal.aborted) return;
      const { code, message: detail, errors } = AppError.from(error);
      if (code === 'internal_error') this.logger.warning('The log could not be read for somebody', { error });
      answer?.({ ok: false, code, detail, errors });
    }
  }

  /** Cuts a socket when its token ends, or is none of an operator any more; returns what ends the judging. */
  private keepJudging(socket: LogSocket): () => void {
    const { expiresAt } = socket.data.caller;
    const judge = async () => {
      try {
        const caller = await this.authenticator.callerWith(tokenOf(socket));
        if (!isOperator(caller)) cut(socket, new AppError('forbidden', 'You are no operator of this site any more.'));
      } catch (error) {
        const refusal = AppError.from(error);
        // What cannot be judged just now was good a minute ago, and ends by itself.
        if (refusal.code !== 'auth_unavailable') cut(socket, refusal);
      }
    };
    const again = setInterval(() => void judge(), JUDGE_MS).unref();
    const ended = new AppError('unauthorized', 'The token has expired. Sign in again.');
    const end = expiresAt && setTimeout(() => cut(socket, ended), millisecondsUntil(expiresAt)).unref();
    return () => {
      clearInterval(again);
      clearTimeout(end ?? undefined);
    };
  }

  private enter(socket: LogSocket, caller: Caller | null, refusal: AppError | null): void {
    const nothing = { asked: null, username: null, operationId: null, batchId: null, requestId: null };
    const code = refusal?.code ?? null;
    this.trail.add(
      {
        ...nothing,
        caller: caller?.identity ?? null,
        callerName: caller?.username ?? null,
        role: caller?.role ?? null,
        address: addressOf(socket),
        request: 'SOCKET /logs',
        decision: refusal === null ? 'allowed' : 'denied',
        status: code === null ? 101 : STATUS[code],
        code,
      },
      true,
    );
  }
}

/** Undefined where nobody signed in; what is no text is a token that is not accepted. */
function tokenOf({ handshake }: LogSocket): string | undefined {
  const { token } = handshake.auth as { token?: unknown };
  if (token === undefined || token === null) return undefined;
  return typeof token === 'string' ? token : '';
}

/** As Express knows it: which proxies are believed is for `TRUST_PROXY` to say. */
function addressOf({ request, handshake }: LogSocket): string {
  return (request as unknown as Request).ip ?? handshake.address;
}

function refusalOf({ code, message }: AppError): Error {
  return Object.assign(new Error(message), { data: { code, detail: message } });
}

function cut(socket: LogSocket, { code, message: detail }: AppError): void {
  socket.emit('end', { code, detail });
  socket.disconnect(true);
}
