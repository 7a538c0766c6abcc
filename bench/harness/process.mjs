// Servers that are started for a row, and end with it.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { clearTimeout } from 'node:timers';
import { setTimeout as delay } from 'node:timers/promises';

/** A port of the loopback interface that was free just now. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Starts a server and waits until `ready()` is true, 60 seconds at most. It is stopped (SIGTERM, after 60 seconds
 * SIGKILL) at the end of the row, and dies with this process. Returns `{ pid, stop }`.
 */
export async function startServer(bench, argv, { cwd, env, ready }) {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...argv], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said = (said + text).slice(-4000)));
  const ended = new Promise((resolve) => child.once('close', resolve).once('error', resolve));
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
    await ended;
    clearTimeout(timer);
  };
  bench.onEnd(stop);
  const deadline = Date.now() + 60_000;
  while (!(await ready())) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${argv[0]} ended at start:\n${said}`);
    if (Date.now() > deadline) throw new Error(`${argv.join(' ')} is not ready after a minute:\n${said}`);
    await delay(20);
  }
  return { pid: child.pid, stop };
}
