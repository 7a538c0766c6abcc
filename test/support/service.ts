import { type ChildProcess } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync } from 'node:fs';
import { type OutgoingHttpHeaders } from 'node:http';
import path from 'node:path';
import { type Ids, runAs } from './accounts';
import { onCleanup } from './cleanups';
import { type FileContents, writeFiles } from './files';
import { freePort } from './free-port';
import { type Answer, type Request, send } from './http-client';
import {
  answering,
  type Ending,
  SERVICE_PROGRAM,
  ServiceEnded,
  type ServiceProcess,
  spawnService,
} from './service-process';
import { temporaryFolder } from './temporary-folder';

/** Settings for the service; `undefined` leaves out one that it would get here otherwise. */
export type ServiceEnvironment = Record<string, string | undefined>;

/** How to start a service. */
export interface ServiceOptions {
  env?: ServiceEnvironment;
  /** Files to put on the storage first. */
  files?: FileContents;
  /** The account to run as (default: the one that runs the tests); its folders belong to it. Needs root. */
  as?: Ids;
}

/** Ports are found by trying, so one may be taken by somebody else before the service listens. */
const PORT_TRIES = 5;
/** Longer than any `SHUTDOWN_GRACE_SECONDS` of a test. */
const STOP_SECONDS = 40;

/**
 * Starts the real, compiled service on folders and an SQLite file of its own, and waits until it answers. Throws
 * {@link ServiceEnded}, with what it wrote, when it ends instead. Stopped and removed at the end of the spec file.
 */
export async function startService(options: ServiceOptions = {}): Promise<RunningService> {
  const service = new RunningService(temporaryFolder('staging-service-'), options);
  writeFiles(service.storage, options.files ?? {});
  await service.start();
  return service;
}

/** Why the service cannot run as another account here, or null: that account must be able to read the program. */
export function serviceAsMissing(as: Ids): string | null {
  if (process.getuid?.() !== 0) return 'running the service as another account needs root';
  return runAs(as, ['test', '-r', SERVICE_PROGRAM]).status === 0 ? null : 'the other account cannot read the program';
}

/** A service under test: its folders stay the same over {@link restart}, its process and address do not. */
export class RunningService {
  /** Address without a slash at its end. */
  url = '';
  readonly storage: string;
  readonly areas: string;
  readonly logFile: string;
  private running: ServiceProcess | undefined;
  private port = 0;
  private env: ServiceEnvironment;

  constructor(
    /** The folder that holds all the others, the database `staging.sqlite` and the log; the working directory too. */
    readonly dir: string,
    private readonly options: ServiceOptions,
  ) {
    this.env = options.env ?? {};
    this.storage = path.join(dir, 'storage');
    this.areas = path.join(dir, 'areas');
    this.logFile = path.join(dir, 'staging_service.log');
    for (const folder of [this.storage, this.areas]) mkdirSync(folder);
    const { as } = options;
    if (as) for (const folder of [dir, this.storage, this.areas]) chownSync(folder, as.uid, as.gid);
    onCleanup(() => this.kill9());
  }

  /** The process that runs now, or ran last. */
  get process(): ChildProcess {
    if (!this.running) throw new Error('The service was not started');
    return this.running.child;
  }

  /** What the present process wrote to standard output and error. */
  get output(): string {
    return this.running?.output() ?? '';
  }

  /** Starts a process on the folders; only {@link startService} and {@link restart} need to call it. */
  async start(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      this.port ||= await freePort();
      this.url = `http://127.0.0.1:${this.port}`;
      this.running = spawnService(this.environment(), this.dir, this.options.as);
      try {
        return await answering(this.running, this.url);
      } catch (error) {
        const taken = error instanceof ServiceEnded && /EADDRINUSE/.test(error.output + this.logText());
        if (!taken || tries === PORT_TRIES) throw error;
        this.port = 0;
      }
    }
  }

  private environment(): Record<string, string> {
    const all: ServiceEnvironment = {
      PATH: process.env.PATH,
      HOME: this.dir,
      HOST: '127.0.0.1',
      PORT: String(this.port),
      SOURCE_STORAGE_PATH: this.storage,
      TARGET_STORAGE_PATH: this.areas,
      DATABASE_URL: `sqlite:${path.join(this.dir, 'staging.sqlite')}`,
      LOG_FILE: this.logFile,
      SHUTDOWN_GRACE_SECONDS: '10',
      ...this.env,
    };
    return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
  }

  /** `POST /stage_data`; without `method` and `username` in `query` a `local_copy` for `ana`. */
  stage(body: unknown, query: Record<string, string> = {}, headers?: OutgoingHttpHeaders): Promise<Answer> {
    const search = new URLSearchParams({ method: 'local_copy', username: 'ana', ...query });
    return this.post(`/stage_data?${search.toString()}`, body, headers);
  }

  /** Asks for a path as it is written, from the first slash on. */
  get(path: string, headers?: OutgoingHttpHeaders): Promise<Answer> {
    return this.request(path, { headers });
  }

  /** Posts a body: text and bytes as they are, anything else as JSON. */
  post(path: string, body?: unknown, headers?: OutgoingHttpHeaders): Promise<Answer> {
    return this.request(path, { method: 'POST', body, headers });
  }

  /** Sends any request. */
  request(path: string, request: Request): Promise<Answer> {
    return send(this.url + path, request);
  }

  /** The log file as it is now; empty when there is none yet. */
  logText(): string {
    try {
      return readFileSync(this.logFile, 'utf8');
    } catch {
      return '';
    }
  }

  /** Ends the process as a power failure would, and waits until it is gone. */
  async kill9(): Promise<void> {
    this.running?.child.kill('SIGKILL');
    await this.running?.ended.catch(() => undefined);
  }

  /** Asks the process to end (SIGTERM); returns its exit status, null when a signal ended it. */
  async stop(): Promise<number | null> {
    this.process.kill('SIGTERM');
    return (await this.ending(STOP_SECONDS)).code;
  }

  /** Waits until the process has ended by itself. */
  async ending(seconds: number): Promise<Ending> {
    const { ended, output } = this.running!;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new Error(`The service runs on after ${seconds} s:\n${output()}`)),
        seconds * 1000,
      );
    });
    return Promise.race([ended, late]).finally(() => clearTimeout(timer));
  }

  /** Stops the process if it runs and starts another on the same folders, with further settings if need be. */
  async restart(env: ServiceEnvironment = {}): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.stop();
    this.env = { ...this.env, ...env };
    await this.start();
  }
}
