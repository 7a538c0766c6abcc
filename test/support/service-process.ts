import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { commandAs, type Ids } from './accounts';
import { send } from './http-client';
import { until } from './until';

/** The compiled service, as `npm start` runs it. */
export const SERVICE_PROGRAM = path.resolve(__dirname, '../../dist/apps/api/src/main.js');

/** How a process ended: its exit status, or the signal that ended it. */
export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** One process of the service, with all it wrote to standard output and error. */
export interface ServiceProcess {
  child: ChildProcess;
  ended: Promise<Ending>;
  output: () => string;
}

/** Starts the service; it dies with this process, whatever happens. Does not wait for it to listen. */
export function spawnService(environment: Record<string, string>, folder: string, as?: Ids): ServiceProcess {
  return spawnProgram(SERVICE_PROGRAM, environment, folder, as);
}

/** Starts another program of the service, in the same manner. */
export function spawnProgram(
  file: string,
  environment: Record<string, string>,
  folder: string,
  as?: Ids,
): ServiceProcess {
  const command = ['setpriv', '--pdeathsig', 'KILL', process.execPath, file];
  // Changing the account clears the signal at the parent's death, so it is set afterwards.
  const [program, ...argv] = as ? commandAs(as, command) : command;
  const child = spawn(program!, argv, { cwd: folder, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  // Whoever waits for it sees the error; nobody must.
  ended.catch(() => undefined);
  return { child, ended, output: () => output };
}

/** Thrown when the service ended instead of listening; `output` is all it wrote. */
export class ServiceEnded extends Error {
  constructor(
    readonly ending: Ending,
    readonly output: string,
  ) {
    super(`The service ended (status ${ending.code}, signal ${ending.signal}) instead of starting:\n${output}`);
    this.name = 'ServiceEnded';
  }
}

/** Waits until the service answers `GET /ping`; throws {@link ServiceEnded} as soon as its process has ended. */
export async function answering(service: ServiceProcess, url: string): Promise<void> {
  let ending: Ending | undefined;
  void service.ended.then((how) => (ending = how));
  await until(
    async () => {
      if (ending) throw new ServiceEnded(ending, service.output());
      return send(`${url}/ping`).then(
        (answer) => answer.status === 200,
        () => false,
      );
    },
    `The service did not answer at ${url}/ping`,
    30,
  ).catch((error: Error) => {
    if (error instanceof ServiceEnded) throw error;
    throw new Error(`${error.message}; it wrote:\n${service.output()}`, { cause: error });
  });
}
