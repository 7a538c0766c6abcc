import { chownSync, mkdirSync } from 'node:fs';
import { freePort } from './free-port';
import { JupyterProcess, ordinaryAccount } from './jupyter-process';
import { temporaryFolder } from './temporary-folder';

/** How to set a server up. */
export interface JupyterServerOptions {
  /** Path that the server is served under, with a slash at both ends (default: `/`). */
  basePath?: string;
}

/** One Jupyter Server without a hub, of this spec file alone. */
export interface JupyterServer {
  /** Its address, with a slash at its end. */
  url: string;
  token: string;
  /** The root of its contents. */
  home: string;
  /** Ends it in order. */
  stop(): Promise<void>;
  /** Starts it again, at the same address. */
  restart(): Promise<void>;
}

/** Ports are found by trying, so one may be taken by somebody else before the server listens. */
const PORT_TRIES = 5;

/** Starts a server with a token, as an ordinary user when the tests run as root; it ends with this spec file. */
export async function startJupyterServer(options: JupyterServerOptions = {}): Promise<JupyterServer> {
  const folder = temporaryFolder('staging-jupyter-');
  const home = `${folder}/home`;
  const account = ordinaryAccount();
  mkdirSync(home);
  if (account) for (const each of [folder, home]) chownSync(each, account.uid, account.gid);
  const token = 'server-token-of-the-tests';
  const base = options.basePath ?? '/';
  for (let tries = 1; ; tries += 1) {
    const port = await freePort();
    const server = new JupyterProcess('Jupyter Server', command({ port, token, home, base }), folder, account);
    const url = `http://127.0.0.1:${port}${base}`;
    const start = () => server.start(`${url}api`);
    try {
      await start();
      return { url, token, home, stop: () => server.stop(), restart: start };
    } catch (error) {
      await server.stop();
      if (tries === PORT_TRIES) throw error;
    }
  }
}

function command({ port, token, home, base }: { port: number; token: string; home: string; base: string }): string[] {
  const options = {
    ip: '127.0.0.1',
    port,
    port_retries: 0,
    token,
    root_dir: home,
    base_url: base,
    open_browser: 'False',
  };
  return ['jupyter-server', ...Object.entries(options).map(([name, value]) => `--ServerApp.${name}=${value}`)];
}
