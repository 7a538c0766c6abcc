import { chmodSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { type Browser } from 'playwright-core';
import { browserMissing, startBrowser } from '../support/browser';
import { describeWhere } from '../support/describe-where';
import { bytesOf, makeFifo, writeFiles } from '../support/files';
import { freePort } from '../support/free-port';
import { mountingMissing, mountTmpfs } from '../support/mounts';
import { TestPage } from '../support/page';
import { type RunningService, startService } from '../support/service';

/** Each kind of failure as somebody finds it on the page: what happened, and what to do. */

const MIB = 1024 ** 2;

interface Failure {
  source: string;
  destination?: string;
  method?: string;
  more?: Record<string, unknown>;
  /** Where the user areas are a small file system of their own. */
  isSmall?: boolean;
  /** The service's own sentence, and the page's advice; parts of them. */
  told: [string, string];
}

const FAILURES: Record<string, Failure> = {
  source_not_found: { source: 'gone', told: ['Source path does not exist: gone', 'names differ in case'] },
  path_outside_storage: { source: 'way-out', told: ['', 'A link in the tree may lead out of it'] },
  path_outside_user_area: {
    source: 'file',
    destination: '../out',
    told: ['leaves the user area', 'inside your own area'],
  },
  source_unsupported: { source: 'pipe', told: ['', 'Only files and directories can be staged'] },
  destination_conflict: {
    source: 'file',
    destination: 'taken',
    told: ['is a directory', 'Choose another destination'],
  },
  already_exists: {
    source: 'file',
    destination: 'there',
    more: { if_exists: 'fail' },
    told: ['', 'stage again and keep what is there'],
  },
  source_writable: {
    source: 'open',
    method: 'symlink_copy',
    told: ['', 'through a link the original could be changed'],
  },
  cross_device_link: { isSmall: true, source: 'sealed', method: 'symlink_copy', told: ['', 'Choose Copy instead'] },
  checksum_mismatch: {
    source: 'file',
    more: { checksum: { algorithm: 'md5', value: '0'.repeat(32) } },
    told: ['', 'the disk or the catalogue may be wrong'],
  },
  quota_exceeded: { source: 'many', told: ['', 'Stage less at once'] },
  insufficient_storage: { isSmall: true, source: 'large', told: ['', 'Remove what you do not need from your area'] },
  jupyter_unavailable: { source: 'file', method: 'jupyter_copy', told: ['', 'The JupyterHub does not answer'] },
};

/** A service with something to stumble over in its storage. */
async function startSite(env: Record<string, string | undefined>): Promise<RunningService> {
  const service = await startService({
    files: { file: 'x', open: 'x', sealed: 'x', large: bytesOf('large', 12 * MIB) },
    env: {
      JUPYTERHUB_URL: `http://127.0.0.1:${await freePort()}/hub`,
      JUPYTERHUB_TOKEN: 'token',
      MAX_TREE_FILES: '3',
      RETRY_ATTEMPTS: '1',
      ...env,
    },
  });
  const { storage, areas } = service;
  writeFiles(storage, { 'many/1': '', 'many/2': '', 'many/3': '', 'many/4': '' });
  symlinkSync('/etc', path.join(storage, 'way-out'));
  makeFifo(path.join(storage, 'pipe'));
  chmodSync(path.join(storage, 'open'), 0o666);
  chmodSync(path.join(storage, 'sealed'), 0o444);
  writeFiles(areas, { 'ana/taken/file': '', 'ana/there': 'x' });
  return service;
}

describeWhere(browserMissing() ?? mountingMissing(), 'a failure', () => {
  let browser: Browser;
  const services: RunningService[] = [];
  beforeAll(async () => {
    browser = await startBrowser();
    for (const env of [{}, { TARGET_STORAGE_PATH: mountTmpfs(8 * MIB).path }]) services.push(await startSite(env));
  });

  it.each(Object.entries(FAILURES))('%s says what happened and what to do', async (code, failure) => {
    const { source, destination = source, method = 'local_copy', more, isSmall, told } = failure;
    const service = services[isSmall ? 1 : 0]!;
    const body = { local_path_on_storage: source, relative_path: destination, ...more };
    const { body: answer } = await service.stage(body, { username: 'ana', method }, { Prefer: 'respond-async' });
    const id = (answer.operation_id ?? (answer.operation as { id: string }).id) as string;
    const one = await TestPage.open(browser);
    await one.page.goto(`${service.url}/ui/operations/${id}`);
    const panel = one.page.getByRole('dialog');
    await panel.getByText('Failed').first().waitFor();
    const { error_code: why, error_reason: reason } = (await service.get(`/operations/${id}`)).body;
    expect(why).toBe(code);
    for (const text of [reason as string, ...told]) await panel.getByText(text).first().waitFor();
    expect(one.complaints).toEqual([]);
    await one.close();
  });
});
