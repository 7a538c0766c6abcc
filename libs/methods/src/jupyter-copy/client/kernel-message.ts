import { randomUUID } from 'node:crypto';
import { member, textMember } from './json-value';

/** The part of Jupyter's messaging protocol (5.3) that runs a program and gets its result. */
export interface ExecuteRequest {
  id: string;
  /** The message as JSON text, for the default subprotocol of the channels' WebSocket. */
  text: string;
}

/** What a message of the kernel means to whoever waits for the reply to one request. */
export type Heard =
  { kind: 'other' } | { kind: 'dead' } | { kind: 'result'; value: unknown } | { kind: 'error'; name: string };

/**
 * A request that runs `code` with the variable `data` and returns the variable `result`. Data goes in as JSON text in a
 * string literal, since what JSON escapes in a text Python reads alike; no part of it is ever code.
 */
export function executeRequest(session: string, code: string, data: unknown): ExecuteRequest {
  const id = randomUUID();
  const literal = JSON.stringify(JSON.stringify(data ?? null));
  const header = { msg_id: id, username: '', session, msg_type: 'execute_request', version: '5.3', date: new Date() };
  const content = {
    code: `import base64, json\ndata = json.loads(${literal})\n${code}\n`,
    silent: true,
    store_history: false,
    allow_stdin: false,
    stop_on_error: true,
    // Base64 in quotes is the same in every notation of a text that a kernel could answer in.
    user_expressions: { result: 'base64.b64encode(json.dumps(result).encode()).decode()' },
  };
  const message = { channel: 'shell', header, parent_header: {}, metadata: {}, content, buffers: [] };
  return { id, text: JSON.stringify(message) };
}

/** Reads one message; everything that is not for us, or is no message, is `other`. */
export function hear(text: string, requestId: string): Heard {
  const message = parse(text);
  const type = textMember(member(message, 'header'), 'msg_type') || textMember(message, 'msg_type');
  const content = member(message, 'content');
  if (type === 'status' && ['dead', 'restarting', 'autorestarting'].includes(textMember(content, 'execution_state'))) {
    return { kind: 'dead' };
  }
  const isOurs = textMember(member(message, 'parent_header'), 'msg_id') === requestId;
  return type === 'execute_reply' && isOurs ? resultOf(content) : { kind: 'other' };
}

function resultOf(content: unknown): Heard {
  const expression = member(member(content, 'user_expressions'), 'result');
  const value = decode(textMember(member(expression, 'data'), 'text/plain'));
  if (value !== undefined) return { kind: 'result', value };
  return { kind: 'error', name: plainName(textMember(content, 'ename') || textMember(expression, 'ename')) };
}

function decode(quoted: string): unknown {
  const base64 = /^['"]([A-Za-z0-9+/=]+)['"]$/.exec(quoted)?.[1];
  return base64 === undefined ? undefined : parse(Buffer.from(base64, 'base64').toString('utf8'));
}

/** The name of an error's class, which may be told; its text is the user's. */
function plainName(name: string): string {
  return /^\w{1,60}$/.test(name) ? name : 'no result';
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
