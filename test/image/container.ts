import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { onCleanup } from '../support/cleanups';
import { temporaryFolder } from '../support/temporary-folder';
import { type Ending } from '../support/service-process';
import { type BuiltImage } from './buildah';

/** What a container is started with, beyond what the image says. */
export interface ContainerOptions {
  /** Instead of the image's own command. */
  command?: string[];
  env?: Record<string, string>;
  /** Folders of this machine, by where they are in the container. */
  mounts?: Record<string, string>;
}

/** A container's first process. */
export interface Container {
  output: () => string;
  /** SIGTERM to the first process itself, as `docker stop` does. */
  terminate(): void;
  ended: Promise<Ending>;
  /** Runs one more program in the running container, as its user; returns exit status and output. */
  exec(...command: string[]): { status: number; output: string };
}

/**
 * Prepared by root in namespaces of its own, given up with the last of its processes: nothing is left mounted. The root
 * is read-only; /tmp is new; devices are the few that an engine gives.
 */
const PREPARE = `
set -e
root=$1; user=$2; group=$3; folder=$4; shift 4
mount --bind "$root" "$root"
mount -t tmpfs -o nosuid,nodev,mode=1777 tmp "$root/tmp"
mount -t tmpfs -o nosuid,mode=755 dev "$root/dev"
for name in null zero urandom random; do : > "$root/dev/$name"; mount --bind "/dev/$name" "$root/dev/$name"; done
ln -s /proc/self/fd "$root/dev/fd"
mount -t proc proc "$root/proc"
while [ "$1" != -- ]; do mount --bind "$1" "$root$2"; shift 2; done
shift
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs unshare --root="$root" --wd="$folder" --setgid="$group" --setuid="$user" "$@"
`;

/**
 * Runs the image as a container engine with `--read-only --tmpfs /tmp --network host --cap-drop ALL
 * --security-opt no-new-privileges` does. `buildah run` has no read-only root, and hands no signals on, where it may
 * not make network namespaces and control groups; so util-linux's own programs are used.
 */
export function startContainer(image: BuiltImage, options: ContainerOptions = {}): Container {
  const { command = image.config.Cmd, env = {}, mounts = {} } = options;
  const [user, group] = image.config.User.split(':') as [string, string];
  const volumes = { ...newVolumes(image), ...mounts };
  const given = [image.root, user, group, image.config.WorkingDir];
  const mounted = Object.entries(volumes).flatMap(([inside, outside]) => [outside, inside]);
  const namespaces = ['--mount', '--pid', '--ipc', '--uts', '--fork', '--kill-child'];
  const argv = [...namespaces, 'sh', '-c', PREPARE, 'sh', ...given, ...mounted, '--', ...command];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...argv], {
    cwd: '/',
    env: { ...imageEnvironment(image), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  ended.catch(() => undefined);
  onCleanup(async () => {
    // With the first process the kernel ends all others of the container.
    if (child.exitCode === null && child.signalCode === null) process.kill(firstProcess(child), 'SIGKILL');
    await ended;
  });
  const enter = (...program: string[]) => enterContainer(firstProcess(child), image, env, program);
  return { output: () => output, terminate: () => process.kill(firstProcess(child), 'SIGTERM'), ended, exec: enter };
}

function imageEnvironment(image: BuiltImage): Record<string, string> {
  return Object.fromEntries(
    image.config.Env.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

/** What the image declares as volumes: an engine fills a new one with what the image has there, and with its owner. */
function newVolumes(image: BuiltImage): Record<string, string> {
  return Object.fromEntries(
    Object.keys(image.config.Volumes).map((inside) => {
      const folder = path.join(temporaryFolder('staging-volume-'), 'data');
      execFileSync('cp', ['-a', path.join(image.root, inside), folder]);
      return [inside, folder];
    }),
  );
}

/** The process that is number 1 in the container. */
function firstProcess(child: ChildProcess): number {
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
  if (children === '') throw new Error('The container has ended');
  return Number(children.split(' ')[0]);
}

function enterContainer(pid: number, image: BuiltImage, env: Record<string, string>, program: string[]) {
  const [user, group] = image.config.User.split(':');
  const enter = [`--target=${pid}`, '--all', '--root', '--wd'];
  const account = [`--setuid=${user}`, `--setgid=${group}`];
  const options = { env: { ...imageEnvironment(image), ...env }, encoding: 'utf8' as const, stdio: 'pipe' as const };
  try {
    return { status: 0, output: execFileSync('nsenter', [...enter, ...account, '--', ...program], options) };
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
    return { status, output: `${stdout}${stderr}` };
  }
}
