// Adds to package-lock.json the optional packages for other platforms that npm left out, because `npm ci`
// refuses a lock that does not name each of them. Run after each change of the lock: `npm run lock`.
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
const cpuNames = ['x64', 'arm64', 'arm', 'ia32', 'ppc64', 's390x', 'riscv64', 'loong64', 'wasm32'];
const osNames = ['darwin', 'linux', 'win32', 'freebsd', 'android', 'openharmony', 'aix', 'sunos'];

let added = 0;
for (const [place, entry] of Object.entries({ ...lock.packages })) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const hoisted = `node_modules/${name}`;
    const nested = `${place}/node_modules/${name}`;
    if (lock.packages[hoisted] || lock.packages[nested]) continue;
    const words = name.split(/[/-]/);
    const cpu = cpuNames.filter((word) => words.includes(word));
    const os = osNames.filter((word) => words.includes(word));
    if (cpu.length === 0 && os.length === 0) continue; // not a package for one platform
    lock.packages[hoisted] = {
      version: version.replace(/^[^\d]*/, ''),
      ...(cpu.length > 0 && { cpu }),
      ...(os.length > 0 && { os }),
      ...(entry.dev && { dev: true }),
      optional: true,
    };
    added += 1;
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: ${added} optional packages added`);
