import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createTestSite, type TestSite } from '@app/files/testing';
import { type Delivery, OperationCancelled, type StagingContext, type StagingOutcome } from '@app/staging';
import { contextOf, describeStagingMethod } from '@app/staging/testing';
import { DirectDownloadMethod } from './direct-download.method';

const OPTIONS = { linkTtlMs: 60_000 };

describeStagingMethod('direct_download', {
  destination: 'none',
  create: (site) => new DirectDownloadMethod(site.reader, site.roots, OPTIONS),
  tells: ['plan'],
});

let site: TestSite;
let told: Delivery[];

beforeEach(async () => {
  site = await createTestSite();
  told = [];
  writeFileSync(path.join(site.storage, 'file'), 'hello');
});
afterEach(() => site.close());

const deliver: StagingContext['deliver'] = (delivery) => Promise.resolve(told.push(delivery));

function stage(source: string, context: Partial<StagingContext> = {}, expected = null): Promise<StagingOutcome> {
  const { operationId: id, ...rest } = site.request(source, 'out', { expected });
  const operation = { id, server: null, ...rest, destination: null };
  return new DirectDownloadMethod(site.reader, site.roots, OPTIONS).stage(
    operation,
    contextOf(site, { deliver, ...context }),
  );
}

it('records the file that it read, so that it is known again', async () => {
  const { ino, size, mtimeNs } = statSync(path.join(site.storage, 'file'), { bigint: true });
  const { manifest } = await stage('file');
  expect(manifest).toMatchObject([
    { path: 'file', kind: 'file', inode: `${ino}`, size: Number(size), mtimeNs: `${mtimeNs}` },
  ]);
});

it('tells a checksum that is known, and reads nothing for it', async () => {
  const checksum = { algorithm: 'sha256', value: 'ab'.repeat(32) } as const;
  const outcome = await stage('file', { knownChecksum: () => Promise.resolve(checksum) });
  expect(outcome).toMatchObject({ checksum, manifest: [{ checksum }] });
  expect(told).toMatchObject([{ checksum }]);
});

it('says whose the delivery is, and what ends it', async () => {
  const { signal } = new AbortController();
  await stage('file', { signal });
  expect(told).toMatchObject([{ operationId: expect.any(String), signal }]);
});

it('is cancelled when its receiver goes away', async () => {
  const reason = new OperationCancelled('gone', 3);
  await expect(stage('file', { deliver: () => Promise.reject(reason) })).rejects.toBe(reason);
});

it('counts of a tree what its archive will hold', async () => {
  mkdirSync(path.join(site.storage, 'tree'));
  symlinkSync('/etc/passwd', path.join(site.storage, 'tree/way out'));
  writeFileSync(path.join(site.storage, 'tree/file'), 'hello');
  const outcome = await stage('tree', { deliver: null });
  expect(outcome).toMatchObject({ kind: 'directory', files: 1, bytes: 5, done: { files: 0, bytes: 0 } });
});

it('has a link work for as long as the site says', async () => {
  const before = Date.now();
  const { expiresAt } = await stage('file', { deliver: null });
  expect(expiresAt!.getTime()).toBeGreaterThanOrEqual(before + OPTIONS.linkTtlMs);
  expect(expiresAt!.getTime()).toBeLessThanOrEqual(Date.now() + OPTIONS.linkTtlMs);
});

it('keeps trees beyond the limits of the site', async () => {
  await site.close();
  site = await createTestSite({ limits: { maxFiles: 1, maxBytes: 0 } });
  mkdirSync(path.join(site.storage, 'tree'));
  for (const name of ['one', 'two']) writeFileSync(path.join(site.storage, 'tree', name), '');
  await expect(stage('tree')).rejects.toMatchObject({ code: 'quota_exceeded' });
  expect(told).toEqual([]);
});
