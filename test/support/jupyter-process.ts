import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { commandAs, type Ids } from './accounts';
import { onCleanup } from './cleanups';
import { send } from './http-client';
import { until } from './until';

/** Where Debian puts programs and the modules of its own Node programs, the hub's proxy among them. */
export const JUPYTER_ENVIRONMENT = {
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  NODE_PATH: '/usr/share/nodejs',
  LANG: 'C.UTF-8',
};

const START_SECONDS = 30;
/** A hub waits for its servers, which take some seconds; then it is ended as a power failure would. */
const STOP_SECONDS = 20;

/** `nobody` when the tests run as root, else undefined: the account of the tests. */
export function ordinaryAccount(): Ids | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const number = (option: string) => Number(execFileSync('id', [option, 'nobody'], { encoding: 'utf8' }));
  return { uid: number('-u'), gid: number('-g') };
}

/** One program of Jupyter that can be started more than once; it dies with this process, whatever happens. */
export class JupyterProcess {
  private child: ChildProcess | undefined;
  private ended: Promise<void> = Promise.resolve();
  private output = '';

  constructor(
    private readonly title: string,
    private readonly command: string[],
    private readonly folder: string,
    private readonly account: Ids | undefined,
  ) {
    onCleanup(() => this.stop());
  }

  /** Starts the program and waits until `address` answers with 200. */
  async start(address: string): Promise<void> {
    const { account, folder } = this;
    const argv = ['setpriv', '--pdeathsig', 'KILL', ...this.command];
    // Changing the account clears the signal at the parent's death, so it is set afterwards.
    const [program, ...rest] = account ? commandAs(account, argv) : argv;
    const env = { ...JUPYTER_ENVIRONMENT, HOME: folder };
    const child = spawn(program!, rest, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    }
    this.child = child;
    // Not 'close': servers of users may hold the pipes a little longer.
    this.ended = new Promise((resolve) => child.once('exit', () => resolve()));
    await until(() => this.answers(address), `${this.title} did not start`, START_SECONDS).catch((error: Error) => {
      throw new Error(`${error.message}; it wrote:\n${this.output}`, { cause: error });
    });
  }

  private async answers(address: string): Promise<boolean> {
    if (this.hasEnded()) throw new Error(`${this.title} ended instead of starting`);
    return send(address).then(
      (answer) => answer.status === 200,
      () => false,
    );
  }

  private hasEnded(): boolean {
    return !this.child || this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Asks the program to end and waits until it has. */
  async stop(): Promise<void> {
    if (this.hasEnded()) return;
    this.child!.kill('SIGTERM');
    const timer = setTimeout(() => this.child!.kill('SIGKILL'), STOP_SECONDS * 1000);
    await this.ended.finally(() => clearTimeout(timer));
  }
}
