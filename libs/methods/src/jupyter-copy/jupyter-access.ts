import { AppError } from '@app/core';
import { type Dispatcher } from 'undici';
import { HubClient } from './client/hub-client';
import { JupyterHttp, withSlash } from './client/http';
import { Token } from './client/token';
import {
  type EnsureOptions,
  type FindOptions,
  HubServers,
  type ServerGrant,
  type ServerSource,
  SingleServer,
} from './client/user-server';
import { type JupyterOptions } from './jupyter-copy.options';

/** Whose server is meant, and what its caller may show for it. */
export interface Visitor {
  username: string;
  /** Name of the server; null: the usual one. */
  server: string | null;
  /** The caller's own token for the hub, or for the single server. */
  callerToken: string | null;
}

const HEADER = 'X-JupyterHub-Token';
const CHECK_MS = 10_000;

/** Scopes without which the service's token cannot do its work, as the hub writes them out. */
const NEEDED_SCOPES = ['servers', 'read:servers', 'tokens', 'access:servers'];

/** Decides whose token opens a user's server: the caller's own where there is one, else one that the site's gets. */
export class JupyterAccess {
  constructor(
    private readonly options: JupyterOptions,
    private readonly agent: Dispatcher,
  ) {}

  /** Throws `validation_failed` for a named server (null: none) where there is no hub, which alone knows them by name. */
  refuseServer(server: string | null): void {
    if (server !== null && this.options.hubUrl === undefined) throw noNamedServers();
  }

  /**
   * The way to the server of one operation. Throws `forbidden` when there is no token, or when the caller's belongs to
   * somebody else; `validation_failed` for a named server where there is no hub.
   */
  async serversFor({ username, server, callerToken }: Visitor, signal: AbortSignal): Promise<ServerSource> {
    const { hubUrl, hubToken, serverUrl, serverToken } = this.options;
    const { agent } = this;
    this.refuseServer(server);
    if (hubUrl === undefined) {
      const token = callerToken ?? serverToken;
      if (token === undefined) throw noToken();
      return new SingleServer({ url: serverUrl!, token: new Token(token), agent });
    }
    if (callerToken !== null) return this.ownServers(hubUrl, username, new Token(callerToken), signal);
    if (hubToken === undefined) throw noToken();
    return new HubServers(new HubClient({ url: hubUrl, token: new Token(hubToken), agent }), agent);
  }

  private async ownServers(url: string, username: string, token: Token, signal: AbortSignal): Promise<ServerSource> {
    const hub = new HubClient({ url, token, agent: this.agent });
    const owner = await hub.owner(signal).catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'jupyter_rejected') throw notConfirmed(error);
      throw error;
    });
    if (owner.kind !== 'user' || owner.name !== username) throw notTheirs(username);
    return new OwnServers(hub, this.agent, token);
  }

  /** Whether the hub or the server answers, and whether the site's token can do its work; else throws what is wrong. */
  async check(signal: AbortSignal): Promise<void> {
    const { hubUrl, hubToken, serverUrl, serverToken } = this.options;
    const { agent } = this;
    if (hubUrl === undefined) {
      const server = new SingleServer({ url: serverUrl!, token: new Token(serverToken ?? ''), agent });
      await server.ensure('', '', { timeoutMs: CHECK_MS, signal });
    } else if (hubToken === undefined) {
      await this.checkHub(hubUrl, signal);
    } else {
      const { scopes } = await new HubClient({ url: hubUrl, token: new Token(hubToken), agent }).check(signal);
      // A role may be for some users only: `servers!group=staff`.
      const missing = NEEDED_SCOPES.filter((name) => !scopes.some((scope) => scope.split('!')[0] === name));
      if (missing.length > 0) throw lacksScopes(missing);
    }
  }

  /** Without a token all that can be seen is whether a hub answers. */
  private async checkHub(url: string, signal: AbortSignal): Promise<void> {
    const http = new JupyterHttp(new URL('hub/api/', withSlash(url)), null, this.agent);
    const answer = await http.call('', { signal }).catch((cause: unknown) => {
      signal.throwIfAborted();
      throw new AppError('jupyter_unavailable', 'JupyterHub cannot be reached; try again later.', { cause });
    });
    if (answer.status === 200 && answer.json !== undefined) return;
    throw new AppError(
      'jupyter_rejected',
      `What answers at JUPYTERHUB_URL is no JupyterHub (status ${answer.status}).`,
    );
  }
}

/** The servers of somebody who came with a token of their own: that token goes to their server, and to no other. */
class OwnServers implements ServerSource {
  private readonly servers: HubServers;

  constructor(
    hub: HubClient,
    agent: Dispatcher,
    private readonly token: Token,
  ) {
    this.servers = new HubServers(hub, agent);
  }

  ensure(user: string, server: string, options: EnsureOptions): Promise<{ url: string }> {
    return this.servers.ensure(user, server, options);
  }

  find(user: string, server: string, options: FindOptions): Promise<{ url: string } | null> {
    return this.servers.find(user, server, options);
  }

  grant(): Promise<ServerGrant> {
    return Promise.resolve({ token: this.token, revoke: () => Promise.resolve() });
  }
}

function noToken(): AppError {
  return new AppError(
    'forbidden',
    `This site has no token of its own for Jupyter: send yours in the header ${HEADER} (in JupyterHub, "Token" makes one).`,
  );
}

function notConfirmed(cause: AppError): AppError {
  return new AppError(
    'forbidden',
    `JupyterHub does not confirm whose the token in ${HEADER} is; make a new one in JupyterHub ("Token") and try again.`,
    { cause },
  );
}

function notTheirs(username: string): AppError {
  return new AppError('forbidden', `The token in ${HEADER} does not belong to ${username}.`);
}

function noNamedServers(): AppError {
  const message = 'must be left out: this site has one Jupyter server for all';
  return new AppError('validation_failed', `server ${message}.`, { errors: [{ field: 'server', message }] });
}

function lacksScopes(missing: string[]): AppError {
  return new AppError(
    'jupyter_rejected',
    `The service's token may not do its work at JupyterHub; its role there needs the scopes ${missing.join(', ')}.`,
  );
}
