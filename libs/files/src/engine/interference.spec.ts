import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { AppError } from '@app/core';
import { makeFifo, snapshot, type Snapshot, writeFiles } from '../../../../test/support/files';
import { nameInArea } from '../confined/private-directory';
import { createTestSite, memoryFolder, type TestSite } from '../testing/test-site';
import { betweenCalls, type SeenCall } from '../testing/between-calls';
import { placeTask, stageHere } from '../testing/place-task';
import { prepareHashing } from './hashing';
import { type PlaceTask } from './task-types';

/** False: as on a kernel or a file system that cannot rename without replacing. */
let mockOffersNoReplace = true;
jest.mock('../confined/rename-no-replace', () => {
  const real = jest.requireActual<typeof import('../confined/rename-no-replace')>('../confined/rename-no-replace');
  const renameNoReplace: typeof real.renameNoReplace = (...args) =>
    mockOffersNoReplace && real.renameNoReplace(...args);
  return { renameNoReplace };
});

/**
 * Somebody stands between each two system calls of a placement in turn, and does the worst that the owner of the user
 * area, or of the storage, could do at that moment. Whatever they do: nothing outside is read, written, or changed in
 * mode and owner; what is told is success or a clean error; nothing half done is visible, and no handle stays open.
 */

const isRoot = process.getuid!() === 0;
const CANARY = 'what lies outside must stay there';

let site: TestSite;
beforeAll(async () => {
  await prepareHashing();
  site = await createTestSite({}, memoryFolder());
});
beforeEach(() => {
  makeOutside();
  makeStorage();
});
afterAll(() => site.close());

const outside = (...names: string[]) => path.join(site.directory, 'outside', ...names);
const area = (...names: string[]) => path.join(site.areas, 'jane', ...names);
const source = (...names: string[]) => path.join(site.storage, ...names);

/** As root, what is staged is given to another account, so that each chown(2) would show on what it must not touch. */
const ownership = {
  userUid: null,
  uid: isRoot ? 61_001 : null,
  gid: isRoot ? 61_001 : ('area' as const),
  fileMode: 0o400,
  dirMode: 0o500,
  madeDirMode: 0o700,
};

/** The outside, which is watched. */
function makeOutside(): void {
  rmSync(outside(), { recursive: true, force: true });
  writeFiles(outside(), { canary: CANARY, 'dir/canary': CANARY, 'dir/sub/canary': CANARY, 'empty/.keep': '' });
}

/** A storage with two files and a small tree. */
function makeStorage(): void {
  rmSync(site.storage, { recursive: true, force: true });
  const files = { 'deep/file': 'FILE', 'deep/tree/one': '1', 'deep/tree/sub/two': '22', 'deep/other': 'OTHER' };
  writeFiles(site.storage, { 'plain/one': '1', 'plain/sub/two': '22' });
  writeFiles(site.storage, files);
  symlinkSync('../file', source('deep/tree/followed'));
}

function makeArea(): void {
  unlock(area());
  rmSync(area(), { recursive: true, force: true });
  mkdirSync(area('way/in'), { recursive: true });
}

/** Lets an ordinary user remove staged trees, whose directories are read-only. */
function unlock(folder: string): void {
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  chmodSync(folder, 0o700);
  for (const name of readdirSync(folder)) unlock(path.join(folder, name));
}

interface Case {
  what: string;
  source: string;
  destination: string;
  details?: Partial<PlaceTask>;
  /** True: the file system cannot rename without replacing. */
  replaces?: boolean;
}

/** What is known after one run. */
interface Ending {
  /** How it ended: the result's type, or the code of the error. */
  end: string;
}

function run({ source: from, destination, details }: Case, before: (call: SeenCall) => void): Ending {
  const task = placeTask(site, from, destination, { ownership, ...details });
  let end = '';
  const opened: string[] = [];
  betweenCalls(
    before,
    () => {
      try {
        const result = stageHere(task);
        end = result === 'tree' ? 'placed' : result.type;
      } catch (reason) {
        end = reason instanceof AppError ? reason.code : `not clean: ${String(reason)}`;
      }
    },
    ({ name }, result) => {
      if (name === 'openSync') opened.push(readlinkSync(`/proc/self/fd/${result as number}`));
    },
  );
  expect(opened.filter((place) => place.startsWith(outside()))).toEqual([]);
  return { end };
}

/** Every file below the area and its content, wherever it was moved to. */
function contents(): string[] {
  const found: string[] = [];
  const visit = (folder: string) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const place = path.join(folder, entry.name);
      if (entry.isDirectory()) visit(place);
      else if (entry.isFile()) found.push(readFileSync(place, 'utf8'));
    }
  };
  visit(site.areas);
  return found;
}

/** Whether there is anything of this name, be it a link that leads nowhere. */
const present = (file: string) => lstatSync(file, { throwIfNoEntry: false }) !== undefined;
const openHandles = () => readdirSync('/proc/self/fd').length;
const inStaging = () => readdirSync(path.join(site.areas, '.staging'));

/** Calls on a handle alone: for what happens to names, the moment before the next call by name is the same. */
const BY_HANDLE = new Set([
  'closeSync',
  'fchmodSync',
  'fchownSync',
  'fdatasyncSync',
  'fstatSync',
  'fsyncSync',
  'futimesSync',
  'writeSync',
]);

/** Runs a case once for each of its calls, with `mischief` done just before that call, and looks at what became of it. */
function everywhere(
  one: Case,
  mischief: () => void,
  ends: string[],
  look: (ending: Ending) => void,
  afresh = makeArea,
): void {
  afresh();
  const moments: number[] = [];
  const { end } = run(one, ({ index, name }) => {
    if (!BY_HANDLE.has(name)) moments.push(index);
  });
  expect(end).toBe('placed');
  const ended = new Set<string>();
  const before = snapshot(outside());
  const handles = openHandles();
  for (const moment of moments) {
    afresh();
    let done = false;
    const ending = run(one, ({ index }) => {
      if (index !== moment) return;
      done = true;
      mischief();
    });
    const told = `call ${moment}, the last is ${moments.at(-1)}`;
    expect({ told, done, ended: ending.end, handles: openHandles(), inStaging: inStaging() }).toEqual({
      told,
      done: true,
      ended: expect.stringMatching(`^(${ends.join('|')})$`),
      handles,
      inStaging: [],
    });
    ended.add(ending.end);
    expect(snapshot(outside())).toEqual(before);
    expect(contents()).not.toContain(CANARY);
    look(ending);
  }
  // The mischief comes too late at the end: a test in which nothing is ever staged would prove nothing.
  expect(ended).toContain('placed');
}

const COPY: Case = { what: 'a copy of a file', source: 'deep/file', destination: 'way/in/made/result' };
const EXPECTED = { algorithm: 'md5' as const, value: createHash('md5').update('FILE').digest('hex') };
const LINK: Case = { ...COPY, what: 'a link to a file', details: { content: 'link', expected: EXPECTED } };
const COPY_TREE: Case = { ...COPY, what: 'a copy of a tree', source: 'deep/tree' };
/** One without a link to be followed, which takes many calls: to the owner of the area it is all the same. */
const PLAIN_TREE: Case = { ...COPY, what: 'a copy of a tree', source: 'plain' };
const LINK_TREE: Case = { ...COPY_TREE, what: 'a tree of links', details: { content: 'link' } };
const SYMBOLIC: Case = {
  ...COPY,
  what: 'a symbolic link',
  details: { content: 'symlink', linkPrefixes: { default: '/seen' } },
};
const NO_LINKS: Case = { ...COPY, what: 'a copy without hard links', details: { publishByRename: true } };
const REPLACING: Case = { ...NO_LINKS, what: `${NO_LINKS.what}, nor a rename that replaces nothing`, replaces: true };

const beside = (one: Case): Case => ({
  ...one,
  what: `${one.what}, built inside the area`,
  details: { ...one.details, besideDestination: true },
});

describe.each([
  COPY,
  SYMBOLIC,
  NO_LINKS,
  REPLACING,
  PLAIN_TREE,
  beside(COPY),
  beside({ ...LINK_TREE, source: 'plain' }),
])('$what, while the owner of the area', (one) => {
  beforeAll(() => (mockOffersNoReplace = !one.replaces));
  afterAll(() => (mockOffersNoReplace = true));

  const clean = ['placed', 'present', 'destination_conflict', 'path_outside_user_area'];
  /** Whatever is visible under the name that was asked for is whole. */
  const whole = ({ end }: Ending) => {
    for (const folder of ['way/in', 'way/moved', 'moved/in']) {
      const result = area(folder, 'made/result');
      const stat = lstatSync(result, { throwIfNoEntry: false });
      if (!stat) continue;
      if (stat.isDirectory()) expect(treeOf(snapshot(result))).toEqual(WHOLE_TREE);
      else if (stat.isFile()) expect(readFileSync(result, 'utf8')).toBe('FILE');
    }
    if (end === 'placed') expect(existsSync(area('way')) || existsSync(area('moved'))).toBe(true);
  };

  it('puts a link that leaves in the place of a directory on the way', () => {
    everywhere(
      one,
      () => {
        renameSync(area('way'), area('moved'));
        symlinkSync(outside(), area('way'));
      },
      clean,
      whole,
    );
  });

  it("moves the destination's directory and puts a link there", () => {
    everywhere(
      one,
      () => {
        renameSync(area('way/in'), area('way/moved'));
        symlinkSync(outside('dir'), area('way/in'));
      },
      clean,
      whole,
    );
  });

  it("removes the destination's directory", () => {
    everywhere(
      one,
      () => {
        try {
          rmdirSync(area('way/in'));
        } catch {
          renameSync(area('way/in'), area('gone'));
        }
      },
      clean,
      () => undefined,
    );
  });

  it.each(['directory', 'link that leaves', 'link to itself', 'file'])(
    'makes the missing directory as a %s',
    (kind) => {
      everywhere(
        one,
        () => {
          const made = area('way/in/made');
          if (present(made)) return;
          if (kind === 'directory') mkdirSync(made);
          else if (kind === 'file') writeFileSync(made, 'mine');
          else symlinkSync(kind === 'link to itself' ? 'made' : outside('dir'), made);
        },
        clean,
        ({ end }) => {
          if (kind === 'directory' && end === 'placed') expect(existsSync(area('way/in/made'))).toBe(true);
          if (kind === 'file' && end !== 'placed') expect(readFileSync(area('way/in/made'), 'utf8')).toBe('mine');
        },
      );
    },
  );

  it.each(['file', 'directory', 'full directory', 'link that leaves'])(
    'takes the name of the result by a %s',
    (kind) => {
      const direct = { ...one, destination: 'way/in/result' };
      everywhere(
        direct,
        () => {
          const result = area('way/in/result');
          if (present(result)) return;
          if (kind === 'file') writeFileSync(result, 'mine');
          else if (kind === 'link that leaves') symlinkSync(outside('canary'), result);
          else mkdirSync(path.join(result, kind === 'directory' ? '' : 'mine'), { recursive: true });
        },
        clean,
        ({ end }) => {
          const result = area('way/in/result');
          // Where neither is offered a file may be replaced at the very last moment: told in the operators' manual.
          if (kind === 'file' && !one.replaces && end !== 'placed') {
            expect(readFileSync(result, 'utf8')).toBe('mine');
          }
          if (kind === 'full directory' && end !== 'placed') expect(readdirSync(result)).toEqual(['mine']);
          if (kind === 'link that leaves' && end === 'destination_conflict')
            expect(lstatSync(result).isSymbolicLink()).toBe(true);
        },
      );
    },
  );

  it('replaces the result by a link that leaves as soon as it appears', () => {
    const direct = { ...one, destination: 'way/in/result' };
    makeArea();
    const before = snapshot(outside());
    const { end } = run(direct, () => {
      const result = area('way/in/result');
      if (!present(result) || present(area('way/in/taken away'))) return;
      renameSync(result, area('way/in/taken away'));
      symlinkSync(outside('canary'), result);
    });
    expect(end).toBe('destination_conflict');
    expect(snapshot(outside())).toEqual(before);
    expect(inStaging()).toEqual([]);
  });
});

describe.each([beside(COPY), beside(NO_LINKS), beside(PLAIN_TREE)])(
  '$what, while the owner of the area gets at the private directory:',
  (one) => {
    const clean = ['placed', 'destination_conflict', 'storage_unavailable'];
    /** The private directory's name, as soon as there is one. */
    const privateName = () => readdirSync(area('way/in')).find((name) => name.startsWith(nameInArea('')));

    it.each(['nothing', 'a link that leaves', 'a file', 'an own directory', 'an own full directory'])(
      'it is renamed, and %s put in its place',
      (substitute) => {
        everywhere(
          one,
          () => {
            const name = privateName();
            if (!name || existsSync(area('way/in/stolen'))) return;
            const place = area('way/in', name);
            renameSync(place, area('way/in/stolen'));
            if (substitute === 'a link that leaves') symlinkSync(outside('dir'), place);
            else if (substitute === 'a file') writeFileSync(place, 'mine');
            else if (substitute === 'an own directory') mkdirSync(place);
            else if (substitute === 'an own full directory') writeFiles(place, { payload: 'mine', mine: 'mine' });
          },
          clean,
          () => {
            const stolen = area('way/in/stolen');
            if (!existsSync(stolen)) return;
            // Nothing of it is anybody's to read, and it is empty: its name in this directory is all that is left.
            expect(readdirSync(stolen)).toEqual([]);
            expect(lstatSync(stolen).mode & 0o077).toBe(0);
            const name = privateName();
            if (substitute === 'an own full directory' && name) {
              expect(readdirSync(area('way/in', name)).sort()).toEqual(['mine', 'payload']);
            }
          },
        );
      },
    );

    it('it is removed while it is empty', () => {
      everywhere(
        one,
        () => {
          const name = privateName();
          try {
            if (name) rmdirSync(area('way/in', name));
          } catch {
            // Not empty any more.
          }
        },
        clean,
        () => expect(privateName()).toBeUndefined(),
      );
    });
  },
);

describe.each([COPY, LINK, COPY_TREE, LINK_TREE])('$what, while the owner of the storage', (one) => {
  const clean = [
    'placed',
    'source_changed',
    'source_not_found',
    'source_unsupported',
    'path_outside_storage',
    'source_writable',
    'checksum_mismatch',
    'validation_failed', // a checksum is for files, and here is a directory now
  ];
  const spoil = (which: Case, mischief: () => void, ends: string[], look: (ending: Ending) => void) =>
    everywhere(which, mischief, ends, look, () => {
      makeStorage();
      makeArea();
    });
  const isTree = one.source === 'deep/tree';
  const inside = isTree ? 'deep/tree/one' : 'deep/file';
  const outcomeIsWhole = ({ end }: Ending) => {
    const result = area('way/in/made/result');
    expect(existsSync(result)).toBe(end === 'placed');
    // What was held against the caller's checksum is what was published.
    if (end === 'placed' && one.details?.expected) expect(readFileSync(result, 'utf8')).toMatch(/^FILE/);
  };

  it.each(['link that leaves', 'FIFO', 'directory', 'nothing', 'other file'])(
    'puts a %s in the place of a file',
    (kind) => {
      spoil(
        one,
        () => {
          unlinkSync(source(inside));
          if (kind === 'link that leaves') symlinkSync(outside('canary'), source(inside));
          else if (kind === 'FIFO') makeFifoQuickly(source(inside));
          else if (kind === 'directory') writeFiles(source(inside), { inner: 'x' });
          else if (kind === 'other file') linkSync(source('deep/other'), source(inside));
        },
        clean,
        outcomeIsWhole,
      );
    },
  );

  // Directories are walked by the same code, whether their files are copied or linked.
  if (one.what === LINK_TREE.what) return;

  it.each(['link that leaves', 'link that stays', 'file', 'nothing', 'other directory'])(
    'puts a %s in the place of a directory',
    (kind) => {
      const directory = isTree ? 'deep/tree/sub' : 'deep';
      spoil(
        one,
        () => {
          renameSync(source(directory), source('moved'));
          if (kind === 'link that leaves') symlinkSync(outside('dir'), source(directory));
          else if (kind === 'link that stays') symlinkSync(source('moved'), source(directory));
          else if (kind === 'file') writeFileSync(source(directory), 'x');
          else if (kind === 'other directory') writeFiles(source(directory), { file: 'x', tree: 'x' });
        },
        clean,
        outcomeIsWhole,
      );
    },
  );

  it('moves the whole of it out of the storage and puts a link there', () => {
    spoil(
      one,
      () => {
        renameSync(source('deep'), path.join(site.directory, 'taken'));
        symlinkSync(outside(), source('deep'));
      },
      clean,
      (ending) => {
        rmSync(path.join(site.directory, 'taken'), { recursive: true });
        outcomeIsWhole(ending);
      },
    );
  });

  it('writes to a file', () => {
    spoil(
      one,
      () => appendFileSync(source(inside), '+'),
      clean,
      (ending) => {
        outcomeIsWhole(ending);
        if (ending.end !== 'placed' || one.details?.content === 'link') return;
        const result = area('way/in/made/result', isTree ? 'one' : '');
        // All of it as it was, or all as it is.
        expect(isTree ? ['1', '1+'] : ['FILE', 'FILE+']).toContain(readFileSync(result, 'utf8'));
      },
    );
  });

  if (isTree) {
    it.each(['a file', 'a directory', 'a link', 'a link that leaves'])('adds %s', (kind) => {
      spoil(
        one,
        () => {
          const added = source('deep/tree/sub/added');
          if (kind === 'a file') writeFileSync(added, 'added');
          else if (kind === 'a directory') mkdirSync(added);
          else symlinkSync(kind === 'a link' ? 'two' : outside('canary'), added);
        },
        clean,
        (ending) => {
          outcomeIsWhole(ending);
          const added = area('way/in/made/result/sub/added');
          if (kind === 'a link that leaves') expect(lstatSync(added, { throwIfNoEntry: false })).toBeUndefined();
        },
      );
    });

    it('turns a link into one that leaves', () => {
      spoil(
        one,
        () => {
          unlinkSync(source('deep/tree/followed'));
          symlinkSync(outside('canary'), source('deep/tree/followed'));
        },
        clean,
        outcomeIsWhole,
      );
    });
  }
});

it('a file that is rewritten between two reads is not staged torn', () => {
  const [before, after] = ['a', 'b'].map((letter) => Buffer.alloc(2.5 * 1024 ** 2, letter)) as [Buffer, Buffer];
  const one: Case = { what: 'a large file', source: 'large', destination: 'large' };
  const ends = new Set<string>();
  for (let read = 1; read <= 8; read += 1) {
    makeArea();
    writeFileSync(source('large'), before);
    let reads = 0;
    const { end } = run(one, ({ name }) => {
      if (name === 'readSync' && (reads += 1) === read) writeFileSync(source('large'), after);
    });
    ends.add(end);
    expect(end).toMatch(/^(placed|source_changed)$/);
    if (end !== 'placed') expect(existsSync(area('large'))).toBe(false);
    else expect([before, after].some((whole) => whole.equals(readFileSync(area('large'))))).toBe(true);
  }
  expect(ends).toContain('source_changed');
});

it('a file that grows as fast as it is read does not fill the disk', () => {
  const chunk = Buffer.alloc(1024 ** 2, 'x');
  makeArea();
  writeFileSync(source('endless'), Buffer.concat([chunk, chunk]));
  let reads = 0;
  const { end } = run({ what: '', source: 'endless', destination: 'endless' }, ({ name, args }) => {
    // Reads of the source name no position.
    if (name !== 'readSync' || args[4] !== null || (reads += 1) > 20) return;
    appendFileSync(source('endless'), chunk);
  });
  expect(end).toBe('source_changed');
  expect(reads).toBeLessThan(5);
});

const WHOLE_TREE = { '.': '', one: '1', sub: '', 'sub/two': '22' };

/** Names and contents of a staged tree. */
function treeOf(tree: Snapshot): Record<string, string> {
  const texts = new Map(['1', '22', 'FILE'].map((text) => [sha256(text), text]));
  return Object.fromEntries(Object.entries(tree).map(([name, { content }]) => [name, texts.get(content) ?? content]));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A FIFO by a hard link to the one that was made once: starting a program each time would take long. */
function makeFifoQuickly(file: string): void {
  const first = path.join(site.directory, 'fifo');
  if (!existsSync(first)) makeFifo(first);
  linkSync(first, file);
}
