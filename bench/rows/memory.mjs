import path from 'node:path';
import { flush, remove } from '../harness/command.mjs';
import { randomTree, sparseFile } from '../harness/data.mjs';
import { figureOf } from '../harness/measure.mjs';
import { forgetPeak, peak, resident } from '../harness/memory.mjs';
import { startService } from '../harness/service.mjs';

export const title = 'memory above idle while a very large file and a very large tree are staged';

const GOAL = { max: 100 };

export async function run(bench) {
  const { memoryFiles, sparseBytes } = bench.options;
  const home = bench.fileSystem('ext4', 2 * 1024 ** 3 + memoryFiles * 12_000, memoryFiles * 2 + 100_000);
  const service = await startService(bench, home);
  bench.log(`  making a tree of ${memoryFiles} files`);
  sparseFile(path.join(service.storage, 'sparse'), sparseBytes);
  randomTree(path.join(service.storage, 'tree'), memoryFiles, 16, 1000);
  await flush(home);
  // Idle is a service that has worked: its threads run, its code is compiled.
  await service.stage('local_copy', 'tree/d0', 'warm-up');
  return [
    await above(bench, service, home, `sparse file of ${sparseBytes / 1e9} GB`, 'local_copy', 'sparse'),
    await above(bench, service, home, `tree of ${memoryFiles} files, local_copy`, 'local_copy', 'tree'),
    await above(bench, service, home, `tree of ${memoryFiles} files, symlink_copy`, 'symlink_copy', 'tree'),
  ];
}

async function above(bench, service, home, what, method, source) {
  bench.log(`  ${what}`);
  const idle = resident(service.pid);
  forgetPeak(service.pid);
  const start = Date.now();
  await service.stage(method, source, 'memory');
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  const most = peak(service.pid);
  await remove(service.staged('memory'), home);
  return figureOf(
    what,
    most - idle,
    'MB',
    GOAL,
    `${most.toFixed(0)} MB at most, idle ${idle.toFixed(0)} MB, ${seconds} s`,
  );
}
