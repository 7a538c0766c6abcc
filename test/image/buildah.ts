import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { onCleanup } from '../support/cleanups';
import { temporaryFolder } from '../support/temporary-folder';
import { makeBaseImage } from './base-image';
import { npmAccess } from './npm-access';

const REPOSITORY = path.resolve(__dirname, '../..');
const PROGRAMS = ['buildah', 'mmdebstrap', 'unshare', 'setpriv'];
/** No engine and no kernel feature beyond chroot(2): this also works inside a container. */
const ENVIRONMENT = { ...process.env, STORAGE_DRIVER: 'vfs', BUILDAH_ISOLATION: 'chroot' };

/** Runs buildah on a store of this test alone; returns what it wrote. */
export type Buildah = (...argv: string[]) => string;

/** An image that was built just now, and its files in a folder. */
export interface BuiltImage {
  /** The image's file system, as a container of it sees it. */
  root: string;
  /** The image's settings, as `docker inspect` shows them. */
  config: ImageConfig;
  /** All that the image says about itself: settings, labels, history. */
  description: string;
  registryHost: string;
}

export interface ImageConfig {
  User: string;
  Env: string[];
  Cmd: string[];
  Entrypoint?: string[];
  WorkingDir: string;
  Labels: Record<string, string>;
  Volumes: Record<string, object>;
  StopSignal: string;
  Healthcheck: { Test: string[] };
}

/** Why no image can be built here, or null. */
export function buildahMissing(): string | null {
  if (process.getuid?.() !== 0) return 'needs root';
  const missing = PROGRAMS.find((name) => spawnSync(name, ['--version']).status !== 0);
  return missing === undefined ? null : `${missing} is not installed`;
}

/** Builds the Dockerfile of the repository as `docker build .` does; store and files are gone after this spec file. */
export async function buildImage(): Promise<BuiltImage> {
  const folder = temporaryFolder('staging-image-');
  const store = ['--root', path.join(folder, 'store'), '--runroot', path.join(folder, 'run')];
  const buildah: Buildah = (...argv) =>
    execFileSync('buildah', [...store, ...argv], {
      env: ENVIRONMENT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const base = makeBaseImage(buildah, folder);
  const { mounts, registryHost } = npmAccess(folder);
  // What OCI's own format has no place for, as HEALTHCHECK, Docker's has.
  const options = ['--format', 'docker', '--pull-never', '--build-arg', `BASE_IMAGE=${base}`, ...openFiles()];
  const volumes = mounts.flatMap((mount) => ['--volume', mount]);
  await promisify(execFile)(
    'buildah',
    [...store, 'bud', ...options, ...volumes, '-t', 'localhost/staging:1', REPOSITORY],
    {
      env: ENVIRONMENT,
      maxBuffer: 2 ** 26,
    },
  );
  const description = buildah('inspect', '--type', 'image', 'localhost/staging:1');
  const container = buildah('from', '--pull-never', 'localhost/staging:1').trim();
  const root = buildah('mount', container).trim();
  onCleanup(() => void buildah('umount', container));
  const { Docker } = JSON.parse(description) as { Docker: { config: ImageConfig } };
  return { root, config: Docker.config, description, registryHost };
}

/** As many open files as this process may have: npm opens thousands, the default here is fewer than an engine's. */
function openFiles(): string[] {
  const [, soft, hard] = /^Max open files +(\d+) +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return hard === undefined ? [] : ['--ulimit', `nofile=${soft}:${hard}`];
}
