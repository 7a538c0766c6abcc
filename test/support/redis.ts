import { spawnSync } from 'node:child_process';
import { Redis as RedisClient } from 'ioredis';
import { onCleanup } from './cleanups';
import { PrivateServer } from './private-server';
import { temporaryFolder } from './temporary-folder';

/** How a private Redis is set up. */
export interface RedisOptions {
  /** What was written is there again after `restart()`, also after `kill9()`; else a restarted server is empty. */
  keepsData?: boolean;
  /** Clients must name it; it is part of `url`. */
  password?: string;
  /** More arguments of redis-server, such as `['--maxmemory', '8mb']`. */
  arguments?: string[];
}

/** Why there can be no Redis here, or null. */
export function redisMissing(): string | null {
  return spawnSync('redis-server', ['--version']).status === 0 ? null : 'redis-server is not installed';
}

/** Starts an empty server on a free port of 127.0.0.1; it ends with this spec file, whatever happens. */
export async function startRedis(options: RedisOptions = {}): Promise<Redis> {
  const server = new Redis(temporaryFolder('staging-redis-'), options);
  onCleanup(() => server.kill9());
  await server.start();
  return server;
}

/** A Redis server of this spec file alone. */
export class Redis extends PrivateServer {
  constructor(
    private readonly folder: string,
    private readonly options: RedisOptions,
  ) {
    super('Redis');
  }

  /** With the password, where there is one. */
  get url(): string {
    const { password } = this.options;
    return `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${this.port}`;
  }

  protected command(): string[] {
    const { keepsData, password, arguments: more = [] } = this.options;
    const place = ['--bind', '127.0.0.1', '--port', String(this.port), '--dir', this.folder];
    const data = ['--save', '', '--appendonly', keepsData ? 'yes' : 'no', '--maxmemory-policy', 'noeviction'];
    const access = password === undefined ? [] : ['--requirepass', password];
    return ['redis-server', ...place, ...data, ...access, ...more];
  }

  /** Not before the data of an earlier run is loaded. */
  protected responds(): Promise<boolean> {
    return this.run('PING').then(
      () => true,
      () => false,
    );
  }

  /** Removes all that the server holds (FLUSHALL), as an operator could. */
  async flush(): Promise<void> {
    await this.run('FLUSHALL');
  }

  /** Runs one command on a connection of its own; fails when the server does not answer. */
  async run(command: string, ...parameters: (string | number)[]): Promise<unknown> {
    const client = new RedisClient(this.url, { lazyConnect: true, retryStrategy: null, connectTimeout: 10_000 });
    // Told by the failed command as well.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await client.call(command, ...parameters);
    } finally {
      // One that has ended already would hold the process for two more seconds.
      if (client.status !== 'end') client.disconnect();
    }
  }
}
