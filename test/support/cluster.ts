import { readdirSync } from 'node:fs';
import path from 'node:path';
import { onCleanup } from './cleanups';
import { type FileContents, writeFiles } from './files';
import { type Mariadb, mariadbMissing, startMariadb } from './mariadb';
import { type Redis, redisMissing, type RedisOptions, startRedis } from './redis';
import { type RunningService, type ServiceEnvironment, startService } from './service';
import { type Ending, type ServiceProcess, spawnProgram } from './service-process';
import { temporaryFolder } from './temporary-folder';
import { until } from './until';

/** The compiled worker, as `npm run worker` runs it. */
const WORKER_PROGRAM = path.resolve(__dirname, '../../dist/apps/worker/src/main.js');
/** The compiled `npm run requeue`. */
const REQUEUE_PROGRAM = path.resolve(__dirname, '../../dist/apps/api/src/requeue.js');

/** How a site of several processes is made. */
export interface ClusterOptions {
  apis?: number;
  workers?: number;
  env?: ServiceEnvironment;
  redis?: RedisOptions;
  files?: FileContents;
}

/** Why there can be no site of several processes here, or null. */
export function clusterMissing(): string | null {
  return redisMissing() ?? mariadbMissing();
}

/** One worker process of a site. */
export class RunningWorker {
  constructor(private readonly running: ServiceProcess) {}

  get pid(): number {
    return this.running.child.pid!;
  }

  get output(): string {
    return this.running.output();
  }

  /** Ends the process as a power failure would, and waits until it is gone. */
  async kill9(): Promise<void> {
    this.running.child.kill('SIGKILL');
    await this.running.ended.catch(() => undefined);
  }

  /** Stops it where it stands (SIGSTOP); it notices nothing. */
  freeze(): void {
    this.running.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.running.child.kill('SIGCONT');
  }

  /** Asks the process to end (SIGTERM); resolves when it has. */
  async stop(): Promise<Ending> {
    this.running.child.kill('SIGTERM');
    return this.running.ended;
  }
}

/** A site of several processes on one storage, with a MariaDB and a Redis of its own. Stopped at the end of the spec file. */
export class Cluster {
  readonly apis: RunningService[] = [];
  readonly workers: RunningWorker[] = [];

  private constructor(
    readonly folder: string,
    readonly database: Mariadb,
    readonly databaseUrl: string,
    readonly redis: Redis,
    private readonly env: ServiceEnvironment,
  ) {}

  /** Starts everything; `database` of an earlier site may be used again, with an empty database of its own. */
  static async start(options: ClusterOptions = {}, database?: Mariadb): Promise<Cluster> {
    const { apis = 2, workers = 3, env = {}, files = {} } = options;
    const server = database ?? (await startMariadb());
    const url = database ? await server.newDatabase() : server.url;
    const redis = await startRedis(options.redis);
    const cluster = new Cluster(temporaryFolder('staging-cluster-'), server, url, redis, env);
    writeFiles(cluster.folder, { 'storage/.keep': '', 'areas/.keep': '' });
    writeFiles(cluster.storage, files);
    // One after the other: the first brings the tables up to date.
    for (let count = 0; count < apis; count += 1) await cluster.addApi();
    await Promise.all(Array.from({ length: workers }, () => cluster.addWorker()));
    return cluster;
  }

  get storage(): string {
    return path.join(this.folder, 'storage');
  }

  get areas(): string {
    return path.join(this.folder, 'areas');
  }

  /** The first process of the API. */
  get api(): RunningService {
    return this.apis[0]!;
  }

  private shared(): ServiceEnvironment {
    return {
      SOURCE_STORAGE_PATH: this.storage,
      TARGET_STORAGE_PATH: this.areas,
      DATABASE_URL: this.databaseUrl,
      REDIS_URL: this.redis.url,
      DOWNLOAD_SECRET: 'the same secret of all processes of the site',
      QUEUE_LEASE_SECONDS: '4',
      SHUTDOWN_GRACE_SECONDS: '5',
      ...this.env,
    };
  }

  /** Starts another process of the API, with further settings if need be. */
  async addApi(env: ServiceEnvironment = {}): Promise<RunningService> {
    const api = await startService({ env: { ...this.shared(), ...env } });
    this.apis.push(api);
    return api;
  }

  /** Starts another worker, with further settings if need be; resolves when it has started. */
  async addWorker(env: ServiceEnvironment = {}): Promise<RunningWorker> {
    const all = { PATH: process.env.PATH, HOME: this.folder, HOST: '127.0.0.1', ...this.shared(), ...env };
    const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const running = spawnProgram(WORKER_PROGRAM, Object.fromEntries(given), this.folder);
    const worker = new RunningWorker(running);
    onCleanup(() => worker.kill9());
    await until(() => /The worker has started/.test(worker.output), 'The worker did not start', 30).catch(
      (error: Error) => {
        throw new Error(`${error.message}; it wrote:\n${worker.output}`, { cause: error });
      },
    );
    this.workers.push(worker);
    return worker;
  }

  /** Runs `npm run requeue` to its end; returns what it wrote. */
  async requeue(): Promise<string> {
    const all = { PATH: process.env.PATH, ...this.shared(), LOG_FILE: path.join(this.folder, 'requeue.log') };
    const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const running = spawnProgram(REQUEUE_PROGRAM, Object.fromEntries(given), this.folder);
    const { code } = await running.ended;
    if (code !== 0) throw new Error(`requeue ended with status ${code}:\n${running.output()}`);
    return running.output();
  }

  /** What lies in the private directory of the service, of operations that are under way or were left. */
  leftOvers(): string[] {
    try {
      return readdirSync(path.join(this.areas, '.staging'));
    } catch {
      return [];
    }
  }
}
