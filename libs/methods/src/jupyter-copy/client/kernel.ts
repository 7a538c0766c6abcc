import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { AppError } from '@app/core';
import { type RawData, WebSocket } from 'ws';
import { encodeSegment } from './contents-path';
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

/** How to open a kernel. */
export interface OpenKernelOptions extends ServerOptions {
  signal: AbortSignal;
  /** How often the connection is tried; two silent times and it is dead. */
  pingMs?: number;
}

/** A server is silent while it writes a large chunk, which is no sign of its end. */
const PING_MS = 30_000;
const HANDSHAKE_MS = 60_000;
const CLOSE_MS = 10_000;

/**
 * Starts a kernel on a user's server; null where the site has none. Rejects with `ServerDown` when the server is gone
 * and with the signal's reason. Its programs run in the root of the contents. The caller closes it.
 */
export async function openKernel(options: OpenKernelOptions): Promise<Kernel | null> {
  const http = new ServerHttp(options);
  const id = await startKernel(http, options.signal);
  if (id === null) return null;
  const session = randomUUID();
  const path = `api/kernels/${encodeSegment(id)}`;
  try {
    const socket = await connect(http, `${path}/channels?session_id=${session}`, options.signal);
    return new Kernel(http, path, session, socket, options.pingMs ?? PING_MS);
  } catch (error) {
    await removeKernel(http, path);
    throw error;
  }
}

async function startKernel(http: ServerHttp, signal: AbortSignal): Promise<string | null> {
  try {
    const specs = await http.call('api/kernelspecs', { what: 'list its kernels', signal });
    const name = pythonKernel(specs.json);
    if (name === null) return null;
    // With a path, even an empty one, the kernel works in the root of the contents, else wherever the server was started.
    const call = { method: 'POST', json: { name, path: '' }, what: 'start a kernel', signal } as const;
    const { json } = await http.call('api/kernels', call);
    return textMember(json, 'id') || null;
  } catch (error) {
    if (error instanceof ServerRefused) return null;
    throw error;
  }
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

/** A Python kernel of a user's server, for programs of ours. What they return is the user's word: it proves nothing. */
export class Kernel {
  private readonly pings: NodeJS.Timeout;
  private isAlive = true;

  constructor(
    private readonly http: ServerHttp,
    private readonly path: string,
    private readonly session: string,
    private readonly socket: WebSocket,
    pingMs: number,
  ) {
    // Errors are followed by 'close', which whoever waits hears of.
    socket.on('error', () => undefined);
    for (const sign of ['pong', 'message']) socket.on(sign, () => (this.isAlive = true));
    this.pings = setInterval(() => this.ping(), pingMs).unref();
    socket.once('close', () => clearInterval(this.pings));
  }

  /**
   * Runs a program that finds its input in the variable `data` and leaves what it found in `result`; both are JSON. Runs
   * of one kernel come one after the other. Rejects with `jupyter_rejected` when the program fails or the kernel dies,
   * with `ServerDown` when the connection breaks, with `jupyter_timeout`, and with the signal's reason.
   */
  async run(code: string, data: unknown, { signal, timeoutMs }: RunOptions): Promise<unknown> {
    signal.throwIfAborted();
    const timeout = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
    const ending = timeout ? AbortSignal.any([signal, timeout]) : signal;
    const request = executeRequest(this.session, code, data);
    try {
      return valueOf(await this.reply(request.id, request.text, ending));
    } catch (error) {
      signal.throwIfAborted();
      if (timeout?.aborted) {
        const message = "A kernel of the user's Jupyter server did not do its work in time; try again later.";
        throw new AppError('jupyter_timeout', message);
      }
      throw error;
    }
  }

  private reply(id: string, text: string, signal: AbortSignal): Promise<Heard> {
    const { socket } = this;
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

  private ping(): void {
    if (!this.isAlive) return this.socket.terminate();
    this.isAlive = false;
    this.socket.ping();
  }

  /** Ends the kernel with whatever runs in it. Never rejects: a server that went down took the kernel with it. */
  async close(): Promise<void> {
    this.socket.terminate();
    await removeKernel(this.http, this.path);
  }
}

function valueOf(heard: Heard): unknown {
  if (heard.kind === 'result') return heard.value;
  const why = heard.kind === 'error' ? `its program failed (${heard.name})` : 'it died';
  throw new AppError('jupyter_rejected', `A kernel of the user's Jupyter server did not do its work: ${why}.`);
}
