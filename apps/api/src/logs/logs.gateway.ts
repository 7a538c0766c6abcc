import { type OnModuleDestroy } from '@nestjs/common';
import { type OnGatewayConnection, type OnGatewayInit, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { type Request } from 'express';
import { type Namespace, type Socket } from 'socket.io';
import { Authenticator, type Caller, isOperator } from '@app/auth';
import { AppError, type ErrorCode, Settings } from '@app/core';
import { AppLogger, LogFeed, LogReader } from '@app/logging';
import { type AuditDecision, AuditTrail } from '@app/records';
import { isDenial } from '../audit/denials';
import { ReaderLimit } from '../auth/reader-limit';
import { STATUS } from '../http/error-status';
import { RequestBudget } from '../http/rate-limit';
import { RequestPipe } from '../http/request-pipe';
import { type Connection } from './connection';
import { SubscribeDto } from './dto/subscribe.dto';
import { LogClient, MAX_WAITING } from './log-client';
import { SocketBudget } from './socket-budget';
import { watchToken } from './token-watch';

/** What the service keeps of a socket. */
interface SocketData {
  caller: Caller;
  /** Frees its place among the reader's sockets; may be called again. */
  leave: () => void;
}
type LogSocket = Socket<Record<string, never>, Record<string, (...told: unknown[]) => void>, object, SocketData>;

/** What a client is told that asked for something. */
type Acknowledge = (answer: object) => void;

/** Answers a subscription that another one overtook: the lines are those of the other one. */
const SUPERSEDED = { ok: false, code: 'superseded', detail: 'Another subscription took the place of this one.' };

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
  private readonly budget: SocketBudget;
  private readonly pipe = new RequestPipe();
  /** Connections by which somebody is being judged, or was refused. */
  private readonly judging = new WeakSet<Connection>();

  constructor(
    private readonly authenticator: Authenticator,
    private readonly feed: LogFeed,
    private readonly reader: LogReader,
    private readonly trail: AuditTrail,
    private readonly logger: AppLogger,
    budget: RequestBudget,
    settings: Settings,
  ) {
    this.readers = new ReaderLimit(settings.get('MAX_EVENT_STREAMS_PER_USER'));
    this.budget = new SocketBudget(budget);
  }

  /** Nobody is connected who may not be: not even for a moment. */
  afterInit(namespace: Namespace): void {
    namespace.server.engine.on('connection', (connection: Connection) => this.budget.begin(connection));
    namespace.use((socket, next) => {
      const connection = connectionOf(socket as LogSocket);
      // Clients wait for the answer; for others each try costs a connection, not a few bytes.
      if (this.judging.has(connection)) return connection.close();
      this.judging.add(connection);
      this.admit(socket as LogSocket).then(
        () => {
          this.judging.delete(connection);
          next();
        },
        (error: unknown) => {
          next(refusalOf(AppError.from(error)));
          // The answer is sent in a later turn, before this.
          setImmediate(() => connection.close());
        },
      );
    });
  }

  private async admit(socket: LogSocket): Promise<void> {
    let caller: Caller | null = null;
    try {
      caller = await this.callerOf(socket);
      if (!isOperator(caller)) throw new AppError('forbidden', 'Only operators of this site may read the log.');
      // Who hung up meanwhile is never connected, and would keep the place for ever.
      if (connectionOf(socket).readyState !== 'open') return;
      const leave = onlyOnce(this.readers.enter(caller.identity ?? addressOf(socket)));
      connectionOf(socket).once('close', leave);
      socket.data = { caller, leave };
      this.enter(socket, caller, null);
    } catch (error) {
      this.enter(socket, caller, AppError.from(error));
      throw error;
    }
  }

  /** As for requests: who asks too often is told that, whatever is wrong with their token. */
  private async callerOf(socket: LogSocket): Promise<Caller> {
    const connection = connectionOf(socket);
    const caller = await this.authenticator.callerWith(tokenOf(socket)).catch(async (error: unknown) => {
      await this.budget.settle(connection, null);
      throw error;
    });
    await this.budget.settle(connection, caller);
    return caller;
  }

  handleConnection(socket: LogSocket): void {
    const address = addressOf(socket);
    const connection = connectionOf(socket);
    const client = new LogClient(this.feed, this.reader, {
      send: (event, told) => void socket.emit(event, told),
      get waiting() {
        return connection.writeBuffer.length;
      },
    });
    const onDrain = () => client.caughtUp();
    connection.on('drain', onDrain);
    const stopWatching = watchToken({
      expiresAt: socket.data.caller.expiresAt,
      judge: () => this.authenticator.callerWith(tokenOf(socket)),
      onEnd: (reason) => cut(socket, reason),
    });
    socket.on('subscribe', (...sent: unknown[]) => void this.subscribe(socket, client, sent));
    socket.on('disconnect', () => {
      stopWatching();
      client.close();
      // The connection may outlive the socket, and carry another one.
      connection.off('drain', onDrain);
      connection.off('close', socket.data.leave);
      socket.data.leave();
      this.logger.debug('Somebody reads the log live no more', { address });
    });
    this.logger.debug('Somebody reads the log live', { address });
  }

  /** The service stops: clients come back when it runs again. */
  onModuleDestroy(): void {
    this.namespace?.disconnectSockets(true);
  }

  private async subscribe(socket: LogSocket, client: LogClient, sent: unknown[]): Promise<void> {
    // Answers pile up for somebody who asks again and again and takes none.
    if (connectionOf(socket).writeBuffer.length >= 2 * MAX_WAITING) return void socket.disconnect(true);
    const last = sent.at(-1);
    const acknowledge = typeof last === 'function' ? (last as Acknowledge) : null;
    const wanted = sent[0] === last && acknowledge ? undefined : sent[0];
    try {
      await this.budget.subscribe(connectionOf(socket), socket.data.caller);
      const asked = (await this.pipe.transform(wanted ?? {}, { type: 'body', metatype: SubscribeDto })) as SubscribeDto;
      // Who went while that was looked at would be subscribed for ever.
      if (!socket.connected) return;
      const isReady = await client.subscribe(asked, (items) => {
        if (acknowledge) acknowledge({ ok: true, items });
        // Where nobody waits for an answer, what there is comes as if it happened now.
        else for (const entry of items) socket.emit('log', entry);
      });
      if (!isReady) acknowledge?.(SUPERSEDED);
    } catch (error) {
      const { code, message: detail, errors } = AppError.from(error);
      if (code === 'internal_error') this.logger.warning('The log could not be read for somebody', { error });
      acknowledge?.({ ok: false, code, detail, ...(errors && { errors }) });
    }
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
        decision: decisionOf(code),
        status: code === null ? 101 : STATUS[code],
        code,
      },
      true,
    );
  }
}

/** Only a refusal is a denial: that the provider is away, or the client, is nobody's fault here. */
function decisionOf(code: ErrorCode | null): AuditDecision {
  if (code === null) return 'allowed';
  return isDenial(code) ? 'denied' : 'failed';
}

function connectionOf({ conn }: LogSocket): Connection {
  return conn as unknown as Connection;
}

function onlyOnce(work: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) work();
    isDone = true;
  };
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
