import path from 'node:path';
import { flush, has } from '../harness/command.mjs';
import { command, staging } from '../harness/contenders.mjs';
import { randomFile } from '../harness/data.mjs';
import { ratioOf, sideBySide } from '../harness/measure.mjs';
import { startService } from '../harness/service.mjs';

export const title = 'local_copy of one large file, against cp and rclone';

export async function run(bench) {
  const bytes = bench.options.largeBytes;
  const home = bench.fileSystem('ext4', bytes * 2 + 1024 ** 3);
  const plain = await startService(bench, home, { name: 'plain', env: { CHECKSUM: 'none' } });
  const verified = await startService(bench, home, { name: 'verified' });
  const source = path.join(plain.storage, 'large');
  randomFile(source, bytes);
  await flush(home);
  const times = await sideBySide(bench, {
    cp: command(home, path.join(home, 'cp'), ['cp', source]),
    'local_copy without checksum': staging(plain, home, 'local_copy', 'large'),
    local_copy: staging(verified, home, 'local_copy', 'large'),
    ...(has('rclone') && { rclone: command(home, path.join(home, 'rclone'), ['rclone', 'copyto', source]) }),
  });
  const { cp, rclone, local_copy: ours, 'local_copy without checksum': unchecked } = times;
  const results = [
    ratioOf('CHECKSUM=none to cp + sync -f', unchecked, cp, { max: 1.1 }),
    ratioOf('CHECKSUM=xxh3 to cp + sync -f', ours, cp, { max: 3 }),
  ];
  if (rclone) results.push(ratioOf('CHECKSUM=xxh3 to rclone (md5) + sync -f', ours, rclone, { max: 0.6 }));
  return results;
}
