import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { contentOf, snapshot, writeFiles } from '../../../../test/support/files';
import { prepareHashing } from '../engine/hashing';
import { type PlaceTask } from '../engine/task-types';
import { nameInArea } from '../confined/private-directory';
import { betweenCalls, type SeenCall } from '../testing/between-calls';
import { placeTask, stageHere } from '../testing/place-task';
import { createTestSite, memoryFolder, type TestSite } from '../testing/test-site';
import { LeftOvers } from './left-overs';
import { type Placement } from './placement';

/** Two attempts of one operation that are both alive: the first was taken for dead, and goes on later. */

/** Rows of the tree's manifest. */
const TREE_FILES = 3;

/** As another thread has it: with buffers of its own, which are filled again and again. */
type Engine = Pick<typeof import('../testing/place-task'), 'stageHere'>;
let inner: Engine;

async function anotherThread(): Promise<Engine> {
  let engine!: Engine;
  let hashing!: typeof import('../engine/hashing');
  jest.isolateModules(() => {
    engine = jest.requireActual<typeof import('../testing/place-task')>('../testing/place-task');
    hashing = jest.requireActual<typeof import('../engine/hashing')>('../engine/hashing');
  });
  await hashing.prepareHashing();
  return engine;
}

let site: TestSite;
let leftOvers: LeftOvers;
beforeAll(async () => {
  await prepareHashing();
  inner = await anotherThread();
  site = await createTestSite({}, memoryFolder());
  leftOvers = new LeftOvers(site.pool, site.roots);
  writeFiles(site.storage, { file: 'content', 'tree/one': '1', 'tree/sub/two': '22', 'tree/sub/three': '333' });
});
afterAll(() => site.close());

interface Case {
  what: string;
  source: 'file' | 'tree';
  details: Partial<PlaceTask>;
}

const CASES: Case[] = (['file', 'tree'] as const).flatMap((source) =>
  (['copy', 'link'] as const).flatMap((content) =>
    [false, true].map((besideDestination) => ({
      what: `${content === 'copy' ? 'a' : 'a hard-linked'} ${source}, built ${besideDestination ? 'in the area' : 'in .staging'}`,
      source,
      details: { content, besideDestination },
    })),
  ),
);

interface Ended {
  type: string;
  isEarlier?: boolean;
}

let scenes = 0;

/** Several attempts of one operation, each with places of its own, in this very thread. */
class Scene {
  readonly id: string;
  readonly destination: string;

  constructor(private readonly one: Case) {
    this.id = site.request('file', 'x').operationId;
    this.destination = `${one.what.replace(/\W+/g, '-')}/${(scenes += 1)}`;
    // The directory is there, so that each attempt builds beside the same one.
    writeFiles(path.dirname(this.place), { '.keep': '' });
  }

  get place(): string {
    return path.join(site.areas, 'jane', this.destination);
  }

  name(attempt: number): string {
    return attempt === 1 ? this.id : `${this.id}.${attempt}`;
  }

  /** The private directory of an attempt. */
  own(attempt: number): string {
    const { besideDestination } = this.one.details;
    return besideDestination
      ? path.join(path.dirname(this.place), nameInArea(this.name(attempt)))
      : path.join(site.areas, '.staging', this.name(attempt));
  }

  /** Runs an attempt to its end; one that is not the first knows as many rows as were recorded of those before. */
  run(attempt: number, engine: Engine = { stageHere }): Ended {
    const earlier = Array.from({ length: attempt - 1 }, (_none, index) => this.name(index + 1));
    const task = placeTask(site, this.one.source, this.destination, {
      ...this.one.details,
      operationId: this.id,
      receipt: true,
      earlierRows: attempt === 1 ? null : this.one.source === 'tree' ? TREE_FILES : 0,
    });
    Object.assign(task, { privateName: this.name(attempt), earlierNames: earlier });
    const result = engine.stageHere(task);
    return result === 'tree' ? { type: 'placed', isEarlier: false } : result;
  }

  /** Whether all of an attempt's own things are gone. */
  expectNothingOf(...attempts: number[]): void {
    const there = [...readdirSync(path.dirname(this.place)), ...readdirSync(path.join(site.areas, '.staging'))];
    for (const attempt of attempts) {
      expect(there).not.toContain(this.name(attempt));
      expect(there).not.toContain(nameInArea(this.name(attempt)));
    }
  }

  expectWhole(): void {
    const source = path.join(site.storage, this.one.source);
    expect(contentOf(snapshot(this.place))).toEqual(contentOf(snapshot(source)));
    if (this.one.details.content === 'link' && this.one.source === 'file') {
      expect(statSync(this.place).ino).toBe(statSync(source).ino);
    }
  }

  receipts(): string[] {
    const names = [1, 2, 3].map((attempt) => `${this.name(attempt)}.receipt`);
    return readdirSync(path.join(site.areas, '.staging')).filter((name) => names.includes(name));
  }
}

/** How many calls an attempt makes. */
function callsOf(one: Case): number {
  let calls = 0;
  betweenCalls(
    () => (calls += 1),
    () => new Scene(one).run(1),
  );
  return calls;
}

describe.each(CASES)('$what', (one) => {
  /** `outer` is where it is, before its call number `at`, while `within` runs from its beginning to its end. */
  const nested = (scene: Scene, outer: number, within: number, at: number) => {
    const ends: Partial<Record<number, Ended>> = {};
    let wasPublished = false;
    const before = ({ index }: SeenCall) => {
      if (index !== at) return;
      const own = (): unknown => {
        try {
          return snapshot(scene.own(outer));
        } catch {
          return undefined;
        }
      };
      const mine = own();
      wasPublished = readdirSync(path.dirname(scene.place)).includes(path.basename(scene.place));
      ends[within] = scene.run(within, inner);
      expect(own()).toEqual(mine);
      scene.expectNothingOf(within);
    };
    betweenCalls(before, () => (ends[outer] = scene.run(outer)));
    return { ends, wasPublished };
  };

  it('appears once, whole, wherever the first attempt stands while a second one comes and goes', () => {
    const calls = callsOf(one);
    let published = 0;
    for (let at = 0; at < calls; at += 1) {
      const scene = new Scene(one);
      const { ends, wasPublished } = nested(scene, 1, 2, at);
      scene.expectWhole();
      scene.expectNothingOf(1, 2);
      const told = `before call ${at}`;
      if (!ends[2]) continue; // it needed a call less
      if (wasPublished) {
        published += 1;
        // As long as the first still holds its link, whose the other one is cannot be told.
        const types = one.details.content === 'link' ? /^(placed|present)$/ : /^placed$/;
        expect({ told, ...ends[2] }).toMatchObject({ told, type: expect.stringMatching(types) });
        if (ends[2].type === 'placed') expect(ends[2].isEarlier).toBe(true);
      } else expect({ told, ...ends[2] }).toMatchObject({ told, type: 'placed', isEarlier: false });
      // The end of the second is not recorded: a third one must know what its operation did.
      expect({ told, ...scene.run(3) }).toMatchObject({ told, type: 'placed', isEarlier: true });
      expect(scene.receipts().length).toBeGreaterThan(0);
    }
    expect(published).toBeGreaterThan(0);
    expect(published).toBeLessThan(calls);
  });

  it('is known as the first attempt made it, wherever the second one stands when that goes on', () => {
    const calls = callsOf(one);
    for (let at = 0; at < calls; at += 1) {
      const scene = new Scene(one);
      const { ends, wasPublished } = nested(scene, 2, 1, at);
      scene.expectWhole();
      scene.expectNothingOf(1, 2);
      const told = `before call ${at}`;
      if (!ends[1]) continue; // the second needed fewer calls
      if (wasPublished) expect({ told, type: ends[1].type }).toEqual({ told, type: expect.stringMatching(/^p/) });
      else {
        expect({ told, ...ends[1] }).toMatchObject({ told, type: 'placed', isEarlier: false });
        // The rows that the second recorded of a tree are not those of what is there: that it is there is all it may tell.
        const types = one.source === 'tree' ? /^(placed|present)$/ : /^placed$/;
        expect({ told, ...ends[2] }).toMatchObject({ told, type: expect.stringMatching(types) });
      }
      expect({ told, ...scene.run(3) }).toMatchObject({ told, type: 'placed', isEarlier: true });
    }
  });

  it('says nothing of what somebody else put there meanwhile', () => {
    const scene = new Scene(one);
    scene.run(1);
    rmSync(scene.place, { recursive: true });
    if (one.source === 'file') writeFileSync(scene.place, 'mine');
    else writeFiles(scene.place, { mine: '' });
    expect(scene.run(2)).toMatchObject({ type: 'present', matches: false });
  });
});

describe('what attempts leave that died in the middle', () => {
  class Killed extends Error {}

  it.each([false, true])('is listed once and removed by name (in the area: %s)', async (besideDestination) => {
    const one: Case = { what: `dead ${besideDestination}`, source: 'tree', details: { besideDestination } };
    const scene = new Scene(one);
    let publishes = 0;
    const killBeforePublishing = ({ name, args }: SeenCall) => {
      if (name === 'renameSync' && String(args[1]).endsWith(`/${path.basename(scene.place)}`)) publishes += 1;
      if (publishes > 0 && name !== 'closeSync') throw new Killed();
    };
    for (const attempt of [1, 2]) {
      publishes = 0;
      expect(() => betweenCalls(killBeforePublishing, () => scene.run(attempt))).toThrow();
      expect(readdirSync(scene.own(attempt))).toEqual(['payload']);
    }
    expect((await leftOvers.list()).filter((id) => id === scene.id)).toEqual([scene.id]);
    const to = { username: 'jane', path: site.request('tree', scene.destination).destination };
    await leftOvers.remove(scene.id, to);
    scene.expectNothingOf(1);
    expect(readdirSync(scene.own(2))).toEqual(['payload']);
    expect(scene.receipts()).toEqual([`${scene.name(2)}.receipt`]);
    await leftOvers.remove(scene.id, to, [scene.name(2), scene.name(1)]);
    scene.expectNothingOf(1, 2);
    expect(scene.receipts()).toEqual([]);
    expect(await leftOvers.list()).not.toContain(scene.id);
  });

  it('of receipts goes with the names of all attempts', async () => {
    const scene = new Scene({ what: 'receipts', source: 'file', details: {} });
    expect([scene.run(1), scene.run(2)]).toMatchObject([{ isEarlier: false }, { isEarlier: true }]);
    rmSync(scene.place);
    expect(scene.run(3)).toMatchObject({ type: 'placed', isEarlier: false });
    expect(scene.receipts()).toEqual([`${scene.id}.3.receipt`, `${scene.id}.receipt`].sort());
    expect(await leftOvers.list()).toContain(scene.id);
    await leftOvers.dropReceipts([scene.name(3), scene.name(2), scene.name(1)]);
    expect(await leftOvers.list()).not.toContain(scene.id);
  });
});

describe('in two processes', () => {
  /** Another process on the same storage and areas: a site that knows nothing of the first one's locks. */
  let other: TestSite;
  beforeAll(async () => {
    const same = { storages: [{ name: 'default', path: site.storage }], target: site.areas };
    other = await createTestSite(same, memoryFolder());
  });
  afterAll(() => other.close());

  it.each([
    ['copy', 'file'],
    ['copy', 'tree'],
    ['link', 'file'],
    ['link', 'tree'],
  ] as const)('both build a %s of a %s at once, and one result appears', async (how, source) => {
    for (let round = 0; round < 10; round += 1) {
      const request = site.request(source, `two/${how}-${source}-${round}`);
      const [id, second] = [request.operationId, `${request.operationId}.2`];
      const hooks = { receipt: true, keeps: () => true };
      const none = async function* () {
        yield await Promise.resolve([]);
      };
      const names = { own: second, earlier: [id] };
      const both: Placement[] = await Promise.all([
        site.stager[how](request, site.hooks(hooks)),
        other.stager[how](request, other.hooks({ ...hooks, earlier: none, privateNames: names })),
      ]);
      // Of one file both links are the same one; the record of the first attempt is no longer its own.
      expect(both.map(({ outcome }) => outcome)).toContain('staged');
      const place = path.join(site.areas, 'jane/two', `${how}-${source}-${round}`);
      expect(contentOf(snapshot(place))).toEqual(contentOf(snapshot(path.join(site.storage, source))));
      if (source === 'file') expect(readFileSync(place, 'utf8')).toBe('content');
      await leftOvers.dropReceipts([id, second]);
      expect(site.leftOvers().filter((name) => name.startsWith(id))).toEqual([]);
    }
  });
});
