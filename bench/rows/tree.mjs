import path from 'node:path';
import { flush, has } from '../harness/command.mjs';
import { command, staging } from '../harness/contenders.mjs';
import { randomTree } from '../harness/data.mjs';
import { ratioOf, sideBySide } from '../harness/measure.mjs';
import { startService } from '../harness/service.mjs';

export const title = 'local_copy of a tree of small files, against cp -r and rclone';

export async function run(bench) {
  const home = bench.fileSystem('ext4', 2 * 1024 ** 3 + bench.options.treeFiles * 40_000);
  const service = await startService(bench, home);
  const source = path.join(service.storage, 'tree');
  randomTree(source, bench.options.treeFiles, 4096);
  await flush(home);
  const rclone = ['rclone', 'copy', '--transfers', '8', '--checkers', '8', source];
  const times = await sideBySide(bench, {
    cp: command(home, path.join(home, 'cp'), ['cp', '-r', source]),
    local_copy: staging(service, home, 'local_copy', 'tree'),
    ...(has('rclone') && { rclone: command(home, path.join(home, 'rclone'), rclone) }),
  });
  const results = [ratioOf('CHECKSUM=xxh3 to cp -r + sync -f', times.local_copy, times.cp, { max: 1 })];
  if (times.rclone) {
    results.push(ratioOf('CHECKSUM=xxh3 to rclone + sync -f', times.local_copy, times.rclone, { max: 0.5 }));
  }
  return results;
}
