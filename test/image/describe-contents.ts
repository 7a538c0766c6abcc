import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { type BuiltImage } from './buildah';
import { startContainer } from './container';

const MOST_BYTES = 250e6;

interface Manifest {
  version: string;
  dependencies: Record<string, string>;
}
const manifest = readJson('package.json') as Manifest;
const lock = readJson('package-lock.json') as { packages: Record<string, { dev?: boolean }> };

function readJson(name: string): unknown {
  return JSON.parse(readFileSync(path.resolve(__dirname, '../..', name), 'utf8'));
}

/** The bytes of all files below a folder, without those of file systems' blocks; no layer holds a file twice. */
function bytesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .reduce((sum, entry) => sum + lstatSync(path.join(entry.parentPath, entry.name)).size, 0);
}

/** The largest parts of an image, for whoever has to make it smaller. */
function partsOf(root: string): string {
  const lines = execFileSync('du', ['--block-size=1000', '--apparent-size', '--max-depth=3', root], {
    encoding: 'utf8',
  });
  const parts = lines.split('\n').map((line) => line.split('\t') as [string, string]);
  parts.sort((one, other) => Number(other[0]) - Number(one[0]));
  return parts
    .slice(0, 60)
    .map(([size, name]) => `${size.padStart(8)} kB ${name?.replace(root, '')}`)
    .join('\n');
}

/** Packages below a node_modules folder, also nested ones, by their place as the lock file names it. */
function packagesBelow(root: string, folder = 'node_modules'): string[] {
  const inside = (name: string) => path.join(root, folder, name);
  if (!existsSync(inside('.'))) return [];
  return readdirSync(inside('.'))
    .flatMap((name) => (name.startsWith('@') ? readdirSync(inside(name)).map((part) => `${name}/${part}`) : [name]))
    .map((name) => `${folder}/${name}`)
    .flatMap((place) => [place, ...packagesBelow(root, `${place}/node_modules`)]);
}

/** What is in the image, and what is not. */
export function describeContents(image: () => BuiltImage): void {
  it('is smaller than 250 MB', () => {
    const total = bytesBelow(image().root);
    if (total >= MOST_BYTES) throw new Error(`The image has ${total} bytes:\n${partsOf(image().root)}`);
    // Not because nothing is in it.
    expect(total).toBeGreaterThan(100e6);
  });

  it('has the production dependencies, and no others', () => {
    const packages = packagesBelow(path.join(image().root, 'app'));
    expect(packages).toEqual(
      expect.arrayContaining(Object.keys(manifest.dependencies).map((name) => `node_modules/${name}`)),
    );
    // Folders that the lock does not name hold nothing but a licence.
    expect(packages.filter((place) => lock.packages[place]?.dev)).toEqual([]);
  });

  it('loads each of them, native parts too', async () => {
    const program = `
      const { createRequire } = require('node:module');
      const load = createRequire('/app/dist/apps/api/src/main.js');
      for (const name of ${JSON.stringify(Object.keys(manifest.dependencies))}) {
        try { load(name); } catch (error) {
          if (error.code !== 'ERR_REQUIRE_ESM') { console.error(name, error); process.exitCode = 1; }
        }
      }
      new (load('libsql'))(':memory:').exec('SELECT 1');
      load('koffi').load('libc.so.6').func('int getuid()')();`;
    const container = startContainer(image(), { command: ['node', '-e', program] });
    const ending = await container.ended;
    expect({ ...ending, output: container.output() }).toEqual({ code: 0, signal: null, output: '' });
  });

  it('keeps nothing of the registry that its packages came from', () => {
    const files = readdirSync(image().root, { recursive: true, encoding: 'utf8' });
    expect(files.filter((name) => /(^|\/)(\.npmrc|npmrc|\.package-lock\.json|_cacache|\.npm)$/.test(name))).toEqual([]);
    expect(image().description).not.toContain(image().registryHost);
    // Packages say themselves where they were published; they are as anybody gets them.
    const mentions = execFileSync('sh', [
      '-c',
      'grep -rlF --exclude-dir=node_modules -- "$0" "$1" || true',
      image().registryHost,
      image().root,
    ]);
    expect(mentions.toString()).toBe('');
  });

  it('says what it is', () => {
    expect(image().config.Labels).toMatchObject({
      'org.opencontainers.image.title': 'staging-service',
      'org.opencontainers.image.version': manifest.version,
      'org.opencontainers.image.licenses': 'BSD-3-Clause',
    });
    expect(image().config).toMatchObject({ User: '10001:10001', WorkingDir: '/app', StopSignal: 'SIGTERM' });
    expect(image().config.Healthcheck.Test).toEqual(['CMD', 'node', '/app/health.mjs']);
  });

  it('gives its user the folders that it writes to, and nothing else', () => {
    const owned = readdirSync(image().root, { recursive: true, encoding: 'utf8' }).filter((name) => {
      const file = path.join(image().root, name);
      const { uid, mode } = lstatSync(file);
      return uid !== 0 || (!lstatSync(file).isSymbolicLink() && (mode & 0o022) !== 0);
    });
    expect(owned.sort()).toEqual(['data/storage', 'data/user_areas', 'tmp', 'var/lib/staging']);
    expect(statSync(path.join(image().root, 'tmp')).mode & 0o7777).toBe(0o1777);
  });

  it('has the programs that the service runs, licences, and the time zones', async () => {
    const program = `
      const { execFileSync } = require('node:child_process');
      const run = (name, ...argv) => execFileSync(name, argv, { encoding: 'utf8' }).trim();
      console.log(run('getent', 'passwd', '--', '10001').split(':')[0], run('id', '-G', '--', 'staging'));
      run('sync', '-f', '/var/lib/staging');
      console.log(new Date(0).toTimeString().slice(0, 8));`;
    const container = startContainer(image(), { command: ['node', '-e', program], env: { TZ: 'Asia/Tokyo' } });
    expect(await container.ended).toEqual({ code: 0, signal: null });
    expect(container.output()).toBe('staging 10001\n09:00:00\n');
    expect(existsSync(path.join(image().root, 'app/LICENSE'))).toBe(true);
    expect(existsSync(path.join(image().root, 'usr/share/doc/coreutils/copyright'))).toBe(true);
  });
}
