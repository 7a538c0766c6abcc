import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type TestSite } from '@app/files/testing';
import { describeStagingMethod } from '@app/staging/testing';
import { cleanUpAfterEach } from '../../../../test/support/cleanups';
import { describeWhere } from '../../../../test/support/describe-where';
import { type Jupyterhub, jupyterhubMissing, startJupyterhub } from '../../../../test/support/jupyterhub';
import { JupyterCopyMethod } from './jupyter-copy.method';
import { type JupyterOptions } from './jupyter-copy.options';

const OPTIONS = { startTimeoutMs: 30_000, fileMode: 0o400, dirMode: 0o500, requireReadOnly: false };

describeWhere(jupyterhubMissing(), 'jupyter_copy with a real hub', () => {
  cleanUpAfterEach();
  let hub: Jupyterhub;

  beforeAll(async () => {
    hub = await startJupyterhub();
  }, 60_000);

  /** Names in a user's home that Jupyter shows. */
  const visible = (user: string) => readdirSync(hub.home(user)).filter((name) => !name.startsWith('.'));

  const methodOn = (site: TestSite, options: Partial<JupyterOptions> = {}) => {
    return new JupyterCopyMethod(site.reader, { hubUrl: hub.url, hubToken: hub.token, ...OPTIONS, ...options });
  };

  describeStagingMethod('jupyter_copy', {
    destination: 'remote',
    create: (site) => {
      for (const name of visible('jane')) rmSync(path.join(hub.home('jane'), name), { recursive: true });
      return methodOn(site);
    },
    landing: () => hub.home('jane'),
    leftOvers: () => visible('jane').filter((name) => name.startsWith('staging-')),
  });
});
