import path from 'node:path';
import { flush, remove } from '../harness/command.mjs';
import { randomFile } from '../harness/data.mjs';
import { figureOf, median, time } from '../harness/measure.mjs';
import { startService } from '../harness/service.mjs';

export const title = 'local_copy of one large file on btrfs: a clone';

export async function run(bench) {
  const home = bench.fileSystem('btrfs', bench.options.largeBytes + 2 * 1024 ** 3);
  if (home === null) return [];
  const service = await startService(bench, home);
  randomFile(path.join(service.storage, 'large'), bench.options.largeBytes);
  await flush(home);
  const times = [];
  for (let round = 0; round < bench.options.rounds; round += 1) {
    times.push(await time(() => stageClone(service, `clone-${round}`)));
    await remove(service.staged(`clone-${round}`), home);
  }
  return [figureOf('median time, told as link "clone"', median(times), 'ms', { max: 50 }, '', times)];
}

async function stageClone(service, destination) {
  const { link } = await service.stage('local_copy', 'large', destination);
  if (link !== 'clone') throw new Error(`The operation says link ${JSON.stringify(link)}, not "clone"`);
}
