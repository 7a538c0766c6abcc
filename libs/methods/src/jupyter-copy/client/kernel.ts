import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { AppError } from '@app/core';
import { type RawData, WebSocket } from 'ws';
import { encodeSegment } from './contents-path';
import { deadline } from './deadline';
import { REPLY_LIMIT } from './http';
import { member, textMember } from './json-value';
import { executeRequest, hear, type Heard } from './kernel-message';
import { ServerDown, ServerRefused } from './server-errors';
import { ServerHttp, type ServerOptions } from './server-http';

/** How to run a program in a kernel. */
export interface RunOptions {
  signal: AbortSignal;
  /** Then it is `jupyter_timeout`; the program may run on until the kernel is closed. Default: as long as it takes. */
  timeoutMs?: number;
}

/** How to start a kernel. */
export interface StartKernelOptions extends ServerOptions {
  signal: AbortSignal;
  /** How often the connection is tried; two silent times and it is dead. */
  pingMs?: number;
}

/** A server is silent while it writes a large chunk, which is no sign of its end. */
const PING_MS = 30_000;
const HANDSHAKE_MS = 60_000;
/** A kernel that was asked for is waited for also when nobody wants it any more: else it would stay. */
const START_MS = 60_000;
const CLOSE_MS = 10_000;

/**
 * A kernel of a user's server, which is still to be started; null where the site has none that speaks Python. Rejects
 * with `ServerDown` when the server is gone and with the signal's reason.
 */
export async function findKernel(options: StartKernelOptions): Promise<Kernel | null> {
  const http = new ServerHttp(options);
  try {
    const specs = await http.call('api/kernelspecs', { what: 'list its kernels', signal: options.signal });
    const name = pythonKernel(specs.json);
    return name === null ? null : new Kernel(http, name, options.pingMs ?? PING_MS);
  } catch (error) {
    if (isNo(error)) return null;
    throw error;
  }
}

/** A server that is only too busy has kernels all the same. */
function isNo(error: unknown): boolean {
  return error instanceof ServerRefused && error.code !== 'jupyter_unavailable';
}

/** The site's usual kernel when it speaks Python, else another that does, else null. */
function pythonKernel(json: unknown): string | null {
  const specs = member(json, 'kernelspecs');
  if (typeof specs !== 'object' || specs === null) return null;
  const speaksPython = (name: string) => {
    return textMember(member(member(specs, name), 'spec'), 'language').toLowerCase() === 'python';
  };
  return [textMember(json, 'default'), ...Object.keys(specs)].find(speaksPython) ?? null;
}

async function connect(http: ServerHttp, path: string, signal: AbortSignal): Promise<WebSocket> {
  const { address, headers } = http.socket(path);
  const socket = new WebSocket(address, {
    headers,
    handshakeTimeout: HANDSHAKE_MS,
    maxPayload: REPLY_LIMIT,
    followRedirects: false,
    perMessageDeflate: false,
  });
  try {
    await once(socket, 'open', { signal });
    return socket;
  } catch (error) {
    // Ending a handshake is told as an error; nobody waits for it any more.
    socket.on('error', () => undefined).terminate();
    signal.throwIfAborted();
    throw new ServerDown("The kernel of the user's Jupyter server cannot be reached", { cause: error });
  }
}

/** Whatever becomes of it: a server that went down took the kernel with it. */
async function removeKernel(http: ServerHttp, path: string): Promise<void> {
  const signal = AbortSignal.timeout(CLOSE_MS);
  await http
    .call(path, { method: 'DELETE', what: 'end a kernel', accepted: [204, 404], signal })
    .catch(() => undefined);
}

/**
 * A Python kernel of a user's server, for programs of ours, which run in the root of the contents. What they return is
 * the user's word: it proves nothing. Whoever found it closes it, whether or not it could be started.
 */
export class Kernel {
  private readonly session = randomUUID();
  /** The kernel's path below the server, once the server has told it; null where it starts none. */
  private starting: Promise<string | null> | undefined;
  private socket: WebSocket | undefined;
  private isAlive = true;

  constructor(
    private readonly http: ServerHttp,
    private readonly name: string,
    private readonly pingMs: number,
  ) {}

  /**
   * Starts it and connects to it; false where the server starts none. Rejects with `ServerDown` when the server is gone,
   * and with the signal's reason.
   */
  async open(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    this.starting = this.start();
    const path = await unlessAborted(this.starting, signal);
    if (path === null) return false;
    const socket = await connect(this.http, `${path}/channels?session_id=${this.session}`, signal);
    this.socket = socket;
    // Errors are followed by 'close', which whoever waits hears of.
    socket.on('error', () => undefined);
    for (const sign of ['pong', 'message']) socket.on(sign, () => (this.isAlive = true));
    const pings = setInterval(() => this.ping(socket), this.pingMs).unref();
    socket.once('close', () => clearInterval(pings));
    return true;
  }

  private async start(): Promise<string | null> {
    const signal = AbortSignal.timeout(START_MS);
    // With a path, even an empty one, the kernel works in the root of the contents, else wherever the server was started.
    const call = { method: 'POST', json: { name: this.name, path: '' }, what: 'start a kernel', signal } as const;
    try {
      const id = textMember((await this.http.call('api/kernels', call)).json, 'id');
      return id === '' ? null : `api/kernels/${encodeSegment(id)}`;
    } catch (error) {
      if (isNo(error)) return null;
      throw error;
    }
  }

  /**
   * Runs a program that finds its input in the variable `data` and leaves what it found in `result`; both are JSON. Runs
   * of one kernel come one after the other. Rejects with `jupyter_rejected` when the program fails or the kernel dies,
   * with `ServerDown` when the connection breaks, with `jupyter_timeout`, and with the signal's reason.
   */
  async run(code: string, data: unknown, { signal, timeoutMs }: RunOptions): Promise<unknown> {
    signal.throwIfAborted();
    const limit = timeoutMs === undefined ? undefined : deadline(signal, timeoutMs);
    const request = executeRequest(this.session, code, data);
    try {
      return valueOf(await this.reply(request.id, request.text, limit?.signal ?? signal));
    } catch (error) {
      signal.throwIfAborted();
      if (limit?.isOver) {
        const message = "A kernel of the user's Jupyter server did not do its work in time; try again later.";
        throw new AppError('jupyter_timeout', message);
      }
      throw error;
    } finally {
      limit?.end();
    }
  }

  private reply(id: string, text: string, signal: AbortSignal): Promise<Heard> {
    const { socket } = this;
    if (!socket) throw new Error('The kernel was not opened');
    return new Promise<Heard>((resolve, reject) => {
      const settle = (how: () => void) => {
        socket.off('message', listen).off('close', broken);
        signal.removeEventListener('abort', aborted);
        how();
      };
      const listen = (message: RawData, isBinary: boolean) => {
        const heard = isBinary ? undefined : hear((message as Buffer).toString('utf8'), id);
        if (heard && heard.kind !== 'other') settle(() => resolve(heard));
      };
      const broken = () => settle(() => reject(new ServerDown('The connection to the kernel broke')));
      const aborted = () => settle(() => reject(signal.reason as Error));
      socket.on('message', listen).once('close', broken);
      signal.addEventListener('abort', aborted);
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
      else broken();
    });
  }

  private ping(socket: WebSocket): void {
    if (!this.isAlive) return socket.terminate();
    this.isAlive = false;
    socket.ping();
  }

  /** Ends the kernel with whatever runs in it. Never rejects: a server that went down took the kernel with it. */
  async close(): Promise<void> {
    this.socket?.terminate();
    const path = await this.starting?.catch(() => null);
    if (path) await removeKernel(this.http, path);
  }
}

function valueOf(heard: Heard): unknown {
  if (heard.kind === 'result') return heard.value;
  const why = heard.kind === 'error' ? `its program failed (${heard.name})` : 'it died';
  throw new AppError('jupyter_rejected', `A kernel of the user's Jupyter server did not do its work: ${why}.`);
}

/** Leaves a promise to itself when nobody wants its result any more. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
