import path from 'node:path';
import { flush, remove } from '../harness/command.mjs';
import { randomTree, sparseFile } from '../harness/data.mjs';
import { figureOf, time } from '../harness/measure.mjs';
import { forgetPeak, peak, resident } from '../harness/memory.mjs';
import { startService } from '../harness/service.mjs';

export const title = 'memory above idle while a very large file and a very large tree are staged';

const GOAL = { max: 100 };

export async function run(bench) {
  const { memoryFiles, sparseBytes } = bench.options;
  const home = bench.fileSystem('ext4', 2 * 1024 ** 3 + memoryFiles * 12_000, memoryFiles * 2 + 100_000);
  const storage = path.join(home, 'storage');
  bench.log(`  making a tree of ${memoryFiles} files`);
  randomTree(path.join(storage, 'tree'), memoryFiles, 16, 1000);
  sparseFile(path.join(storage, 'sparse'), sparseBytes);
  await flush(home);
  return [
    await above(bench, home, `sparse file of ${sparseBytes / 1e9} GB`, 'local_copy', 'sparse'),
    await above(bench, home, `tree of ${memoryFiles} files, local_copy`, 'local_copy', 'tree'),
    await above(bench, home, `tree of ${memoryFiles} files, symlink_copy`, 'symlink_copy', 'tree'),
  ];
}

/** Each in a process of its own, since none gives all of its memory back. */
async function above(bench, home, what, method, source) {
  bench.log(`  ${what}`);
  const service = await startService(bench, home, { name: `${method}-${source}` });
  // Idle is a service that has worked: its threads run, its code is compiled.
  await service.stage('local_copy', 'tree/d0', 'warm-up');
  const idle = resident(service.pid);
  forgetPeak(service.pid);
  const seconds = (await time(() => service.stage(method, source, 'memory'))) / 1000;
  const most = peak(service.pid);
  await service.stop();
  await remove(service.areas, home);
  const detail = `${most.toFixed(0)} MB at most, idle ${idle.toFixed(0)} MB, ${seconds.toFixed(1)} s`;
  return figureOf(what, most - idle, 'MB', GOAL, detail);
}
