import { statSync } from 'node:fs';
import path from 'node:path';
import { flush, has, run as execute } from '../harness/command.mjs';
import { randomFile } from '../harness/data.mjs';
import { ratioOf, sideBySide } from '../harness/measure.mjs';
import { nginxMissing, startNginx } from '../harness/nginx.mjs';
import { startService, USER } from '../harness/service.mjs';

export const title = 'direct_download of one large file by curl, against nginx';

const SOURCE = 'large';

export async function run(bench) {
  const missing = nginxMissing() ?? (has('curl') ? undefined : 'curl is not installed');
  if (missing) throw new Error(missing);
  const bytes = bench.options.largeBytes;
  const home = bench.fileSystem('ext4', bytes + 1024 ** 3);
  const service = await startService(bench, home, { name: 'plain' });
  const behind = await startService(bench, home, { name: 'behind', env: { DOWNLOAD_ACCEL_PREFIX: '/storages' } });
  const source = path.join(service.storage, SOURCE);
  randomFile(source, bytes);
  await flush(home);
  const nginx = await startNginx(bench, home, { storage: service.storage, backend: behind.url });
  // The file is in the page cache for everybody.
  await download(`${nginx}/static/${SOURCE}`);
  const times = await sideBySide(bench, {
    nginx: contender(() => download(`${nginx}/static/${SOURCE}`)),
    direct_download: contender(() => stage(service.url)),
    'direct_download by X-Accel-Redirect': contender(() => stage(nginx)),
  });
  const { nginx: peer, direct_download: ours, 'direct_download by X-Accel-Redirect': accelerated } = times;
  return [
    ratioOf('the service itself to nginx', ours, peer, { max: 1.2 }),
    ratioOf('nginx for the service (X-Accel-Redirect) to nginx', accelerated, peer, { max: 1.02 }),
  ];

  function contender(download) {
    return { run: download, undo: () => Promise.resolve() };
  }

  /** As a client does it: a POST that is answered with the file. */
  function stage(url) {
    const body = JSON.stringify({ local_path_on_storage: SOURCE });
    const request = ['-H', 'Content-Type: application/json', '-d', body];
    return download(...request, `${url}/stage_data?method=direct_download&username=${USER}`);
  }

  /** Throws unless all of the file came. */
  function download(...argv) {
    const { size } = statSync(source);
    return execute(
      'sh',
      '-c',
      `test "$(curl -sSf -o /dev/null -w '%{size_download}' "$@")" = ${size}`,
      'curl',
      ...argv,
    );
  }
}
