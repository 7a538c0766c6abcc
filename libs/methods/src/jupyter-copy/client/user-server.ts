import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@app/core';
import { type Dispatcher } from 'undici';
import { deadline } from './deadline';
import { type HubClient, startFailed } from './hub-client';
import { JupyterHttp, withSlash } from './http';
import { isTimeout, RETRY_AFTER_SECONDS } from './server-errors';
import { type Token } from './token';

/** A token for one user's server, to be given back when the work ends. */
export interface ServerGrant {
  token: Token;
  /** Takes the token back; what never opened more than this server, and ends by itself, may also be left. */
  revoke: (signal: AbortSignal) => Promise<void>;
}

/** How to wait for a server. */
export interface EnsureOptions {
  /** For all of it: a start, and the end of a stop before it. Then it is `jupyter_timeout`. */
  timeoutMs: number;
  signal: AbortSignal;
  /** Told what goes on, in sentences for the log. */
  note?: (message: string) => void;
  /** Called when the server is not there yet; it may be more than once. */
  onWait?: () => void;
}

/** How to look for a server. */
export type FindOptions = Pick<EnsureOptions, 'timeoutMs' | 'signal'>;

/** Where users' servers come from: a hub, or a site with a single server. */
export interface ServerSource {
  /** Makes sure that a user's server runs and answers; resolves with its address. Is quick when it does already. */
  ensure(user: string, server: string, options: EnsureOptions): Promise<{ url: string }>;
  /** Where a user's server is if it runs and answers; null otherwise. Starts nothing, waits for no start. */
  find(user: string, server: string, options: FindOptions): Promise<{ url: string } | null>;
  /** A token that opens this server for about `seconds`. */
  grant(user: string, server: string, seconds: number, signal: AbortSignal): Promise<ServerGrant>;
}

/** Servers that a hub starts. */
export class HubServers implements ServerSource {
  constructor(
    private readonly hub: HubClient,
    private readonly agent: Dispatcher,
  ) {}

  ensure(user: string, server: string, options: EnsureOptions): Promise<{ url: string }> {
    return ensureServer(this.hub, this.agent, user, server, options);
  }

  find(user: string, server: string, { timeoutMs, signal }: FindOptions): Promise<{ url: string } | null> {
    return within(timeoutMs, signal, async (both) => {
      const { phase, url } = await this.hub.serverState(user, server, both);
      return phase === 'running' && url !== null && (await answers(url, this.agent, both)) ? { url } : null;
    });
  }

  async grant(user: string, server: string, seconds: number, signal: AbortSignal): Promise<ServerGrant> {
    const { id, token } = await this.hub.mintToken(user, server, seconds, signal);
    return { token, revoke: (later) => this.hub.revokeToken(user, id, later) };
  }
}

/** The one server of a site without a hub: nobody starts it for us, its token is the site's, and all users share it. */
export class SingleServer implements ServerSource {
  constructor(private readonly options: { url: string; token: Token; agent: Dispatcher }) {}

  async ensure(_user: string, _server: string, { timeoutMs, signal }: EnsureOptions): Promise<{ url: string }> {
    const { url, agent } = this.options;
    return within(timeoutMs, signal, async (both) => {
      if (await answers(url, agent, both)) return { url: withSlash(url).href };
      throw new AppError('jupyter_unavailable', 'The Jupyter server cannot be reached; its operator should start it.', {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    });
  }

  /** As {@link ensure}: where nobody starts it, one that is down is a failure in any case. */
  find(user: string, server: string, options: FindOptions): Promise<{ url: string }> {
    return this.ensure(user, server, options);
  }

  grant(): Promise<ServerGrant> {
    return Promise.resolve({ token: this.options.token, revoke: () => Promise.resolve() });
  }
}

/** How often the hub is asked while there is nothing to listen to. */
const POLL_MS = 500;
/** A hub that refuses to start a server that it calls down, this often, means it (named servers that are not allowed). */
const REFUSALS = 3;

/**
 * Makes sure that a user's server runs and answers. The hub's word alone is not enough: for up to half a minute it calls
 * a server running that has died, so that the server is probed. Rejects with `jupyter_rejected` when a start failed or
 * is not allowed, `jupyter_timeout` after `timeoutMs`, and with all that {@link HubClient} rejects with.
 */
export function ensureServer(
  hub: HubClient,
  agent: Dispatcher,
  user: string,
  server: string,
  { timeoutMs, signal, note = () => undefined, onWait }: EnsureOptions,
): Promise<{ url: string }> {
  return within(timeoutMs, signal, async (both) => {
    for (let refusals = 0; ;) {
      const { phase, url } = await hub.serverState(user, server, both);
      if (phase === 'running' && url !== null && (await answers(url, agent, both))) return { url };
      onWait?.();
      if (phase === 'starting') {
        await followStart(hub, user, server, both, note);
        continue;
      }
      if (phase !== 'stopping') {
        // Also when the hub calls it running, since it has just shown that it is not.
        const started = await hub.startServer(user, server, both);
        note(`The Jupyter server of ${user} was down: ${WORDS[started]}`);
        if (started === 'starting') await followStart(hub, user, server, both, note);
        if (started === 'ready' || started === 'starting') continue;
        if (started === 'refused' && phase === 'down' && (refusals += 1) === REFUSALS) throw notAllowed(user, server);
      }
      await delay(POLL_MS, undefined, { signal: both });
    }
  });
}

const WORDS = {
  ready: 'it was started',
  starting: 'it is being started',
  pending: 'it still starts or stops',
  refused: 'the hub does not start it yet',
};

/** Listens to a start until it is decided, or until the stream ends before. */
async function followStart(
  hub: HubClient,
  user: string,
  server: string,
  signal: AbortSignal,
  note: (message: string) => void,
): Promise<void> {
  for await (const { ready, failed, message } of hub.progress(user, server, signal)) {
    note(message);
    if (failed) throw startFailed(user);
    if (ready) return;
  }
  await delay(POLL_MS, undefined, { signal });
}

/**
 * Whether a Jupyter server is there, without a token: `GET api` is open to everybody. A proxy or hub in its place
 * answers with a redirect, a page or a gateway's status.
 */
async function answers(url: string, agent: Dispatcher, signal: AbortSignal): Promise<boolean> {
  try {
    const { status, json } = await new JupyterHttp(url, null, agent).call('api', { signal });
    return json !== undefined && [200, 401, 403].includes(status);
  } catch (error) {
    signal.throwIfAborted();
    if (isTimeout(error)) throw tooLate(error);
    return false;
  }
}

async function within<T>(
  timeoutMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = deadline(signal, timeoutMs);
  try {
    return await work(limit.signal);
  } catch (error) {
    signal.throwIfAborted();
    throw limit.isOver ? tooLate(error) : error;
  } finally {
    limit.end();
  }
}

function tooLate(cause: unknown): AppError {
  const message = 'The Jupyter server did not start or answer in time; try again later, or start it in Jupyter first.';
  return new AppError('jupyter_timeout', message, { cause });
}

function notAllowed(user: string, server: string): AppError {
  const which = server === '' ? `the Jupyter server of ${user}` : `a server "${server}" of ${user}`;
  return new AppError('jupyter_rejected', `JupyterHub does not start ${which}; its operator can allow it.`);
}
