import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, closeSync, ftruncateSync, openSync, rmSync } from 'node:fs';
import { onCleanup } from './cleanups';
import { temporaryFolder } from './temporary-folder';

/** File systems that can be made in an image file. */
export type ImageType = 'ext4' | 'btrfs' | 'xfs';

/** A mounted file system of its own; it is empty but for what its kind puts there (`lost+found`). */
export interface Mount {
  /** Where it is mounted; anybody may enter. */
  path: string;
  /** Takes it away again; once only is enough, and the end of the spec file does it too. */
  unmount(): void;
}

const MIB = 1024 ** 2;

/** Smallest image that each `mkfs` accepts. */
const SMALLEST: Record<ImageType, number> = { ext4: 8 * MIB, btrfs: 128 * MIB, xfs: 320 * MIB };

const answers = new Map<string, string | null>();

/**
 * Why file systems of these types (none: tmpfs) cannot be mounted here, or null. Found by trying: rights, loop devices,
 * tools and the kernel all have a say.
 */
export function mountingMissing(...types: ImageType[]): string | null {
  if (process.getuid?.() !== 0) return 'mounting needs root';
  const reasons = [tryOnce('tmpfs', () => mountTmpfs(MIB)), ...types.map(tryImage)];
  return reasons.find((reason) => reason !== null) ?? null;
}

function tryImage(type: ImageType): string | null {
  return tryOnce(type, () => mountImage(type, SMALLEST[type]));
}

function tryOnce(type: string, mount: () => Mount): string | null {
  if (!answers.has(type)) answers.set(type, whyNot(type, mount));
  return answers.get(type)!;
}

function whyNot(type: string, mount: () => Mount): string | null {
  try {
    mount().unmount();
    return null;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT'
      ? `mkfs.${type} is not installed`
      : `${type}: ${message.split('\n').slice(0, 2).join(' ')}`;
  }
}

/** Mounts a file system in memory of at most `sizeBytes`, with at most `inodes` files and directories (its top is one). */
export function mountTmpfs(sizeBytes: number, limits: { inodes?: number } = {}): Mount {
  const inodes = limits.inodes === undefined ? '' : `,nr_inodes=${limits.inodes}`;
  return mountAt(['-t', 'tmpfs', '-o', `size=${sizeBytes},mode=755${inodes}`, 'tmpfs']);
}

/** Mounts a new file system in a sparse image file of `sizeBytes` (at least 320 MiB for xfs, 128 MiB for btrfs). */
export function mountImage(type: ImageType, sizeBytes: number): Mount {
  const image = `${temporaryFolder('staging-image-')}/image`;
  const file = openSync(image, 'w', 0o600);
  ftruncateSync(file, sizeBytes);
  closeSync(file);
  execFileSync(`mkfs.${type}`, type === 'ext4' ? ['-q', '-F', image] : ['-q', image], {
    env: toolPath(),
    stdio: 'pipe',
  });
  const mount = mountAt(['-t', type, '-o', 'loop', image]);
  chmodSync(mount.path, 0o755);
  return { ...mount, unmount: () => (mount.unmount(), rmSync(image, { force: true })) };
}

/** `mkfs` lies where an ordinary login does not look. */
function toolPath(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
}

function mountAt(what: string[]): Mount {
  const path = temporaryFolder('staging-mount-');
  execFileSync('mount', [...what, path], { stdio: 'pipe' });
  let mounted = true;
  const unmount = () => {
    if (!mounted) return;
    mounted = false;
    unmountPath(path);
  };
  onCleanup(unmount);
  return { path, unmount };
}

/** Unmounts; what is still in use goes away with its last user. */
export function unmountPath(path: string): void {
  if (spawnSync('umount', [path]).status !== 0) execFileSync('umount', ['--lazy', path], { stdio: 'pipe' });
}
