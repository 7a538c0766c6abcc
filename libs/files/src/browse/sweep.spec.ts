import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { makeDeepTree, makeFifo, snapshot, writeFiles } from '../../../../test/support/files';
import { readDestination } from '../names/path-text';
import { createFiles } from '../create-files';
import { LeftOvers } from '../stager/left-overs';
import { createTestSite, memoryFolder, testOptions, type TestSite } from '../testing/test-site';

const ID = '01900000-0000-7000-8000-00000000abcd';
const OTHER = '01900000-0000-7000-8000-00000000ef01';

let site: TestSite;
let leftOvers: LeftOvers;
beforeEach(async () => {
  site = await createTestSite({}, memoryFolder());
  leftOvers = new LeftOvers(site.pool, site.roots);
  mkdirSync(area('deep/er'), { recursive: true });
});
afterEach(() => site.close());

const area = (...names: string[]) => path.join(site.areas, 'jane', ...names);
const staging = (...names: string[]) => path.join(site.areas, '.staging', ...names);
const remove = (id = ID, to: string | null = 'deep/er/result') =>
  leftOvers.remove(id, to === null ? null : { username: 'jane', path: readDestination(to) });

/** Makes what a dead operation leaves: closed, with sealed trees in it. */
function makeDead(folder: string): void {
  writeFiles(folder, { 'payload/tree/sub/file': 'x', 'payload/tree/other': 'y' });
  makeDeepTree(folder, 60);
  symlinkSync(site.storage, path.join(folder, 'payload/link'));
  makeFifo(path.join(folder, 'payload/pipe'));
  chmodSync(path.join(folder, 'payload/tree/sub/file'), 0o400);
  for (const name of ['payload/tree/sub', 'payload/tree', 'payload', '']) {
    chmodSync(path.join(folder, name), name === '' ? 0o700 : 0o500);
  }
}

it('lists the operations that have a private directory, and nothing else that lies there', async () => {
  expect(await leftOvers.list()).toEqual([]);
  makeDead(staging(ID));
  mkdirSync(staging(OTHER), { mode: 0o700 });
  mkdirSync(staging('not an id'));
  mkdirSync(staging('01900000-0000-4000-8000-000000000000'));
  writeFileSync(staging('01900000-0000-7000-8000-000000000001'), '');
  expect((await leftOvers.list()).sort()).toEqual([ID, OTHER]);
});

it("removes the dead operation's directory below the target root, and no other; again and again", async () => {
  writeFiles(site.storage, { kept: 'x' });
  makeDead(staging(ID));
  makeDead(staging(OTHER));
  const before = snapshot(staging(OTHER));
  await remove();
  await remove();
  await remove(ID, null);
  expect(readdirSync(staging())).toEqual([OTHER]);
  expect(snapshot(staging(OTHER))).toEqual(before);
  expect(readdirSync(site.storage)).toEqual(['kept']);
});

it.each(['', 'deep', 'deep/er'])('removes it inside the area, in the directory "%s" of the way', async (folder) => {
  makeDead(area(folder, `.staging-${ID}`));
  makeDead(area(folder, `.staging-${OTHER}`));
  await remove();
  expect(existsSync(area(folder, `.staging-${ID}`))).toBe(false);
  expect(existsSync(area(folder, `.staging-${OTHER}`, 'payload/tree/other'))).toBe(true);
});

it('looks along the way of a destination "into a directory" too, as far as it exists', async () => {
  makeDead(area('deep', 'er', `.staging-${ID}`));
  await remove(ID, 'deep/er/');
  expect(existsSync(area('deep/er', `.staging-${ID}`))).toBe(false);
  await expect(remove(ID, 'no/such/way')).resolves.toBeUndefined();
  await expect(leftOvers.remove(ID, { username: 'nobody-yet', path: readDestination('x') })).resolves.toBeUndefined();
});

it.each<[string, (place: string) => void]>([
  ['open to others', (place) => (mkdirSync(place, { mode: 0o750 }), writeFileSync(path.join(place, 'mine'), ''))],
  [
    'readable for all',
    (place) => (mkdirSync(place), chmodSync(place, 0o704), writeFileSync(path.join(place, 'mine'), '')),
  ],
  ['a file', (place) => writeFileSync(place, 'mine')],
  ['a link to a directory of the service', (place) => symlinkSync(staging(OTHER), place)],
])("never removes a user's own of that name: %s", async (_what, make) => {
  makeDead(staging(OTHER));
  const place = area('deep', `.staging-${ID}`);
  make(place);
  const before = [snapshot(area()), snapshot(staging(OTHER))];
  await remove();
  expect([snapshot(area()), snapshot(staging(OTHER))]).toEqual(before);
});

(process.getuid!() === 0 ? it : it.skip)(
  'never removes what belongs to somebody else (left out without root)',
  async () => {
    const place = area(`.staging-${ID}`);
    makeDead(place);
    const { chownSync } = jest.requireActual<typeof import('node:fs')>('node:fs');
    chownSync(place, 61_001, 61_001);
    await remove();
    expect(readdirSync(place)).toContain('payload');
  },
);

it('never goes through a link on the way', async () => {
  mkdirSync(path.join(site.directory, 'elsewhere'));
  makeDead(path.join(site.directory, 'elsewhere', `.staging-${ID}`));
  symlinkSync(path.join(site.directory, 'elsewhere'), area('link'));
  writeFileSync(area('file'), '');
  await remove(ID, 'link/result');
  await remove(ID, 'file/result');
  expect(existsSync(path.join(site.directory, 'elsewhere', `.staging-${ID}`, 'payload'))).toBe(true);
});

it('is refused while ".staging" is not the service\'s own', async () => {
  chmodSync(staging(), 0o755);
  await expect(leftOvers.list()).rejects.toMatchObject({ code: 'storage_unavailable' });
  chmodSync(staging(), 0o700);
});

it('a service that dies in the middle leaves what the next one finds and removes', async () => {
  writeFiles(site.storage, Object.fromEntries(Array.from({ length: 200 }, (_none, index) => [`tree/${index}`, 'x'])));
  const dying = await createFiles({ ...testOptions(site.storage, site.areas), workers: 1 });
  const request = { ...site.request('tree', 'deep/er/result'), operationId: ID };
  // Its threads end while the tree waits to be published.
  const beforePublish = () => dying.pool.close();
  await expect(dying.stager.copy(request, site.hooks({ beforePublish }))).rejects.toThrow();
  expect(await leftOvers.list()).toEqual([ID]);
  expect(readdirSync(area('deep/er'))).toEqual([]);
  expect(lstatSync(staging(ID)).mode & 0o777).toBe(0o700);
  await remove();
  expect(readdirSync(staging())).toEqual([]);
});
