// The last step of the Dockerfile's build stage: gathers all that the image holds below one folder. `root` is the file
// system as root owns it: Node, the few programs that the service runs, the libraries that these load, the service.
// `state` holds the folders that the service's own user owns.
// Run as: node scripts/image-root.mjs <folder>, where `npm ci`, `npm run build` and `npm prune` were run before.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

const app = path.resolve(import.meta.dirname, '..');
const [out] = process.argv.slice(2);
const root = path.join(out, 'root');

/** What the service runs: getent(1) and id(1) for accounts, sync(1) to flush a file system. */
const PROGRAMS = ['getent', 'id', 'sync'];
/** Where the loader looks without being told; on Debian the first ones are links into /usr, as they are here. */
const MERGED = ['bin', 'sbin', 'lib', 'lib64'];
/** The account that the Dockerfile names by its number. */
const PASSWD = `root:x:0:0:root:/:/usr/sbin/nologin
staging:x:10001:10001:staging service:/var/lib/staging:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
`;
const GROUP = `root:x:0:\nstaging:x:10001:\nnogroup:x:65534:\n`;
/** Names are looked up in files and in the DNS; a site with LDAP mounts a file of its own. */
const NSSWITCH = `passwd: files\ngroup: files\nhosts: files dns\n`;

/**
 * What Node never loads: source maps, TypeScript and its typings, sources of the native parts, what is written for
 * readers. Licences and notices stay, whatever their names end with.
 */
const NEVER_LOADED = /\.(map|[cm]?ts|tsbuildinfo|md|markdown|c|cc|cpp|h|hh|hpp|inc|S|gyp|gypi|flow)$/;
const LICENCE = /licen[cs]e|notice|copying|copyright|authors/i;
/** Beside the packages: what npm notes for itself, links to programs that nobody calls, types of packages. */
const NOT_PACKAGES = /^node_modules\/(\.package-lock\.json|\.bin|\.cache|@types)$/;

/** The shared libraries that a program or a native part loads; null where one is missing, as of another libc. */
function librariesOf(file) {
  const { status, stdout } = spawnSync('ldd', [file], { encoding: 'utf8' });
  if (status !== 0 || stdout.includes('not found')) return null;
  return [...stdout.matchAll(/(\/\S+) \(0x[0-9a-f]+\)$/gm)].map((match) => match[1]);
}

/** Copies a file of this machine to the same place in the image: what a link leads to, below the link's own name. */
function install(file) {
  const [, top] = file.split('/');
  const target = path.join(root, MERGED.includes(top) ? `/usr${file}` : file);
  mkdirSync(path.dirname(target), { recursive: true });
  cpSync(realpathSync(file), target, { dereference: true });
}

function programPath(name) {
  const found = process.env.PATH.split(':').find((folder) => existsSync(path.join(folder, name)));
  if (found === undefined) throw new Error(`The base image has no ${name}`);
  return path.join(found, name);
}

/** What runs the service, with its licences. */
function installSystem(nativeParts) {
  for (const name of MERGED) {
    mkdirSync(path.join(root, 'usr', name), { recursive: true });
    symlinkSync(`usr/${name}`, path.join(root, name));
  }
  const programs = [process.execPath, ...PROGRAMS.map(programPath)];
  const libraries = [...programs, ...nativeParts].flatMap((file) => {
    const needed = librariesOf(file);
    if (needed === null) throw new Error(`${file} needs a library that the base image lacks`);
    return needed;
  });
  for (const file of new Set([...programs, ...libraries])) install(file);
  // So that the image also works where PATH is not what the Dockerfile says, and under the name that it says.
  if (process.execPath !== '/usr/local/bin/node') {
    mkdirSync(path.join(root, 'usr/local/bin'), { recursive: true });
    symlinkSync(process.execPath, path.join(root, 'usr/local/bin/node'));
  }
  const notes = readdirSync('/usr/share/doc').map((name) => `/usr/share/doc/${name}/copyright`);
  const nodeLicence = path.resolve(path.dirname(process.execPath), '../LICENSE');
  for (const file of [...notes, nodeLicence].filter(existsSync)) install(file);
}

function writeAccounts() {
  mkdirSync(path.join(root, 'etc'), { recursive: true });
  writeFileSync(path.join(root, 'etc/passwd'), PASSWD);
  writeFileSync(path.join(root, 'etc/group'), GROUP);
  writeFileSync(path.join(root, 'etc/nsswitch.conf'), NSSWITCH);
}

/** Places that a container's runtime mounts over, and those that the service writes to. */
function makeFolders() {
  for (const name of ['proc', 'sys', 'dev', 'run', 'tmp', 'data', 'var/lib']) {
    mkdirSync(path.join(root, name), { recursive: true });
  }
  chmodSync(path.join(root, 'tmp'), 0o1777);
  for (const name of ['data/storage', 'data/user_areas', 'lib/staging']) {
    mkdirSync(path.join(out, 'state', name), { recursive: true });
  }
}

const isWanted = (name) => !NOT_PACKAGES.test(name) && (LICENCE.test(path.basename(name)) || !NEVER_LOADED.test(name));

/** The service and the packages that it loads; returns the native ones. */
function installApp() {
  const packages = readdirSync(path.join(app, 'node_modules'), { recursive: true, withFileTypes: true });
  const natives = packages
    .filter((entry) => entry.isFile() && entry.name.endsWith('.node'))
    .map((entry) => path.join(entry.parentPath, entry.name));
  // Packages bring the same part for several C libraries, and load the one that fits.
  const foreign = new Set(natives.filter((file) => librariesOf(file) === null));
  const target = path.join(root, 'app');
  cpSync(path.join(app, 'node_modules'), path.join(target, 'node_modules'), {
    recursive: true,
    filter: (source) => !foreign.has(source) && isWanted(path.relative(app, source)),
  });
  for (const name of ['dist', 'client/dist', 'package.json', 'LICENSE']) {
    cpSync(path.join(app, name), path.join(target, name), { recursive: true });
  }
  cpSync(path.join(app, 'scripts/image-health.mjs'), path.join(target, 'health.mjs'));
  return natives.filter((file) => !foreign.has(file));
}

installSystem(installApp());
writeAccounts();
makeFolders();
console.log(execFileSync('du', ['-sh', root], { encoding: 'utf8' }).trim());
