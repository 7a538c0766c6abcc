// Fresh file systems in image files: on a used one the cost of making files jumps between rounds.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';

/** Arguments for `mkfs`: all tables are written at once, so that no background work falls into the measuring. */
const MKFS = {
  ext4: (inodes) => [
    '-q',
    '-F',
    '-E',
    'lazy_itable_init=0,lazy_journal_init=0',
    ...(inodes ? ['-N', `${inodes}`] : []),
  ],
  btrfs: () => ['-q'],
};

/**
 * Mounts a new file system of `bytes` and returns its path. Needs root: without it returns a plain folder for ext4, and
 * null for a file system that is asked for because it differs.
 */
export function makeImage(bench, type, bytes, inodes) {
  const folder = bench.folder();
  if (process.getuid() !== 0) {
    bench.log(`Not root, so nothing can be mounted: ${type === 'ext4' ? `measuring in ${folder}` : `no ${type}`}`);
    return type === 'ext4' ? folder : null;
  }
  const image = path.join(folder, 'image');
  const mount = path.join(folder, 'mount');
  mkdirSync(mount);
  execFileSync('fallocate', ['-l', `${bytes}`, image]);
  execFileSync(`/usr/sbin/mkfs.${type}`, [...MKFS[type](inodes), image], { stdio: 'pipe' });
  execFileSync('mount', ['-o', 'loop', image, mount]);
  // What is still in use after an error goes away with its last user.
  bench.onEnd(() => execFileSync('umount', ['--lazy', mount]));
  return mount;
}
