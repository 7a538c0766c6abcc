import { type Server } from 'node:http';
import { ExpressAdapter } from '@nestjs/platform-express';
import { createApiServer, SERVER_LIMITS } from './api-server';

/** Time that answers get to reach their clients when the service stops, in milliseconds. */
const CLOSE_MS = 2000;

/** Nest's Express adapter on a server with our limits, whose closing does not wait for clients that never end. */
export class ApiHttpAdapter extends ExpressAdapter {
  override initHttpServer(): void {
    this.httpServer = createApiServer(this.getInstance(), SERVER_LIMITS);
  }

  override async close(): Promise<void> {
    const server = this.httpServer as Server;
    const timer = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
    await super.close();
    clearTimeout(timer);
  }
}
