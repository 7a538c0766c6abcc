import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket as TcpSocket } from 'node:net';
import WebSocket from 'ws';
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { onCleanup } from './cleanups';
import { type Answer } from './http-client';
import { type RunningService } from './service';

/** A line of the log. */
export type Line = Answer['body'];
/** How to connect. */
export type Options = Partial<ManagerOptions & SocketOptions>;

const open: Socket[] = [];
afterEach(() => open.splice(0).forEach((socket) => socket.close()));

/** A client of the live log, and what it was told so far; closed after the test. */
export class LogSocket {
  readonly lines: Line[] = [];
  readonly dropped: number[] = [];
  ends: { code: string; detail: string }[] = [];

  private constructor(readonly socket: Socket) {
    open.push(socket);
    socket.on('log', (line: Line) => this.lines.push(line));
    socket.on('dropped', ({ count }: { count: number }) => this.dropped.push(count));
    socket.on('end', (told: { code: string; detail: string }) => this.ends.push(told));
  }

  /** Begins to connect; `refusal` tells what becomes of it. */
  static to(url: string, options: Options = {}, namespace = '/logs'): LogSocket {
    return new LogSocket(
      io(url + namespace, { forceNew: true, reconnection: false, transports: ['websocket'], ...options }),
    );
  }

  /** Connects; throws when it is refused. */
  static async connected(url: string, options: Options = {}): Promise<LogSocket> {
    const client = LogSocket.to(url, options);
    const refused = await client.refusal();
    if (refused) throw new Error(`Refused: ${JSON.stringify(refused)}`);
    return client;
  }

  /** Why it was not let in; null when it was. */
  async refusal(): Promise<{ message: string; data?: { code: string; detail: string } } | null> {
    if (this.socket.connected) return null;
    return new Promise((resolve) => {
      this.socket.once('connect', () => resolve(null));
      this.socket.once('connect_error', (error: Error & { data?: { code: string; detail: string } }) =>
        resolve({ message: error.message, data: error.data }),
      );
    });
  }

  /** Resolves when it is cut. */
  gone(): Promise<unknown> {
    return new Promise((resolve) => this.socket.once('disconnect', resolve));
  }

  /** The answer to a subscription. */
  async subscribe(wanted?: unknown): Promise<Answer['body']> {
    return this.socket.timeout(10_000).emitWithAck('subscribe', wanted);
  }

  messages(): string[] {
    return this.lines.map(({ message }) => message as string);
  }
}

/** A WebSocket to where sockets are, for what no proper client sends. */
export async function rawSocketTo(url: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`, { headers });
  const told: string[] = [];
  socket.on('message', (message: Buffer) => told.push(message.toString()));
  socket.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  onCleanup(() => socket.terminate());
  await once(socket, 'message');
  return { socket, told, ended };
}

/** Makes lines of about a kilobyte with `flood` in them; 6000 are more than sockets hold by themselves. */
export async function flood(service: RunningService, lines: number): Promise<void> {
  const address = `/no-such-flood-${'m'.repeat(1500)}`;
  for (let sent = 0; sent < lines; sent += 50) {
    await Promise.all(Array.from({ length: 50 }, () => service.get(address)));
  }
}

/** A way to a service that can be blocked: what the service sends stays in its own socket then. */
export async function slowLinkTo(url: string) {
  const { port, hostname } = new URL(url);
  const fars: TcpSocket[] = [];
  const nears: TcpSocket[] = [];
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    near.pipe(far);
    far.pipe(near);
    for (const one of [near, far]) one.on('error', () => undefined);
    fars.push(far);
    nears.push(near);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onCleanup(() => {
    server.close();
    for (const one of [...fars, ...nears]) one.destroy();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pause: () => fars.forEach((far) => far.pause()),
    resume: () => fars.forEach((far) => far.resume()),
  };
}
