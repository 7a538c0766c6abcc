// A private Redis.
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { has } from './command.mjs';
import { freePort, startServer } from './process.mjs';

/** Why none can be started here, or null. */
export const redisMissing = () => (has('redis-server') ? null : 'needs apt-get install redis-server');

/**
 * Starts a Redis with its data in `<home>/redis`, which writes each change to its log within a second, as a site's would.
 * Returns its `pid` and `url`, and `info()`: what it tells of itself, by name.
 */
export async function startRedis(bench, home) {
  const own = path.join(home, 'redis');
  mkdirSync(own);
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const listening = ['--bind', '127.0.0.1', '--port', `${port}`, '--dir', own];
  const keeping = ['--save', '', '--appendonly', 'yes', '--maxmemory-policy', 'noeviction'];
  const ready = () => call(url, 'PING').then(() => true, () => false); // prettier-ignore
  const { pid } = await startServer(bench, ['redis-server', ...listening, ...keeping], {
    cwd: own,
    env: process.env,
    ready,
  });
  return { pid, url, info: async () => readInfo(await call(url, 'INFO', 'everything')) };
}

async function call(url, ...words) {
  const { Redis } = createRequire(import.meta.url)('ioredis');
  const client = new Redis(url, { lazyConnect: true, retryStrategy: null });
  // The command that fails tells as well.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await client.call(...words);
  } finally {
    client.disconnect();
  }
}

function readInfo(text) {
  const lines = text.split('\r\n').filter((line) => line.includes(':'));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}
