// Builds the page (client/) to client/dist. With `--if-needed` only where that is older than its source. Without the
// tools for it, as in an installation for production, what was built before is left as it is.
import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const client = path.resolve(import.meta.dirname, '../client');
const require = createRequire(path.join(client, 'package.json'));

const modified = (file) => statSync(path.join(client, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;

function newestSource() {
  const folders = ['src', 'public'].flatMap((folder) =>
    readdirSync(path.join(client, folder), { recursive: true }).map((name) => path.join(folder, name)),
  );
  const files = ['index.html', 'vite.config.ts', 'postcss.config.cjs', 'package.json'];
  return Math.max(...[...folders, ...files].map(modified));
}

function viteProgram() {
  try {
    return path.join(path.dirname(require.resolve('vite/package.json')), 'bin/vite.js');
  } catch {
    return undefined;
  }
}

/** Builds the page unless it is as new as its source, where that is asked for. */
export function buildPage({ ifNeeded }) {
  // A copy of the service without the page's source: an image, a test.
  if (modified('index.html') === 0) return;
  if (ifNeeded && modified('dist/index.html') > newestSource()) return;
  const vite = viteProgram();
  if (vite === undefined) {
    if (modified('dist/index.html') === 0) console.log('The page is not built: its tools are not installed.');
    return;
  }
  // Whoever runs this may be a test: what is built must not be another page for that.
  const env = { ...process.env, NODE_ENV: 'production' };
  execFileSync(process.execPath, [vite, 'build', '--logLevel', 'warn'], { cwd: client, stdio: 'inherit', env });
  console.log('Built the page into client/dist/');
}
