import { createServer, IncomingMessage, type RequestListener, type Server, STATUS_CODES } from 'node:http';
import { type Socket } from 'node:net';
import { type Duplex } from 'node:stream';
import { AppError } from '@app/core';
import { LINGER_MS } from './lingering-end';
import { PROBLEM_TYPE, problemOf } from './problem';

/** How long a client may take, in milliseconds. Answers have no limit: an operation takes as long as it takes. */
export interface ServerLimits {
  /** For a request's head. */
  headersTimeout: number;
  /** For a whole request with its body. */
  requestTimeout: number;
  /** Between two requests on one connection; longer than usual proxies keep theirs, so that they close first. */
  keepAliveTimeout: number;
  /** How often the first two are looked at: Node's default of 30 s would make them much longer than they say. */
  connectionsCheckingInterval: number;
}

export const SERVER_LIMITS: ServerLimits = {
  headersTimeout: 20_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 1000,
};

/** What Node's parser found wrong with a request, by its code: status and problem. Everything else is a 400. */
const PARSER_FAULTS: Record<string, readonly [number, AppError]> = {
  HPE_HEADER_OVERFLOW: [431, new AppError('payload_too_large', 'The head of the request is larger than 16384 bytes.')],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, new AppError('payload_too_large', 'The chunk extensions are too large.')],
  ERR_HTTP_REQUEST_TIMEOUT: [408, new AppError('validation_failed', 'The request did not arrive in time.')],
};
const MALFORMED = [400, new AppError('validation_failed', 'The request is not proper HTTP/1.1.')] as const;

/** An HTTP server that cuts slow clients and answers malformed requests with a problem document. Does not listen. */
export function createApiServer(listener: RequestListener, limits: ServerLimits): Server {
  // A missing Host is refused with a problem document by the site's guard, not by Node with an empty answer.
  const server = createServer({ ...limits, requireHostHeader: false, IncomingMessage: ApiRequest }, listener);
  server.on('clientError', answerParserFault);
  // RFC 9110, 10.1.1 allows ignoring an expectation that is not known; Node would answer without a body.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  return server;
}

/** Where sockets are: a proxy may leave a path in front. */
const SOCKET_ADDRESS = /^[^?#]*\/socket\.io\//;

/**
 * A request whose wish for another protocol is heard where there is one, and ignored elsewhere, as RFC 9110, 7.8 allows: Node
 * would take every request that has one (of Java's HTTP client each is asked for as HTTP/2) for a socket, as soon as there
 * are any, and nobody would answer it.
 */
class ApiRequest extends IncomingMessage {
  set upgrade(isWanted: boolean) {
    upgrades.set(this, isWanted);
  }

  get upgrade(): boolean {
    if (this.method === 'CONNECT') return true;
    const isSocket = this.headers.upgrade?.toLowerCase() === 'websocket' && SOCKET_ADDRESS.test(this.url ?? '');
    return isSocket && upgrades.get(this) === true;
  }
}

/** What Node said; a field of the class would not be there yet when its parent's constructor says so first. */
const upgrades = new WeakMap<IncomingMessage, boolean>();

function answerParserFault(error: NodeJS.ErrnoException, socket: Socket): void {
  if (socket.writableEnded && !socket.destroyed) return; // more of a request that was answered already
  if (!socket.writable || hasBegunToAnswer(socket)) {
    socket.destroy();
    return;
  }
  const [status, fault] = PARSER_FAULTS[error.code ?? ''] ?? MALFORMED;
  answerPlainly(socket, fault, status);
}

/** Answers with a problem document where there is a connection alone, and closes it. */
export function answerPlainly(socket: Duplex, fault: AppError, status: number): void {
  const body = JSON.stringify(problemOf(fault, '', status));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  // Closing at once, with unread data, would reset the connection before the answer is read.
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

/** As Node's own handler does: nothing can be told once an answer has begun. */
function hasBegunToAnswer(socket: Socket): boolean {
  const { _httpMessage: message } = socket as Socket & { _httpMessage?: { headersSent: boolean } | null };
  return message?.headersSent === true;
}
