// Writes what the documentation says of the settings from their one source, libs/core: `.env.example`, and the table
// between the markers in README.md. `--check` changes nothing and fails when one of them is not up to date.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const require = createRequire(import.meta.url);
const MARKED = /(<!-- settings -->\n)[^]*?(<!-- \/settings -->)/;

execFileSync(process.execPath, [path.join(root, 'scripts/build.mjs'), '--if-needed'], { stdio: 'inherit' });
const settings = require(path.join(root, 'dist/libs/core/src/index.js')).describeSettings();

/** A line each, commented out, so that the file as it is changes nothing. */
function environmentExample() {
  const head = `# Settings of the service and their defaults, written by \`npm run docs\`. Copy to .env, change what differs, then:
#   set -a; . ./.env; set +a; npm start
`;
  const lines = settings.map((one) => `\n# ${one.description}\n#${one.name}=${one.defaultText}\n`);
  return head + lines.join('');
}

function settingsTable() {
  const cell = (text) => text.replaceAll('|', '\\|');
  const rows = settings.map(
    ({ name, defaultText, description }) =>
      `| \`${name}\` | ${defaultText === '' ? 'none' : `\`${cell(defaultText)}\``} | ${cell(description)} |\n`,
  );
  return `| setting | default | what it is |\n| --- | --- | --- |\n${rows.join('')}`;
}

const textOf = (file) => (existsSync(path.join(root, file)) ? readFileSync(path.join(root, file), 'utf8') : '');
const readme = textOf('README.md');
const wanted = { '.env.example': environmentExample() };
// A function, since `$` means something in a replacement text.
if (MARKED.test(readme))
  wanted['README.md'] = readme.replace(MARKED, (_all, open, close) => open + settingsTable() + close);

const stale = Object.keys(wanted).filter((file) => textOf(file) !== wanted[file]);
if (!process.argv.includes('--check')) {
  for (const file of stale) writeFileSync(path.join(root, file), wanted[file]);
} else if (stale.length > 0) {
  console.error(`Not up to date: ${stale.join(', ')}. Run: npm run docs`);
  process.exitCode = 1;
}
