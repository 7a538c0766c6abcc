import { type ChildProcess, spawn } from 'node:child_process';
import { freePort } from './free-port';
import { freezeProcess } from './freeze-process';
import { until } from './until';

/** Ports are found by trying, so one may be taken by somebody else before the server listens. */
const PORT_TRIES = 5;

/** A server program of one spec file, on a free port of 127.0.0.1: it dies with this process, whatever happens. */
export abstract class PrivateServer {
  port = 0;
  private child: ChildProcess | undefined;
  private ended: Promise<void> = Promise.resolve();
  private output = '';

  constructor(private readonly name: string) {}

  /** The program and its arguments, for the port. */
  protected abstract command(): string[];

  /** Whether the server answers already. */
  protected abstract responds(): Promise<boolean>;

  protected environment(): NodeJS.ProcessEnv {
    return process.env;
  }

  /** Finds a port and starts the server there. */
  async start(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      this.port = await freePort();
      try {
        return await this.restart();
      } catch (error) {
        if (tries === PORT_TRIES) throw error;
      }
    }
  }

  /** Starts the server, again after `stop` or `kill9`, on the same port and data, and waits until it answers. */
  async restart(): Promise<void> {
    this.output = '';
    const command = ['--pdeathsig', 'KILL', ...this.command()];
    const child = spawn('setpriv', command, { env: this.environment(), stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    }
    this.child = child;
    this.ended = new Promise((resolve) => child.once('close', () => resolve()));
    await until(() => this.answers(), `${this.name} did not start`, 30);
  }

  private answers(): Promise<boolean> {
    if (this.child!.exitCode !== null) throw new Error(`${this.name} ended instead of starting:\n${this.output}`);
    return this.responds();
  }

  /** Ends the server in order. */
  async stop(): Promise<void> {
    this.child?.kill('SIGTERM');
    await this.ended;
  }

  /** Ends the server as a power failure would, and waits until it is gone. */
  async kill9(): Promise<void> {
    this.child?.kill('SIGKILL');
    await this.ended;
  }

  /** Stops the server's threads, all of them when this returns: the kernel takes connections and packets, none is answered. */
  freeze(): void {
    freezeProcess(this.child!.pid!);
  }

  /** Lets a frozen server go on. */
  thaw(): void {
    this.child!.kill('SIGCONT');
  }
}
