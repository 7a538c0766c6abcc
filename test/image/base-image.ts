import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Buildah } from './buildah';

/** Of Debian's packages just those that the Dockerfile's commands need, so that they are there in seconds. */
const PACKAGES = ['base-files', 'bash', 'coreutils', 'dash', 'findutils', 'grep', 'libc-bin', 'libstdc++6', 'sed'];

/**
 * Makes `localhost/base:1`, which stands in for node:20-bookworm-slim where no registry of images can be reached: the
 * files of Debian 12 with this machine's Node and npm in /usr/local.
 */
export function makeBaseImage(buildah: Buildah, folder: string): string {
  const archive = path.join(folder, 'debian.tar');
  const options = ['--variant=extract', '--mode=root', `--include=${PACKAGES.join(',')}`];
  execFileSync('mmdebstrap', [...options, 'bookworm', archive], { stdio: 'pipe' });
  const container = buildah('from', 'scratch').trim();
  buildah('add', '-q', container, archive, '/');
  buildah('add', '-q', container, nodeFiles(path.join(folder, 'node')), '/');
  buildah('config', '--env', 'PATH=/usr/local/bin:/usr/bin:/bin', container);
  buildah('commit', '-q', container, 'localhost/base:1');
  buildah('rm', container);
  return 'localhost/base:1';
}

/** Node and npm as the official image has them, and the little that scripts of Debian's packages would have made. */
function nodeFiles(folder: string): string {
  const npm = path.resolve(path.dirname(realpathSync(programPath('npm'))), '..');
  for (const name of ['usr/local/bin', 'usr/local/lib/node_modules', 'etc', 'root']) {
    mkdirSync(path.join(folder, name), { recursive: true });
  }
  cpSync(realpathSync(process.execPath), path.join(folder, 'usr/local/bin/node'));
  cpSync(npm, path.join(folder, 'usr/local/lib/node_modules/npm'), { recursive: true, verbatimSymlinks: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', path.join(folder, 'usr/local/bin/npm'));
  writeFileSync(path.join(folder, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(path.join(folder, 'etc/group'), 'root:x:0:\n');
  return folder;
}

function programPath(name: string): string {
  return execFileSync('sh', ['-c', 'command -v "$0"', name], { encoding: 'utf8' }).trim();
}
