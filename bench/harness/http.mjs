// A client that keeps its connections, and a load made of it.
import http from 'node:http';
import { performance } from 'node:perf_hooks';

/** Sends one request and returns `{ status, body, milliseconds }`; the body parsed where it is JSON. */
export function ask(agent, url, { method = 'GET', body, headers } = {}) {
  const data = body === undefined ? undefined : JSON.stringify(body);
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const type = data && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(data) };
    const request = http.request(url, { method, agent, headers: { ...type, ...headers } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part) => (text += part));
      answer.once('error', reject);
      answer.once('end', () => {
        const milliseconds = performance.now() - start;
        const json = /json/.test(answer.headers['content-type'] ?? '');
        resolve({ status: answer.statusCode, body: json ? JSON.parse(text) : text, milliseconds });
      });
    });
    request.once('error', reject);
    request.end(data);
  });
}

/** Connections that stay open between requests, `connections` at most. */
export const keepAlive = (connections) => new http.Agent({ keepAlive: true, maxSockets: connections });

/**
 * Keeps `connections` requests under way for some seconds; `next()` gives `[url, request]` of the next one. Returns the
 * number of answers a second; an answer other than 200 ends it with an error.
 */
export async function load({ connections, seconds, next }) {
  const agent = keepAlive(connections);
  const start = performance.now();
  let answers = 0;
  const client = async () => {
    while (performance.now() - start < seconds * 1000) {
      const { status, body } = await ask(agent, ...next());
      if (status !== 200) throw new Error(`Answer ${status}: ${JSON.stringify(body)}`);
      answers += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  const rate = answers / ((performance.now() - start) / 1000);
  agent.destroy();
  return rate;
}
