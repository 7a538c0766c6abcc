import { type IncomingMessage } from 'node:http';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { type NestExpressApplication } from '@nestjs/platform-express';
import { type Express, type Request } from 'express';
import { type Namespace, type Server, type ServerOptions } from 'socket.io';
import { AppError } from '@app/core';
import { type SiteRules } from '../http/site-guard';

/** Where sockets are, below the service's own address. */
const SOCKET_PATH = '/socket.io';
/** Largest message of a client, in bytes: a subscription has a level and a text. */
const MAX_MESSAGE_BYTES = 16_384;

/** How sockets are served. */
export interface SocketOptions {
  rules: SiteRules;
  /** Origins of other sites whose pages may call the service. */
  corsOrigins: string[];
  /** Where a proxy shows the service, which it may leave in the address. */
  prefix: string;
}

/**
 * Serves sockets beside HTTP, on the same port: by the same names, to the same pages. Polling and WebSocket requests pass
 * the site's rules before anything else.
 */
export class SocketAdapter extends IoAdapter {
  private readonly express: Express;

  constructor(
    private readonly app: NestExpressApplication,
    private readonly options: SocketOptions,
  ) {
    super(app);
    this.express = app.getHttpAdapter().getInstance();
  }

  override createIOServer(port: number, options?: ServerOptions): Server {
    const { corsOrigins } = this.options;
    const server = super.createIOServer(port, {
      ...options,
      path: SOCKET_PATH,
      serveClient: false,
      maxHttpBufferSize: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      httpCompression: false,
      allowRequest: (request: IncomingMessage, decide: (error: string | null, isAllowed: boolean) => void) => {
        const refusal = this.refusalOf(request);
        decide(refusal, refusal === null);
      },
      ...(corsOrigins.length > 0 && { cors: { origin: corsOrigins } }),
    }) as Server;
    this.takePrefix();
    return server;
  }

  /** Ends the sockets, and leaves the HTTP server to whoever owns it. */
  override close(server: Server | Namespace): Promise<void> {
    server.disconnectSockets(true);
    if ('engine' in server) server.engine.close();
    return Promise.resolve();
  }

  private refusalOf(request: IncomingMessage): string | null {
    try {
      this.options.rules.check(asExpress(request, this.express));
      return null;
    } catch (error) {
      return AppError.from(error).message;
    }
  }

  /** Before socket.io looks at the address, which has one form there. */
  private takePrefix(): void {
    const { prefix } = this.options;
    if (prefix === '') return;
    const strip = (request: IncomingMessage) => {
      if (request.url?.startsWith(`${prefix}${SOCKET_PATH}`)) request.url = request.url.slice(prefix.length);
    };
    const server = this.app.getHttpServer();
    server.prependListener('request', strip);
    server.prependListener('upgrade', strip);
  }
}

/**
 * The request with what Express knows of it: which proxies are trusted decides who asks, and by which name. Sockets do not
 * come through Express itself.
 */
function asExpress(request: IncomingMessage, app: Express): Request {
  return Object.setPrototypeOf(request, app.request as object) as Request;
}
