import { spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Ids } from './accounts';
import { freePort } from './free-port';
import { send } from './http-client';
import { JUPYTER_ENVIRONMENT, JupyterProcess, ordinaryAccount } from './jupyter-process';
import { temporaryFolder } from './temporary-folder';
import { until } from './until';

export { type JupyterServer, type JupyterServerOptions, startJupyterServer } from './jupyter-server';

/** Users whose server is of a special kind, in every hub; {@link JupyterhubOptions.users} are ordinary ones. */
export const SPECIAL_USERS = {
  /** The server's program ends at once with a failure. */
  fails: 'fails',
  /** The server's program runs but never listens. */
  hangs: 'hangs',
  /** The server knows no kernel. */
  kernelless: 'kernelless',
} as const;

/** How to set a hub up. */
export interface JupyterhubOptions {
  /** Ordinary users (default: jane and bob). */
  users?: string[];
  /** Whether users may have servers with names (default: false). */
  namedServers?: boolean;
  /** Path that the hub is served under, with a slash at both ends (default: `/`). */
  basePath?: string;
  /** Existing directories to be the homes of users, such as small file systems; they are given to the hub's account. */
  homeOf?: Record<string, string>;
  /** What the service's token may do, in the hub's scopes (default: what the service needs). */
  scopes?: string[];
  /** Seconds until a server that does not come up has failed (default: 10). */
  startSeconds?: number;
  /** Further lines of the hub's configuration (Python). */
  config?: string;
}

/** A JupyterHub with its proxy and its users' servers, of this spec file alone. */
export interface Jupyterhub {
  /** Address of the proxy in front of hub and servers, with a slash at its end. */
  url: string;
  /** The service's token, with the scopes that the service needs and no more. */
  token: string;
  /** The account that everything runs as; undefined: that of the tests. */
  account: Ids | undefined;
  /** A user's home, which is the root of their server's contents. */
  home(user: string): string;
  /** Makes a token of a user's own, with all that the user may do. */
  tokenOf(user: string): Promise<string>;
  /** Asks the hub's API as an administrator of the hub; throws on a status other than 2xx. */
  admin(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>;
  /** Ends a user's server as a lack of memory would; the hub learns of it later. */
  killServer(user: string, server?: string): Promise<void>;
  /** Stops a user's server through the hub and waits until the hub tells that it is down. */
  stopServer(user: string, server?: string): Promise<void>;
  /** Ends hub, proxy and servers in order. */
  stop(): Promise<void>;
  /** Starts hub and proxy again, on the same ports and data. */
  restart(): Promise<void>;
}

/** The least that the service's token must be allowed: found by trying, see the operator's documentation. */
export const SERVICE_SCOPES = ['servers', 'tokens', 'access:servers'];

/** Ports are found by trying, so one may be taken by somebody else before the hub listens. */
const PORT_TRIES = 5;

/** Why there can be no hub here, or null. */
export function jupyterhubMissing(): string | null {
  const programs = ['jupyterhub', 'jupyterhub-singleuser', 'configurable-http-proxy', 'jupyter-server'];
  const missing = programs.find(
    (name) => spawnSync('which', [name], { env: JUPYTER_ENVIRONMENT, stdio: 'ignore' }).status !== 0,
  );
  return missing === undefined ? null : `${missing} is not installed`;
}

/**
 * Starts a hub with a database of its own on free ports of 127.0.0.1, as an ordinary user when the tests run as root
 * (for root no file is read-only). It ends with this spec file, its proxy and servers included, whatever happens.
 */
export async function startJupyterhub(options: JupyterhubOptions = {}): Promise<Jupyterhub> {
  const hub = new Hub(temporaryFolder('staging-jupyterhub-'), ordinaryAccount(), options);
  hub.prepare();
  for (let tries = 1; ; tries += 1) {
    await hub.choosePorts();
    try {
      await hub.restart();
      return hub;
    } catch (error) {
      await hub.stop();
      if (tries === PORT_TRIES) throw error;
    }
  }
}

class Hub implements Jupyterhub {
  url = '';
  readonly token = 'service-token-of-the-tests';
  private readonly adminToken = 'administrator-token-of-the-tests';
  private readonly base: string;
  private readonly users: string[];
  private readonly process: JupyterProcess;

  constructor(
    private readonly folder: string,
    readonly account: Ids | undefined,
    private readonly options: JupyterhubOptions,
  ) {
    this.base = options.basePath ?? '/';
    this.users = [...(options.users ?? ['jane', 'bob']), ...Object.values(SPECIAL_USERS)];
    this.process = new JupyterProcess('JupyterHub', ['jupyterhub', '-f', `${folder}/config.py`], folder, account);
  }

  prepare(): void {
    const { account, folder } = this;
    mkdirSync(`${folder}/home`);
    const homes = this.users.map((user) => this.home(user));
    for (const home of homes) mkdirSync(home, { recursive: true, mode: 0o755 });
    if (account) for (const each of [folder, `${folder}/home`, ...homes]) chownSync(each, account.uid, account.gid);
  }

  async choosePorts(): Promise<void> {
    const [port, api, hub] = [await freePort(), await freePort(), await freePort()];
    this.url = `http://127.0.0.1:${port}${this.base}`;
    writeFileSync(path.join(this.folder, 'config.py'), this.config(api, hub));
  }

  private config(apiPort: number, hubPort: number): string {
    const { folder, options } = this;
    const told = {
      url: this.url,
      folder,
      api: `http://127.0.0.1:${apiPort}`,
      hub: `http://127.0.0.1:${hubPort}`,
      users: this.users,
      homes: options.homeOf ?? {},
      named: options.namedServers ?? false,
      start: options.startSeconds ?? 10,
      tokens: { staging: this.token, tests: this.adminToken },
      scopes: {
        staging: options.scopes ?? SERVICE_SCOPES,
        tests: ['admin:users', 'admin:servers', 'tokens', 'access:servers'],
      },
      // A server's program dies with the hub, so that nothing outlives the tests.
      dying: ['setpriv', '--pdeathsig', 'KILL'],
    };
    // JSON text in a JSON string is a string literal of Python as well.
    return `import json\ntold = json.loads(${JSON.stringify(JSON.stringify(told))})\n${CONFIG}\n${options.config ?? ''}\n`;
  }

  home(user: string): string {
    return this.options.homeOf?.[user] ?? path.join(this.folder, 'home', user);
  }

  async restart(): Promise<void> {
    await this.process.start(`${this.url}hub/api/`);
  }

  stop(): Promise<void> {
    return this.process.stop();
  }

  async admin(method: string, where: string, body?: unknown): Promise<{ status: number; body: unknown }> {
    const headers = { authorization: `token ${this.adminToken}` };
    const answer = await send(`${this.url}hub/api${where}`, { method, headers, body });
    if (answer.status < 200 || answer.status > 299) {
      throw new Error(`${method} ${where} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    }
    return { status: answer.status, body: answer.body as unknown };
  }

  async tokenOf(user: string): Promise<string> {
    const { body } = await this.admin('POST', `/users/${user}/tokens`, { note: 'of the tests' });
    return (body as { token: string }).token;
  }

  async killServer(user: string, server = ''): Promise<void> {
    const pid = (await this.servers(user))[server]?.state?.pid;
    if (!pid) throw new Error(`No server "${server}" of ${user} runs`);
    process.kill(pid, 'SIGKILL');
    await until(() => hasEnded(pid), `Process ${pid} did not end`);
  }

  async stopServer(user: string, server = ''): Promise<void> {
    await this.admin('DELETE', `/users/${user}/${server === '' ? 'server' : `servers/${server}`}`);
    const down = async () => {
      const state = (await this.servers(user))[server];
      return state === undefined || state.stopped === true;
    };
    await until(down, `The server of ${user} did not stop`);
  }

  private async servers(user: string): Promise<Record<string, { stopped?: boolean; state?: { pid?: number } }>> {
    const { body } = await this.admin('GET', `/users/${user}`);
    return (body as { servers: Record<string, { stopped?: boolean; state?: { pid?: number } }> }).servers;
  }
}

/** Whether a process is gone, or is dead and only waits for its parent to notice. */
function hasEnded(pid: number): boolean {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

const CONFIG = `
c = get_config()
D = told["folder"]
c.JupyterHub.bind_url = told["url"]
c.JupyterHub.hub_bind_url = told["hub"]
c.ConfigurableHTTPProxy.api_url = told["api"]
c.ConfigurableHTTPProxy.pid_file = D + "/proxy.pid"
c.ConfigurableHTTPProxy.command = told["dying"] + ["configurable-http-proxy"]
c.JupyterHub.db_url = "sqlite:///" + D + "/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = D + "/cookie_secret"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allowed_users = set(told["users"])
c.JupyterHub.allow_named_servers = told["named"]
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = D + "/home/{username}"
c.Spawner.cmd = told["dying"] + ["jupyterhub-singleuser"]
c.Spawner.ip = "127.0.0.1"
c.Spawner.start_timeout = c.Spawner.http_timeout = told["start"]
c.JupyterHub.services = [{"name": name, "api_token": token} for name, token in told["tokens"].items()]
c.JupyterHub.load_roles = [{"name": name, "services": [name], "scopes": scopes} for name, scopes in told["scopes"].items()]

def pre_spawn(spawner):
    name = spawner.user.name
    if name in told["homes"]:
        spawner.home_dir = told["homes"][name]
    if name == "fails":
        spawner.cmd = ["/bin/false"]
    if name == "hangs":
        spawner.cmd = told["dying"] + ["sh", "-c", "exec sleep 1000"]
    if name == "kernelless":
        spawner.args = ["--KernelSpecManager.allowed_kernelspecs=none", "--MappingKernelManager.default_kernel_name=none"]

c.Spawner.pre_spawn_hook = pre_spawn
`;
