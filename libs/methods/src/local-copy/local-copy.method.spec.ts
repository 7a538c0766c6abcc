import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createTestSite } from '@app/files/testing';
import { contextOf, describeStagingMethod } from '@app/staging/testing';
import { LocalCopyMethod } from './local-copy.method';

describeStagingMethod('local_copy', {
  create: (site) => new LocalCopyMethod(site.stager, site.planner, site.releaser),
  tells: ['plan', 'release'],
});

it('makes a file of its own and tells its checksum', async () => {
  const site = await createTestSite();
  writeFileSync(path.join(site.storage, 'file'), 'hello');
  const { operationId: id, ...rest } = site.request('file', 'out');
  const outcome = await new LocalCopyMethod(site.stager, site.planner, site.releaser).stage(
    { id, server: null, ...rest },
    contextOf(site),
  );
  expect(outcome.checksum).toEqual({ algorithm: 'xxh3', value: '9555e8555c62dcfd' });
  const [source, copy] = [path.join(site.storage, 'file'), path.join(site.areas, 'jane/out')].map((file) =>
    statSync(file),
  );
  expect(copy!.ino).not.toBe(source!.ino);
  await site.close();
});

it('takes the place of an empty directory, but never merges into one that is not', async () => {
  const site = await createTestSite();
  mkdirSync(path.join(site.storage, 'tree'));
  writeFileSync(path.join(site.storage, 'tree/file'), 'hello');
  mkdirSync(path.join(site.areas, 'jane/empty'), { recursive: true });
  mkdirSync(path.join(site.areas, 'jane/full/other'), { recursive: true });
  await expect(site.copy('tree', 'empty')).resolves.toMatchObject({ outcome: 'staged' });
  await expect(site.copy('tree', 'full')).resolves.toMatchObject({ outcome: 'already_present', matchesSource: false });
  await site.close();
});
