import { AppError } from '@app/core';
import { type Dispatcher } from 'undici';
import { encodeSegment } from './contents-path';
import { type Call, isBelow, JupyterHttp, type Reply, ReplyTooLong, withSlash } from './http';
import { member, textMember } from './json-value';
import { readProgress, type ServerProgress } from './progress-stream';
import { isTimeout, RETRY_AFTER_SECONDS } from './server-errors';
import { Token } from './token';

/** What the hub knows of one server of a user. */
export interface ServerState {
  phase: 'down' | 'starting' | 'running' | 'stopping';
  /** Where the server is, with a slash at its end; null when it is down. On the hub's own origin. */
  url: string | null;
}

/** What the hub says when it is asked to start a server. */
export type StartAnswer = 'ready' | 'starting' | 'pending' | 'refused';

/** Whose token a hub got. */
export interface TokenOwner {
  kind: 'user' | 'service';
  name: string;
  /** What the token may do, in the hub's words, with all that is implied. */
  scopes: string[];
}

/** A token that the hub made for one server of one user. */
export interface MintedToken {
  id: string;
  token: Token;
}

const OPERATOR = "the service's operator should look at JUPYTERHUB_URL and JUPYTERHUB_TOKEN";

/**
 * The API of a JupyterHub. Its token is sent to `<url>hub/api/` only. All failures are `AppError`: `jupyter_unavailable`
 * when the hub cannot be reached or is busy, `jupyter_timeout` when it does not answer, `jupyter_user_not_found`,
 * `jupyter_rejected` when it says no or what answers is no hub.
 */
export class HubClient {
  private readonly base: URL;
  private readonly http: JupyterHttp;

  /** `url` is that of the site, before `hub/`: `https://h/` or `https://h/jupyter/`. */
  constructor(options: { url: string; token: Token; agent: Dispatcher }) {
    this.base = withSlash(options.url);
    this.http = new JupyterHttp(new URL('hub/api/', this.base), options.token, options.agent);
  }

  /** Whether the hub answers and takes the token; its version, and whose token it is. */
  async check(signal: AbortSignal): Promise<TokenOwner & { version: string }> {
    const { json } = await this.ask('', { signal });
    const version = textMember(json, 'version');
    if (version === '') throw notAHub();
    return { version, ...(await this.owner(signal)) };
  }

  /** Whose the token is. */
  async owner(signal: AbortSignal): Promise<TokenOwner> {
    const { json } = await this.ask('user', { signal });
    const kind = member(json, 'kind') === 'service' ? 'service' : 'user';
    const scopes = member(json, 'scopes');
    const words = Array.isArray(scopes) ? scopes.filter((scope) => typeof scope === 'string') : [];
    return { kind, name: textMember(json, 'name'), scopes: words };
  }

  /** A user as the hub writes the name, and those of their servers that it knows, by name (`''` is the usual one). */
  async user(name: string, signal: AbortSignal): Promise<{ name: string; servers: Map<string, ServerState> }> {
    const { json } = await this.ask(this.userPath(name), { signal }, [200], name);
    const servers = member(json, 'servers');
    if (typeof servers !== 'object' || servers === null) {
      throw rejected(`The hub does not show the servers of users to this token; ${OPERATOR}: it needs "read:servers".`);
    }
    const states = Object.entries(servers).map(([key, model]) => [key, this.stateOf(model)] as const);
    return { name: textMember(json, 'name') || name, servers: new Map(states) };
  }

  /** The state of one server as the hub sees it; a server that died is `running` for a while. */
  async serverState(user: string, server: string, signal: AbortSignal): Promise<ServerState> {
    const { servers } = await this.user(user, signal);
    return servers.get(server) ?? { phase: 'down', url: null };
  }

  /**
   * Asks the hub to start a server. `ready`: it runs; `starting`: it will, or not, as {@link progress} tells; `pending`: it
   * starts or stops already; `refused`: the hub did not take the request, because the server runs, or is not allowed.
   */
  async startServer(user: string, server: string, signal: AbortSignal): Promise<StartAnswer> {
    const path = this.serverPath(user, server);
    const { status, json } = await this.ask(path, { method: 'POST', signal }, [201, 202, 400, 500], user);
    if (status === 500) throw startFailed(user);
    if (status !== 400) return status === 201 ? 'ready' : 'starting';
    // Best effort: other versions may word it otherwise, and then it is a refusal, which is asked about again.
    return /\bpending\b/i.test(textMember(json, 'message')) ? 'pending' : 'refused';
  }

  /**
   * How a start goes on, until its last frame, which is `ready` or `failed`. Ends without one when the hub closes the
   * stream, and at once when nothing is starting. A server that runs is told as `ready` at once.
   */
  async *progress(user: string, server: string, signal: AbortSignal): AsyncGenerator<ServerProgress> {
    const path = `${this.serverPath(user, server)}/progress`;
    const answer = await this.within(signal, () => this.http.open(path, { signal }, 'text/event-stream'));
    const isStream = String(answer.headers['content-type']).startsWith('text/event-stream');
    if (answer.statusCode !== 200 || !isStream) {
      await answer.body.dump({ limit: 0 }).catch(() => undefined);
      if ([400, 404].includes(answer.statusCode)) return;
      throw refused({ status: answer.statusCode, json: undefined }, undefined);
    }
    const frames = readProgress(answer.body as AsyncIterable<Buffer>);
    try {
      for (;;) {
        const next = await this.within(signal, () => frames.next());
        if (next.done) return;
        const url = next.value.url === null ? null : this.serverUrl(next.value.url);
        yield { ...next.value, url };
        if (next.value.ready || next.value.failed) return;
      }
    } finally {
      answer.body.destroy();
    }
  }

  /** Makes a token of the user's that opens this one server for `seconds` and can do nothing else. */
  async mintToken(user: string, server: string, seconds: number, signal: AbortSignal): Promise<MintedToken> {
    const json = { expires_in: seconds, scopes: [`access:servers!server=${user}/${server}`], note: 'data staging' };
    const path = `${this.userPath(user)}/tokens`;
    const reply = await this.ask(path, { method: 'POST', json, signal }, [200, 201], user);
    const [id, token] = [textMember(reply.json, 'id'), textMember(reply.json, 'token')];
    if (id === '' || token === '') throw notAHub();
    return { id, token: new Token(token) };
  }

  /** Takes a token back; one that is gone already is fine. */
  async revokeToken(user: string, id: string, signal: AbortSignal): Promise<void> {
    const path = `${this.userPath(user)}/tokens/${encodeSegment(id)}`;
    await this.ask(path, { method: 'DELETE', signal }, [204, 404], user);
  }

  private userPath(user: string): string {
    return `users/${encodeSegment(user)}`;
  }

  private serverPath(user: string, server: string): string {
    const name = server === '' ? 'server' : `servers/${encodeSegment(server)}`;
    return `${this.userPath(user)}/${name}`;
  }

  private stateOf(model: unknown): ServerState {
    const pending = member(model, 'pending');
    const address = textMember(model, 'url');
    const url = address === '' ? null : this.serverUrl(address);
    if (pending === 'stop') return { phase: 'stopping', url };
    if (pending) return { phase: 'starting', url };
    return member(model, 'ready') === true ? { phase: 'running', url } : { phase: 'down', url: null };
  }

  /** The address of a user's server as the hub tells it; only one on the hub's own origin, beside the hub, is taken. */
  private serverUrl(address: string): string {
    const url = URL.canParse(address, this.base.href) ? withSlash(new URL(address, this.base)) : undefined;
    if (!url || !isBelow(url, this.base) || isBelow(url, new URL('hub/', this.base))) {
      throw rejected(`The hub names an address of the user's server that is not its own; ${OPERATOR}.`);
    }
    return url.href;
  }

  private async ask(path: string, call: Call, accepted = [200], user?: string): Promise<Reply> {
    const reply = await this.within(call.signal, () => this.http.call(path, call));
    if (!accepted.includes(reply.status)) throw refused(reply, user);
    if (reply.status === 200 && reply.json === undefined) throw notAHub();
    return reply;
  }

  /** Runs a call and tells its failure in our words; the signal's reason stays what it is. */
  private async within<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ReplyTooLong) throw notAHub();
      if (isTimeout(error)) {
        throw new AppError('jupyter_timeout', 'JupyterHub did not answer in time; try again later.', { cause: error });
      }
      throw unavailable('JupyterHub cannot be reached', error);
    }
  }
}

function refused({ status, json }: Reply, user: string | undefined): AppError {
  if (status === 404 && user !== undefined && json !== undefined) {
    return new AppError(
      'jupyter_user_not_found',
      `JupyterHub knows no user ${user}; they may have to sign in there once.`,
    );
  }
  if (status === 401 || status === 403) {
    return rejected(
      `JupyterHub does not accept the token, or the token may not do this (status ${status}). If it is your own, make a new one in JupyterHub ("Token"); if it is the site's, ${OPERATOR} and at its scopes.`,
    );
  }
  if ([429, 502, 503, 504].includes(status)) return unavailable(`JupyterHub is not ready (status ${status})`);
  if (status >= 500) {
    return rejected(`JupyterHub failed (status ${status}); the hub's operator finds the reason in its log.`);
  }
  return json === undefined ? notAHub() : rejected(`JupyterHub refused the request (status ${status}).`);
}

function unavailable(what: string, cause?: unknown): AppError {
  const options = { cause, retryAfterSeconds: RETRY_AFTER_SECONDS };
  return new AppError('jupyter_unavailable', `${what}; try again later.`, options);
}

/** A start that failed, for a reason that only the hub's log tells. */
export function startFailed(user: string): AppError {
  return rejected(
    `The Jupyter server of ${user} did not start; ${user} should try to start it in JupyterHub, the hub's operator finds the reason in its log.`,
  );
}

function rejected(message: string): AppError {
  return new AppError('jupyter_rejected', message);
}

function notAHub(): AppError {
  return rejected(`What answers is no JupyterHub; ${OPERATOR}.`);
}
