// Compiles apps/, libs/ and ormconfig.ts to dist/ (types are checked by `npm run check`, not here).
// `--if-needed` does nothing when dist/ is newer than each source.
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const out = path.join(root, 'dist');
const require = createRequire(import.meta.url);

const sources = ['apps', 'libs']
  .flatMap((folder) => readdirSync(path.join(root, folder), { recursive: true }).map((name) => path.join(folder, name)))
  .concat('ormconfig.ts')
  .filter((name) => /\.ts$/.test(name) && !/\.(spec|d)\.ts$/.test(name));

const modified = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const target = (source) => path.join(out, source.replace(/\.ts$/, '.js'));

function isFresh() {
  const options = Math.max(
    modified(path.join(root, 'tsconfig.json')),
    modified(path.join(root, 'scripts/swc-options.cjs')),
  );
  return sources.every((source) => modified(target(source)) > Math.max(modified(path.join(root, source)), options));
}

if (!process.argv.includes('--if-needed') || !isFresh()) {
  const { transformFile } = require('@swc/core');
  const options = require('./swc-options.cjs');
  rmSync(out, { recursive: true, force: true });
  await Promise.all(
    sources.map(async (source) => {
      const { code, map } = await transformFile(path.join(root, source), {
        ...options,
        sourceFileName: path.join(root, source),
      });
      const file = target(source);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, `${code}\n//# sourceMappingURL=${path.basename(file)}.map\n`);
      if (map) writeFileSync(`${file}.map`, map);
    }),
  );
  console.log(`Built ${sources.length} files into dist/`);
}
