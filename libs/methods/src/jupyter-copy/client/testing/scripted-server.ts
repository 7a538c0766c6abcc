import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type Duplex } from 'node:stream';

/** A request as it arrived. */
export interface Received {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
}

/** A plain web server that plays hubs and servers, also such as never were. */
export interface ScriptedServer {
  /** Its address, with a slash at its end. */
  url: string;
  received: Received[];
  /** What it does with each request. */
  answer: (request: IncomingMessage, response: ServerResponse) => void;
  /** What it does with requests for a WebSocket. */
  onUpgrade(how: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): void;
  close(): Promise<void>;
}

/** Starts a web server on a free port of 127.0.0.1 whose behaviour each test sets. */
export async function scriptedServer(): Promise<ScriptedServer> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    received.push({ method: request.method!, url: request.url!, headers: request.headers });
    scripted.answer(request, response);
  });
  const upgraded = new Set<Duplex>();
  let upgrade: Parameters<ScriptedServer['onUpgrade']>[0] = (_request, socket) => socket.destroy();
  server.on('upgrade', (request, socket, head) => {
    received.push({ method: request.method!, url: request.url!, headers: request.headers });
    upgraded.add(socket);
    upgrade(request, socket, head);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const scripted: ScriptedServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    received,
    answer: (_request, response) => void response.writeHead(500).end(),
    onUpgrade: (how) => (upgrade = how),
    close: async () => {
      for (const socket of upgraded) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return scripted;
}

/** Answers everything with one status and body; an object is sent as JSON, text as a page. */
export function always(status: number, body: unknown, headers: Record<string, string> = {}): ScriptedServer['answer'] {
  const type = typeof body === 'string' ? 'text/html' : 'application/json';
  return (request, response) => {
    request.resume();
    response.writeHead(status, { 'content-type': type, ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

/** Answers with a body that never ends. */
export function endless(headers: Record<string, string>): ScriptedServer['answer'] {
  const piece = ' '.repeat(64 * 1024);
  return (request, response) => {
    request.resume();
    response.writeHead(200, headers);
    const more = () => {
      while (!response.destroyed && response.write(piece));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  };
}
