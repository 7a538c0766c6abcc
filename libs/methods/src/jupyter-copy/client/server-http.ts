import { AppError } from '@app/core';
import { type Dispatcher } from 'undici';
import { type Call, JupyterHttp, type Reply, ReplyTooLong } from './http';
import { textMember } from './json-value';
import { isTimeout, notAServer, refusal, ServerDown, ServerRefused } from './server-errors';
import { type Token } from './token';

/** Statuses of the proxy, the hub or a gateway in front of a server that is down (jupyter.md, "Hub"). */
const DOWN = new Set([301, 302, 303, 307, 308, 424, 502, 503, 504]);

/** A call of a user's server; `what` continues "The server refused to". */
export interface ServerCall extends Call {
  what: string;
  /** Statuses that are no refusal (default: 200, 201, 204). */
  accepted?: number[];
}

/** Where a user's server is, and what opens it. */
export interface ServerOptions {
  /** Address of the server: `https://h/user/jane/`. */
  url: string;
  /** A token for this server; never the service's own one, since the user can read what arrives there. */
  token: Token;
  agent: Dispatcher;
}

/**
 * The JSON API of a user's server. Rejects with {@link ServerDown} when it is gone, with {@link ServerRefused} when it
 * says no, with `jupyter_timeout` when nothing comes back. What it replies is the user's word.
 */
export class ServerHttp {
  private readonly http: JupyterHttp;

  constructor(options: ServerOptions) {
    this.http = new JupyterHttp(options.url, options.token, options.agent);
  }

  /** Address and headers for one WebSocket at a path. */
  socket(path: string): { address: URL; headers: Record<string, string> } {
    const address = this.http.address(path);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    return { address, headers: this.http.callHeaders() };
  }

  async call(path: string, call: ServerCall): Promise<Reply> {
    const reply = await this.send(path, call);
    const { status, json } = reply;
    if ((call.accepted ?? [200, 201, 204]).includes(status) && (json !== undefined || status === 204)) return reply;
    if (json === undefined && (DOWN.has(status) || status === 405)) {
      throw new ServerDown(`The user's Jupyter server is not there (status ${status})`);
    }
    if (status < 300) throw notAServer(status);
    throw refusal(status, textMember(json, 'message'), call.what);
  }

  private async send(path: string, call: ServerCall): Promise<Reply> {
    try {
      return await this.http.call(path, call);
    } catch (error) {
      call.signal.throwIfAborted();
      if (error instanceof ReplyTooLong) {
        throw new ServerRefused(0, `The user's Jupyter server answered with too much when asked to ${call.what}.`);
      }
      if (isTimeout(error)) {
        const message = `The user's Jupyter server did not ${call.what} in time; try again later.`;
        throw new AppError('jupyter_timeout', message, { cause: error });
      }
      throw new ServerDown("The user's Jupyter server cannot be reached", { cause: error });
    }
  }
}
