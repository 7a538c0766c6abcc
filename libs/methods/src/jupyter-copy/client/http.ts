import { traceParentOfCall } from '@app/core';
import { Agent, Dispatcher, request } from 'undici';
import { type Token } from './token';

/** Longest body of a reply that is read, in bytes; nothing that we ask for is longer, listings excepted. */
export const REPLY_LIMIT = 1024 ** 2;

/** Longer than the hub's keep-alives (8 s) and than it takes to begin a start (10 s, or what the site has set). */
const SILENCE_MS = 60_000;
const CONNECT_MS = 10_000;

/** Connections for all clients of one process. Follows no redirect; an answer that pauses for a minute has failed. */
export function createAgent(): Agent {
  return new Agent({ headersTimeout: SILENCE_MS, bodyTimeout: SILENCE_MS, connect: { timeout: CONNECT_MS } });
}

/** The connections of an agent, for calls that belong to the trace of `traceParent`. The agent is closed by whoever made it. */
export class TracedAgent extends Dispatcher {
  constructor(
    private readonly inner: Dispatcher,
    private readonly traceParent: string,
  ) {
    super();
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return this.inner.dispatch(options, handler);
  }

  /** What one call says of its trace. */
  headers(): Record<string, string> {
    return { traceparent: traceParentOfCall(this.traceParent) };
  }
}

/** A call of the JSON APIs of hub and server. */
export interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is, instead of `json`; exactly `length` bytes of JSON. */
  stream?: { body: AsyncIterable<Buffer>; length: number };
  /** Most bytes of the reply (default {@link REPLY_LIMIT}); a longer one is {@link ReplyTooLong}. */
  limit?: number;
  signal: AbortSignal;
}

/** What came back. `json` is undefined where the reply was no JSON, or none that parses. */
export interface Reply {
  status: number;
  json: unknown;
}

/** A reply was longer than the limit; reading ended there. */
export class ReplyTooLong extends Error {
  constructor() {
    super('The reply is too long');
    this.name = 'ReplyTooLong';
  }
}

/**
 * Sends requests with one token below one address, and nowhere else: paths are made by the clients of encoded segments,
 * redirects are not followed. Rejects with undici's errors, or with the signal's reason.
 */
export class JupyterHttp {
  /** Ends with a slash. */
  readonly base: URL;

  constructor(
    base: string | URL,
    private readonly token: Token | null,
    private readonly agent: Dispatcher,
  ) {
    this.base = withSlash(base);
  }

  /** Where a path (without a slash at its beginning) is; throws when that is not below the address. */
  address(path: string): URL {
    const address = new URL(path, this.base);
    if (!isBelow(address, this.base)) throw new Error('The path leaves the address of its client');
    return address;
  }

  /** The headers of one call: they prove who we are, and tell the trace that it belongs to. */
  callHeaders(): Record<string, string> {
    const trace = this.agent instanceof TracedAgent ? this.agent.headers() : {};
    return this.token ? { authorization: this.token.authorization, ...trace } : trace;
  }

  /** Sends a request and reads the whole reply. */
  async call(path: string, call: Call): Promise<Reply> {
    const answer = await this.open(path, call, 'application/json');
    const text = await readText(answer.body, call.limit ?? REPLY_LIMIT);
    const isJson = /^application\/(problem\+)?json\b/.test(String(answer.headers['content-type']));
    return { status: answer.statusCode, json: isJson ? parse(text) : undefined };
  }

  /** Sends a request whose reply is read by the caller, who must read it or destroy it. */
  async open(path: string, call: Call, accept: string): Promise<Dispatcher.ResponseData> {
    const { method = 'GET', json, stream, signal } = call;
    signal.throwIfAborted();
    const body = json === undefined ? undefined : JSON.stringify(json);
    const headers = {
      accept,
      ...this.callHeaders(),
      ...((stream ?? body) !== undefined && { 'content-type': 'application/json' }),
      ...(stream && { 'content-length': String(stream.length) }),
    };
    const options = { method, headers, signal, dispatcher: this.agent };
    // undici's types know readable streams only; it takes any asynchronous iterable.
    return request(this.address(path), { ...options, body: (stream?.body as unknown as Buffer) ?? body });
  }
}

/** An address with a slash at the end of its path, and nothing after it. */
export function withSlash(address: string | URL): URL {
  const base = new URL(address);
  base.search = base.hash = base.username = base.password = '';
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  return base;
}

/** Whether an address has the same origin as `base` and a path below that of `base`. */
export function isBelow(address: URL, base: URL): boolean {
  return address.origin === base.origin && address.pathname.startsWith(base.pathname);
}

async function readText(body: Dispatcher.ResponseData['body'], limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop early destroys the connection.
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) throw new ReplyTooLong();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
