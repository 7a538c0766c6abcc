import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { accessSync, readdirSync, readFileSync } from 'node:fs';
import { onCleanup } from './cleanups';
import { unmountPath } from './mounts';
import { temporaryFolder } from './temporary-folder';
import { until } from './until';

/** A directory whose file system can be made to answer nothing, as a dead network storage does. */
export interface HungMount {
  /** Where the file system is mounted. */
  path: string;
  /** The folder that it shows, which answers always: for putting files there. */
  behind: string;
  /** From then on no call on `path` returns. Whoever touches it waits, so a test must not do so itself. */
  hang(): Promise<void>;
  /** From now on it answers again, also the calls that wait. */
  resume(): void;
  /** Ends it: calls that wait fail. */
  unmount(): void;
}

/** Why no file system of this kind can be made here, or null. */
export function hungMountMissing(): string | null {
  if (process.getuid?.() !== 0) return 'mounting needs root';
  if (spawnSync('bindfs', ['--version']).error) return 'bindfs is not installed';
  try {
    accessSync('/dev/fuse');
    return null;
  } catch {
    return 'there is no /dev/fuse';
  }
}

/** Mounts a folder a second time through a FUSE daemon (bindfs), which can be stopped like any process. */
export async function mountHung(): Promise<HungMount> {
  const behind = temporaryFolder('staging-behind-');
  const path = temporaryFolder('staging-hung-');
  const daemon = spawn('setpriv', ['--pdeathsig', 'KILL', 'bindfs', '-f', behind, path], { stdio: 'ignore' });
  let mounted = true;
  const unmount = () => {
    if (!mounted) return;
    mounted = false;
    // Killed first: then calls that wait fail, and the folder can be removed.
    daemon.kill('SIGKILL');
    unmountPath(path);
  };
  onCleanup(unmount);
  await isMounted(path, daemon);
  return { path, behind, hang: () => stopped(daemon), resume: () => void daemon.kill('SIGCONT'), unmount };
}

/** Stops every thread of the daemon; the signal alone would leave one the time for one more answer. */
async function stopped(daemon: ChildProcess): Promise<void> {
  daemon.kill('SIGSTOP');
  const tasks = `/proc/${daemon.pid}/task`;
  const stands = (task: string) => readFileSync(`${tasks}/${task}/status`, 'utf8').includes('State:\tT');
  await until(() => readdirSync(tasks).every(stands), 'bindfs did not stop');
}

/** Waits for the daemon without touching the mount. */
async function isMounted(path: string, daemon: ChildProcess): Promise<void> {
  await until(() => {
    if (daemon.exitCode !== null) throw new Error(`bindfs ended with ${daemon.exitCode}`);
    return readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${path} `);
  }, `bindfs did not mount ${path}`);
}
