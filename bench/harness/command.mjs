// Commands of the system, and the peers that are commands.
import { spawn, spawnSync } from 'node:child_process';

/** Runs a command to its end; throws, with what it said, when it fails. */
export function run(command, ...argv) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (text) => (said += text));
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${command}: ${said || `status ${code}`}`)),
    );
  });
}

/** True when a command can be run here. */
export const has = (command, option = '--version') => spawnSync(command, [option]).error === undefined;

/** Brings the file system that holds `file` to disk. */
export const flush = (file) => run('sync', '-f', file);

/** Removes, and waits until the disk has heard of it, so that the next contender does not pay for it. */
export async function remove(file, fileSystem) {
  await run('rm', '-rf', file);
  await flush(fileSystem);
}
