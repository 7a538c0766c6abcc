import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { Redis as RedisClient } from 'ioredis';
import { onCleanup } from './cleanups';
import { freePort } from './free-port';
import { freezeProcess } from './freeze-process';
import { temporaryFolder } from './temporary-folder';
import { until } from './until';

/** Ports are found by trying, so one may be taken by somebody else before the server listens. */
const PORT_TRIES = 5;

/** How a private Redis is set up. */
export interface RedisOptions {
  /** What was written is there again after `restart()`, also after `kill9()`; else a restarted server is empty. */
  keepsData?: boolean;
  /** Clients must name it; it is part of `url`. */
  password?: string;
  /** More arguments of redis-server, such as `['--maxmemory', '8mb']`. */
  arguments?: string[];
}

/** A Redis server of this spec file alone. */
export interface Redis {
  url: string;
  port: number;
  /** Ends the server in order. */
  stop(): Promise<void>;
  /** Ends the server as a power failure would, and waits until it is gone. */
  kill9(): Promise<void>;
  /** Starts the server again, after `stop` or `kill9`, on the same port, and waits until it answers. */
  restart(): Promise<void>;
  /** Stops the server's threads, all of them when this returns: the kernel takes connections and packets, none is answered. */
  freeze(): void;
  /** Lets a frozen server go on. */
  thaw(): void;
  /** Removes all that the server holds (FLUSHALL), as an operator could. */
  flush(): Promise<void>;
  /** Runs one command on a connection of its own; fails when the server does not answer. */
  run(command: string, ...parameters: (string | number)[]): Promise<unknown>;
}

/** Why there can be no Redis here, or null. */
export function redisMissing(): string | null {
  return spawnSync('redis-server', ['--version']).status === 0 ? null : 'redis-server is not installed';
}

/** Starts an empty server on a free port of 127.0.0.1; it ends with this spec file, whatever happens. */
export async function startRedis(options: RedisOptions = {}): Promise<Redis> {
  const server = new Server(temporaryFolder('staging-redis-'), options);
  onCleanup(() => server.kill9());
  for (let tries = 1; ; tries += 1) {
    server.port = await freePort();
    try {
      await server.restart();
      return server;
    } catch (error) {
      if (tries === PORT_TRIES) throw error;
    }
  }
}

class Server implements Redis {
  port = 0;
  private child: ChildProcess | undefined;
  private ended: Promise<void> = Promise.resolve();
  private output = '';

  constructor(
    private readonly folder: string,
    private readonly options: RedisOptions,
  ) {}

  get url(): string {
    const { password } = this.options;
    return `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${this.port}`;
  }

  async restart(): Promise<void> {
    const { keepsData, password, arguments: more = [] } = this.options;
    const place = ['--bind', '127.0.0.1', '--port', String(this.port), '--dir', this.folder];
    const data = ['--save', '', '--appendonly', keepsData ? 'yes' : 'no', '--maxmemory-policy', 'noeviction'];
    const access = password === undefined ? [] : ['--requirepass', password];
    const command = ['--pdeathsig', 'KILL', 'redis-server', ...place, ...data, ...access, ...more];
    this.output = '';
    const child = spawn('setpriv', command, { stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (text: string) => (this.output += text);
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    this.child = child;
    this.ended = new Promise((resolve) => child.once('close', () => resolve()));
    await until(() => this.answers(), 'Redis did not start', 30);
  }

  /** Not before the data of an earlier run is loaded. */
  private async answers(): Promise<boolean> {
    if (this.child!.exitCode !== null) throw new Error(`Redis ended instead of starting:\n${this.output}`);
    return this.run('PING').then(
      () => true,
      () => false,
    );
  }

  async stop(): Promise<void> {
    this.child?.kill('SIGTERM');
    await this.ended;
  }

  async kill9(): Promise<void> {
    this.child?.kill('SIGKILL');
    await this.ended;
  }

  freeze(): void {
    freezeProcess(this.child!.pid!);
  }

  thaw(): void {
    this.child!.kill('SIGCONT');
  }

  async flush(): Promise<void> {
    await this.run('FLUSHALL');
  }

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
