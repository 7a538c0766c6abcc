import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { bytesOf, contentOf, makeEndlessFile, makeTree, snapshot, writeFiles } from '../../../../test/support/files';
import { until } from '../../../../test/support/until';
import { createTestSite, memoryFolder, type TestSite } from '../testing/test-site';
import { type Placement } from './placement';

let site: TestSite;
/** Another process on the same storage and areas: a site that knows nothing of the first one's locks. */
let other: TestSite;

beforeAll(async () => {
  site = await createTestSite({}, memoryFolder());
  other = await createTestSite(
    { storages: [{ name: 'default', path: site.storage }], target: site.areas },
    memoryFolder(),
  );
  writeFiles(site.storage, {
    file: 'FILE',
    large: bytesOf('large', 5_000_000),
    'same/large': bytesOf('large', 5_000_000),
  });
  makeTree(path.join(site.storage, 'tree'), { files: 200, sizes: [100], perDirectory: 10 });
});
afterAll(async () => {
  await other.close();
  await site.close();
});
afterEach(() => expect(site.leftOvers()).toEqual([]));

const area = (...names: string[]) => path.join(site.areas, 'jane', ...names);
const outcomes = (placed: Placement[]) => placed.map((one) => one.outcome).sort();

describe('two requests for one destination', () => {
  it.each([
    ['a file', 'large'],
    ['a tree', 'tree'],
  ])('stage %s once; the second finds it', async (_what, source) => {
    const both = await Promise.all([site.copy(source, `twice/${source}`), site.copy(source, `twice/${source}`)]);
    expect(both.map((one) => one.outcome)).toEqual(['staged', 'already_present']);
    expect(both[1].matchesSource).toBe(true);
  });

  it('are seen as such however they spell it', async () => {
    const all = await Promise.all([
      site.copy('large', 'spelled/'),
      site.copy('./large', './spelled//'),
      site.copy('same/../large', 'spelled/./large'),
      site.copy('same/large', 'spelled/'),
    ]);
    expect(all.map((one) => one.outcome)).toEqual(['staged', 'already_present', 'already_present', 'already_present']);
  });

  it.each([
    ['a file', 'file'],
    ['a large file', 'large'],
    ['a tree', 'tree'],
  ])('in two processes publish %s once, whole', async (_what, source) => {
    for (let round = 0; round < 20; round += 1) {
      const destination = `processes/${source}-${round}/deep/result`;
      const both = await Promise.all([site.copy(source, destination), other.copy(source, destination)]);
      expect(outcomes(both)).toEqual(['already_present', 'staged']);
      expect(contentOf(snapshot(area(destination)))).toEqual(contentOf(snapshot(path.join(site.storage, source))));
    }
  });

  it('with different sources never overwrite one another', async () => {
    for (let round = 0; round < 20; round += 1) {
      const both = await Promise.all([site.copy('file', `rivals/${round}`), other.copy('large', `rivals/${round}`)]);
      expect(outcomes(both)).toEqual(['already_present', 'staged']);
      const winner = both.find((one) => one.outcome === 'staged')!;
      expect(statSync(area(`rivals/${round}`)).size).toBe(winner.bytes);
    }
  });

  it('never overwrite one another where there are no hard links either', async () => {
    // The files lie on a file system that has them; what is published with is what those without have.
    for (const { roots } of [site, other]) {
      const probe = { ...(await roots.targetProbe()), hardLinks: false };
      jest.spyOn(roots, 'targetProbe').mockResolvedValue(probe);
    }
    mkdirSync(area('renamed'), { recursive: true });
    const sources = ['file', 'same/file'];
    writeFiles(site.storage, { 'same/file': 'OTHER' });
    for (let round = 0; round < 200; round += 1) {
      const destination = `renamed/${round}`;
      const both = await Promise.all([site.copy(sources[0]!, destination), other.copy(sources[1]!, destination)]);
      expect(outcomes(both)).toEqual(['already_present', 'staged']);
      const winner = both.findIndex((one) => one.outcome === 'staged');
      expect(readFileSync(area(destination), 'utf8')).toBe(['FILE', 'OTHER'][winner]);
      expect(statSync(area(destination)).nlink).toBe(1);
    }
    jest.restoreAllMocks();
  });

  it('let the second one go when it is cancelled while it waits', async () => {
    const reason = new Error('no longer');
    const controller = new AbortController();
    let release!: () => void;
    const held = new Promise<void>((resolve) => (release = resolve));
    const first = site.stager.copy(site.request('tree', 'waited'), site.hooks({ beforePublish: () => held }));
    const second = site.stager.copy(site.request('tree', 'waited'), site.hooks({ signal: controller.signal }));
    const third = site.copy('tree', 'waited');
    controller.abort(reason);
    await expect(second).rejects.toBe(reason);
    release();
    await expect(first).resolves.toMatchObject({ outcome: 'staged' });
    await expect(third).resolves.toMatchObject({ outcome: 'already_present' });
  });

  it('do not wait behind a failure', async () => {
    const first = site.copy('nothing', 'after');
    const second = site.copy('file', 'after');
    await expect(first).rejects.toMatchObject({ code: 'source_not_found' });
    await expect(second).resolves.toMatchObject({ outcome: 'staged' });
  });
});

describe('many requests', () => {
  it('for different destinations below the same missing directories all succeed', async () => {
    const sources = ['file', 'large', 'tree'];
    const all = Array.from({ length: 60 }, (_none, index) => {
      const [source, where] = [sources[index % 3]!, index % 2 === 0 ? site : other];
      return where.copy(source, `crowd/a/b/${index % 4}/${source}-${index}`);
    });
    expect((await Promise.all(all)).every((one) => one.outcome === 'staged')).toBe(true);
    expect(readdirSync(area('crowd/a/b')).sort()).toEqual(['0', '1', '2', '3']);
    expect(readFileSync(area('crowd/a/b/0/file-0'), 'utf8')).toBe('FILE');
    expect(statSync(area('crowd/a/b')).mode & 0o777).toBe(0o770);
  });

  it('are more than there are threads, trees among them', async () => {
    const single = await createTestSite(
      { workers: 1, storages: [{ name: 'default', path: site.storage }] },
      memoryFolder(),
    );
    const all = Array.from({ length: 30 }, (_none, index) =>
      single.copy(index % 5 === 0 ? 'tree' : 'file', `all/${index}`),
    );
    expect(await Promise.all(all)).toHaveLength(30);
    expect(readdirSync(path.join(single.areas, 'jane/all'))).toHaveLength(30);
    expect(single.leftOvers()).toEqual([]);
    await single.close();
  });

  /** A site with one thread and a file whose copy takes a minute; what was asked for is over when `end` resolves. */
  async function busySite() {
    const busy = await createTestSite({ workers: 1 }, memoryFolder());
    mkdirSync(path.join(busy.storage, 'dir'));
    makeEndlessFile(path.join(busy.storage, 'endless'));
    const controller = new AbortController();
    const copies: Promise<unknown>[] = [];
    let ended = 0;
    const begin = (name: string) => {
      const hooks = busy.hooks({ signal: controller.signal });
      const over = () => (ended += 1);
      copies.push(busy.stager.copy(busy.request('endless', name), hooks).then(over, over));
    };
    const end = async () => {
      controller.abort(new Error('over'));
      await Promise.all(copies);
      expect(busy.leftOvers()).toEqual([]);
      await busy.close();
    };
    return { busy, begin, end, ended: () => ended };
  }

  it('of other kinds are answered while all threads copy', async () => {
    const { busy, begin, end, ended } = await busySite();
    for (const name of ['one', 'two', 'three']) begin(name);
    await until(() => busy.leftOvers().length > 0, 'nothing began');
    const page = await busy.browser.listStorage({
      username: null,
      storage: undefined,
      path: '',
      asSent: '',
      after: undefined,
      limit: 10,
    });
    const states = await busy.roots.inspect();
    expect(ended()).toBe(0);
    expect(page.entries.map((entry) => entry.name)).toEqual(['dir', 'endless']);
    expect(states.every((state) => state.available)).toBe(true);
    await end();
  });

  it('that are cancelled while they wait for a thread end at once', async () => {
    const { busy, begin, end, ended } = await busySite();
    const reason = new Error('no longer');
    const controller = new AbortController();
    begin('first');
    await until(() => busy.leftOvers().length > 0, 'nothing began');
    const second = busy.stager.copy(busy.request('endless', 'second'), busy.hooks({ signal: controller.signal }));
    const seen = expect(second).rejects.toBe(reason);
    await until(() => busy.pool.waiting > 0, 'nothing waits');
    controller.abort(reason);
    await seen;
    expect(ended()).toBe(0);
    await end();
  });
});
