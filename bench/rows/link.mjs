import path from 'node:path';
import { flush } from '../harness/command.mjs';
import { command, staging } from '../harness/contenders.mjs';
import { randomTree } from '../harness/data.mjs';
import { ratioOf, sideBySide } from '../harness/measure.mjs';
import { startService } from '../harness/service.mjs';

export const title = 'symlink_copy (hard links) of a tree of small files, against cp -al';

export async function run(bench) {
  const home = bench.fileSystem('ext4', 2 * 1024 ** 3 + bench.options.treeFiles * 10_000);
  const service = await startService(bench, home);
  const source = path.join(service.storage, 'tree');
  randomTree(source, bench.options.treeFiles, 4096);
  await flush(home);
  const cp = (name, how) => command(home, path.join(home, name), ['cp', '-al', source], how);
  const times = await sideBySide(bench, {
    cp: cp('cp', { flushed: false }),
    symlink_copy: staging(service, home, 'symlink_copy', 'tree'),
    'cp + sync': cp('cp-sync'),
  });
  return [
    ratioOf('to cp -al', times.symlink_copy, times.cp, { max: 2 }),
    ratioOf('to cp -al + sync -f', times.symlink_copy, times['cp + sync']),
  ];
}
