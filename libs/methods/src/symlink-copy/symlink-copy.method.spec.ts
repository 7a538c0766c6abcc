import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createTestSite, type TestSite } from '@app/files/testing';
import { contextOf, describeStagingMethod } from '@app/staging/testing';
import { SymlinkCopyMethod } from './symlink-copy.method';

describeStagingMethod('symlink_copy', {
  create: (site) => new SymlinkCopyMethod(site.stager, site.planner, site.releaser),
  tells: ['plan', 'release'],
});

async function onSite(work: (site: TestSite) => Promise<void>): Promise<void> {
  const site = await createTestSite();
  writeFileSync(path.join(site.storage, 'file'), 'hello', { mode: 0o644 });
  await work(site);
  await site.close();
}

function stage(site: TestSite, source: string, destination: string) {
  const { operationId: id, ...rest } = site.request(source, destination);
  return new SymlinkCopyMethod(site.stager, site.planner, site.releaser).stage(
    { id, server: null, ...rest },
    contextOf(site),
  );
}

it('shares one file with the storage and changes nothing of it', () =>
  onSite(async (site) => {
    const source = path.join(site.storage, 'file');
    const before = statSync(source);
    await expect(stage(site, 'file', 'out')).resolves.toMatchObject({ link: 'hard', checksum: null });
    const after = statSync(source);
    expect(statSync(path.join(site.areas, 'jane/out')).ino).toBe(before.ino);
    const { mode, uid, gid, mtimeMs } = before;
    expect(after).toMatchObject({ mode, uid, gid, mtimeMs, nlink: 2 });
  }));

it.each([0o664, 0o646, 0o666])('refuses a source that others may write to (mode %s)', (mode) =>
  onSite(async (site) => {
    chmodSync(path.join(site.storage, 'file'), mode);
    await expect(stage(site, 'file', 'out')).rejects.toMatchObject({ code: 'source_writable' });
    mkdirSync(path.join(site.storage, 'tree'));
    writeFileSync(path.join(site.storage, 'tree/inner'), '');
    chmodSync(path.join(site.storage, 'tree/inner'), mode);
    await expect(stage(site, 'tree', 'out')).rejects.toMatchObject({ code: 'source_writable' });
    expect(site.leftOvers()).toEqual([]);
  }),
);
