import { type IncomingMessage, ServerResponse } from 'node:http';
import { type Duplex } from 'node:stream';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { type NestExpressApplication } from '@nestjs/platform-express';
import { type Express, type Request, type RequestHandler, type Response } from 'express';
import { type Server, type ServerOptions } from 'socket.io';
import { AppError } from '@app/core';
import { answerPlainly } from '../http/api-server';
import { STATUS } from '../http/error-status';
import { PROBLEM_TYPE, problemOf } from '../http/problem';
import { siteGuard, type SiteRules } from '../http/site-guard';
import { type Connection } from './connection';

/** Where sockets are, below the service's own address. */
const SOCKET_PATH = '/socket.io';
/** Largest message of a client, in bytes: a subscription has a level and a text. */
const MAX_MESSAGE_BYTES = 16_384;
/** Time that clients get to say what they connect to, in milliseconds. */
const CONNECT_MS = 10_000;
/** Time that clients get to take what they were sent when the service stops, in milliseconds. */
const CLOSE_MS = 2000;
/**
 * Messages that wait at most for a client that is not let in (yet): socket.io answers whatever it sends, and repeats names of up
 * to the largest message.
 */
const MAX_FOR_STRANGERS = 16;
/** Messages that wait at most for any other client: more than the log lets wait by itself. */
const MAX_UNTAKEN = 10_000;

/** How sockets are served. */
export interface SocketOptions {
  rules: SiteRules;
  /** Where a proxy shows the service, which it may leave in the address. */
  prefix: string;
}

/**
 * Serves sockets beside HTTP, on the same port: by the same names, to the same pages. Each request of theirs, for polling as for
 * a WebSocket, the first as every other, passes the site's rules before anything else.
 */
export class SocketAdapter extends IoAdapter {
  private readonly express: Express;
  private readonly guard: RequestHandler;
  private readonly connections = new Set<Duplex>();
  private io: Server | undefined;

  constructor(
    private readonly app: NestExpressApplication,
    private readonly options: SocketOptions,
  ) {
    super(app);
    this.express = app.getHttpAdapter().getInstance();
    this.guard = siteGuard(options.rules);
  }

  override createIOServer(port: number, options?: ServerOptions): Server {
    const io = super.createIOServer(port, {
      ...options,
      path: SOCKET_PATH,
      serveClient: false,
      connectTimeout: CONNECT_MS,
      maxHttpBufferSize: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      httpCompression: false,
    }) as Server;
    io.engine.use(this.admit.bind(this));
    cutThoseWhoTakeNothing(io);
    // It is there whether it is wanted or not; nobody is asked who they are in it.
    io.of('/').use((_socket, next) => next(new Error('Nothing is here. Connect to /logs.')));
    this.prepareRequests();
    this.io = io;
    return io;
  }

  /** Nothing: sockets end together, in {@link dispose}. */
  override close(): Promise<void> {
    return Promise.resolve();
  }

  /** Ends the sockets, and leaves the HTTP server to whoever owns it, who waits for them: some take nothing any more. */
  override dispose(): Promise<void> {
    this.io?.disconnectSockets(true);
    this.io?.engine.close();
    setTimeout(() => this.connections.forEach((connection) => connection.destroy()), CLOSE_MS).unref();
    return Promise.resolve();
  }

  /** Lets a request on to socket.io by `next`, or answers it. */
  private admit(message: IncomingMessage, answer: unknown, next: () => void): void {
    const request = asExpress(message, this.express);
    try {
      // A WebSocket has no answer that a page could read, whose headers would matter.
      if (isAnswer(answer)) return void this.guard(request, asAnswer(answer, this.express), next);
      this.options.rules.check(request);
      next();
    } catch (error) {
      refuse(message, answer, AppError.from(error));
    }
  }

  /** Before socket.io looks at the address, which has one form there. */
  private prepareRequests(): void {
    const prefixed = this.options.prefix + SOCKET_PATH;
    const strip = (request: IncomingMessage) => {
      if (request.url?.startsWith(prefixed)) request.url = request.url.slice(this.options.prefix.length);
    };
    const server = this.app.getHttpServer();
    server.prependListener('request', strip);
    server.prependListener('upgrade', (request: IncomingMessage, connection: Duplex) => {
      strip(request);
      this.connections.add(connection);
      connection.once('close', () => this.connections.delete(connection));
    });
  }
}

/** So that nobody chooses how much memory their answers take by not taking them. */
function cutThoseWhoTakeNothing(io: Server): void {
  const letIn = new WeakSet<object>();
  io.on('new_namespace', (namespace) => namespace.on('connection', ({ conn }) => letIn.add(conn)));
  io.engine.on('connection', (connection: Connection) => {
    connection.on('packetCreate', () => {
      if (connection.writeBuffer.length < (letIn.has(connection) ? MAX_UNTAKEN : MAX_FOR_STRANGERS)) return;
      // Without the first, a client that polls is answered until the second takes effect.
      connection.close();
      connection.close(true);
    });
  });
}

/** Not for a request for a WebSocket, which socket.io gives something that only looks like one. */
function isAnswer(answer: unknown): answer is ServerResponse {
  return answer instanceof ServerResponse;
}

function refuse(message: IncomingMessage, answer: unknown, error: AppError): void {
  const status = STATUS[error.code];
  if (!isAnswer(answer)) {
    message.socket.on('error', () => undefined); // nobody else listens: the client may be gone
    return answerPlainly(message.socket, error, status);
  }
  answer.writeHead(status, { 'Content-Type': PROBLEM_TYPE, 'Cache-Control': 'no-store' });
  answer.end(JSON.stringify(problemOf(error, message.url ?? '', status)));
}

/**
 * The request with what Express knows of it: which proxies are trusted decides who asks, and by which name. Sockets do not
 * come through Express itself.
 */
function asExpress(message: IncomingMessage, app: Express): Request {
  return Object.setPrototypeOf(message, app.request as object) as Request;
}

function asAnswer(answer: ServerResponse, app: Express): Response {
  return Object.setPrototypeOf(answer, app.response as object) as Response;
}
