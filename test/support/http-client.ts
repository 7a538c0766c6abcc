import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';

/** A parsed JSON text: a test looks into it as it likes. */
type Json = ReturnType<typeof JSON.parse>;

/** What came back for a request. */
export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  /** Parsed where the answer says JSON (also problem+json), text where it says text, else the bytes. */
  body: Json;
}

/** What {@link send} sends; `body` goes as it is when it is text or bytes, anything else as JSON. */
export interface Request {
  method?: string;
  headers?: OutgoingHttpHeaders;
  body?: unknown;
}

/**
 * Sends one request over a connection of its own and waits for the whole answer. Unlike `fetch` it sends any header
 * (`Host`, `Origin`) and any path as written. Rejects when the connection breaks.
 */
export function send(url: string, { method = 'GET', headers = {}, body }: Request = {}): Promise<Answer> {
  const raw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
  const data = raw ? body : JSON.stringify(body);
  const { origin } = new URL(url);
  const options = {
    method,
    agent: false,
    path: url.slice(origin.length) || '/',
    headers: { ...(data !== undefined && { 'content-type': 'application/json' }), ...headers },
  };
  return new Promise((resolve, reject) => {
    const sent = request(origin, options, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('error', reject);
      answer.once('end', () => {
        const body = parse(Buffer.concat(chunks), answer.headers['content-type'] ?? '');
        resolve({ status: answer.statusCode!, headers: answer.headers, body });
      });
    });
    sent.once('error', reject);
    sent.end(data);
  });
}

function parse(bytes: Buffer, type: string): unknown {
  if (/^application\/([^;]*\+)?json/.test(type) && bytes.length > 0) return JSON.parse(bytes.toString()) as unknown;
  return type.startsWith('text/') ? bytes.toString() : bytes;
}
