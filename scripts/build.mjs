// Compiles apps/, libs/ and ormconfig.ts to dist/ and the page to client/dist/ (types are checked by `npm run check`, not
// here). `--if-needed` compiles only what is older than its source.
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { buildPage } from './build-page.mjs';

const root = path.resolve(import.meta.dirname, '..');
const out = path.join(root, 'dist');
const require = createRequire(import.meta.url);

const filesBelow = (folder) =>
  readdirSync(path.join(root, folder), { recursive: true }).map((name) => path.join(folder, name));
const modified = (file) => statSync(path.join(root, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
const target = (source) => path.join('dist', source.replace(/\.ts$/, '.js'));

/** Beside, then into place: a process that starts meanwhile never reads half a file. */
function write(file, text) {
  const absolute = path.join(root, file);
  mkdirSync(path.dirname(absolute), { recursive: true });
  writeFileSync(`${absolute}.${process.pid}`, text);
  renameSync(`${absolute}.${process.pid}`, absolute);
}

const sources = ['apps', 'libs']
  .flatMap(filesBelow)
  .concat('ormconfig.ts')
  .filter((name) => /\.ts$/.test(name) && !/\.(spec|d)\.ts$/.test(name));
const options = Math.max(modified('tsconfig.json'), modified('scripts/swc-options.cjs'));
const stale = process.argv.includes('--if-needed')
  ? sources.filter((source) => modified(target(source)) <= Math.max(modified(source), options))
  : sources;

if (stale.length > 0) {
  const { transformFile } = require('@swc/core');
  const swcOptions = require('./swc-options.cjs');
  await Promise.all(
    stale.map(async (source) => {
      const file = target(source);
      const { code, map } = await transformFile(path.join(root, source), {
        ...swcOptions,
        sourceFileName: path.join(root, source),
      });
      write(`${file}.map`, map);
      write(file, `${code}\n//# sourceMappingURL=${path.basename(file)}.map\n`);
    }),
  );
  const wanted = new Set(sources.map(target));
  for (const file of filesBelow('dist')) {
    if (file.endsWith('.js') && !wanted.has(file)) rmSync(path.join(root, file));
  }
  console.log(`Built ${stale.length} files into ${path.basename(out)}/`);
}

buildPage({ ifNeeded: process.argv.includes('--if-needed') });
