import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bytesOf, makeSparseFile, makeTree, patchFile } from '../../../../test/support/files';
import { createTestSite, memoryFolder, type TestSite } from '../testing/test-site';
import { type PlaceProgress } from './placement';

const MIB = 1024 ** 2;
let site: TestSite;

beforeAll(async () => {
  site = await createTestSite({ algorithm: 'sha256' }, memoryFolder());
  // Large enough for some looks: sha256 takes about a second for each gigabyte, twice.
  makeSparseFile(path.join(site.storage, 'large'), 1024 * MIB);
  patchFile(path.join(site.storage, 'large'), 0, 'not a hole');
  const block = bytesOf('block', 16 * MIB);
  makeTree(path.join(site.storage, 'tree'), { files: 3000, sizes: [10, 40_000], perDirectory: 100 });
  for (const name of ['one', 'two']) writeFileSync(path.join(site.storage, 'tree', name), block);
});
afterAll(() => site.close());

async function copy(source: string, destination: string): Promise<PlaceProgress[]> {
  const told: PlaceProgress[] = [];
  const hooks = site.hooks({ onProgress: (progress) => told.push(progress) });
  await site.stager.copy(site.request(source, destination), hooks);
  return told;
}

/** Each count never falls, and nothing is more than there is. */
function expectSteady(told: PlaceProgress[]): void {
  for (const [index, { filesDone, bytesDone, filesTotal, bytesTotal }] of told.entries()) {
    const before = told[index - 1];
    expect(bytesDone).toBeGreaterThanOrEqual(before?.bytesDone ?? 0);
    expect(filesDone).toBeGreaterThanOrEqual(before?.filesDone ?? 0);
    if (bytesTotal !== null) expect(bytesDone).toBeLessThanOrEqual(bytesTotal);
    if (filesTotal !== null) expect(filesDone).toBeLessThanOrEqual(filesTotal);
  }
}

describe('progress', () => {
  it('of a large file goes on while it is verified, and ends complete', async () => {
    const told = await copy('large', 'large');
    expectSteady(told);
    expect(told.length).toBeGreaterThan(2);
    expect(told.at(-1)).toEqual({
      filesTotal: 1,
      filesDone: 1,
      bytesTotal: 1024 * MIB,
      bytesDone: 1024 * MIB,
      currentPath: null,
    });
    expect(new Set(told.map(({ bytesTotal }) => bytesTotal))).toEqual(new Set([1024 * MIB]));
    // Written, but not all of it read back: more than half, and not the whole.
    expect(told.some(({ bytesDone }) => bytesDone > 512 * MIB && bytesDone < 1024 * MIB)).toBe(true);
  });

  it('of a tree counts files, and names the one that is worked on', async () => {
    const told = await copy('tree', 'tree');
    expectSteady(told);
    const names = new Set(readdirSync(path.join(site.storage, 'tree'), { recursive: true }).map(String));
    const named = told.flatMap(({ currentPath }) => (currentPath === null ? [] : [currentPath]));
    expect(named.every((name) => names.has(name))).toBe(true);
    expect(told.at(-1)).toMatchObject({ filesTotal: 3002, filesDone: 3002, currentPath: null });
    expect(told.at(-1)!.bytesDone).toBe(told.at(-1)!.bytesTotal);
  });

  it('of a small file is its end', async () => {
    writeFileSync(path.join(site.storage, 'small'), 'few');
    const told = await copy('small', 'small');
    expect(told.at(-1)).toMatchObject({ filesDone: 1, bytesDone: 3, bytesTotal: 3 });
  });

  it('is not told of what is there already', async () => {
    await copy('small', 'again');
    expect(await copy('small', 'again')).toEqual([]);
  });
});
