import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { addressOf } from '@app/composition';
import { AppError, Settings } from '@app/core';
import { AppLogger } from '@app/logging';
import { PROBLEM_TYPE, problemOf } from './problem';
import { type WatchAnswer, WatchPages, type WatchRequest } from './watch-pages';

/** Those who watch send a few lines, and at once: whoever does otherwise is cut. Times in milliseconds. */
const LIMITS = {
  maxHeaderSize: 16_384,
  headersTimeout: 5000,
  requestTimeout: 10_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 1000,
};
/** Connections at once; further ones are closed. */
const MAX_CONNECTIONS = 64;

/**
 * The few addresses of a worker for those who watch it, at `HOST:WORKER_HTTP_PORT`; none where that port is not set. It
 * answers from before the first work is taken until the last has ended.
 */
@Injectable()
export class WatchServer implements OnModuleInit, OnApplicationShutdown {
  private server: Server | undefined;

  constructor(
    private readonly pages: WatchPages,
    private readonly settings: Settings,
    private readonly logger: AppLogger,
  ) {}

  /** Rejects when the port cannot be had: that ends the start. */
  async onModuleInit(): Promise<void> {
    const port = this.settings.get('WORKER_HTTP_PORT');
    if (port === undefined) return;
    const server = createServer(LIMITS, (request, response) => void this.serve(request, response));
    server.maxConnections = MAX_CONNECTIONS;
    server.listen(port, this.settings.get('HOST'));
    await once(server, 'listening');
    this.server = server;
    this.logger.info(`Listening on ${addressOf(server)}`);
  }

  async onApplicationShutdown(): Promise<void> {
    const { server } = this;
    if (!server) return;
    const closed = once(server, 'close');
    server.close();
    // Answers are short: who still waits for one is not worth waiting for.
    server.closeAllConnections();
    await closed;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = askedBy(request);
    // No address takes a body: the connection is closed rather than reading one.
    if (hasBody(request)) response.setHeader('Connection', 'close');
    try {
      send(response, await this.pages.answer(asked));
    } catch (thrown) {
      const error = AppError.from(thrown);
      if (error.code === 'internal_error') this.logger.error(error.message, { path: asked.path, error: error.cause });
      if (error.code === 'method_not_allowed') response.setHeader('Allow', 'GET, HEAD');
      if (error.code === 'unauthorized') response.setHeader('WWW-Authenticate', 'Bearer realm="staging"');
      send(response, { type: PROBLEM_TYPE, ...problemOf(error, asked.path) });
    }
  }
}

function askedBy({ method = '', url = '', headers, socket }: IncomingMessage): WatchRequest {
  return {
    method,
    path: url.replace(/[?#].*$/s, ''),
    host: headers.host,
    origin: headers.origin,
    authorization: headers.authorization,
    address: socket.remoteAddress,
    isPassedOn: headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined,
  };
}

function hasBody({ headers }: IncomingMessage): boolean {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = headers;
  return length !== '0' || encoding !== undefined;
}

/** Node leaves the body out of an answer to HEAD. */
function send(response: ServerResponse, { status, type, body }: WatchAnswer): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(body);
}
