import fs, {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import os from 'node:os';
import { getSystemErrorMap } from 'node:util';
import path from 'node:path';
import { AppError } from '@app/core';
import { writeFiles } from '../../../../test/support/files';
import { sweepPrivate } from '../browse/sweep';
import { betweenCalls, type SeenCall } from '../testing/between-calls';
import { loneControl, placeTask, stageHere } from '../testing/place-task';
import { createTestSite, memoryFolder, type TestSite } from '../testing/test-site';
import { prepareHashing } from './hashing';
import { type PlaceTask } from './task-types';

// As on a kernel or a file system that cannot rename without replacing: the calls of `node:fs` are looked at here.
jest.mock('../confined/rename-no-replace', () => ({ renameNoReplace: () => false }));

/** Each system call of a placement fails in turn: nothing half done is visible, no handle stays open, the error is clean. */

let site: TestSite;
beforeAll(async () => {
  await prepareHashing();
  site = await createTestSite({}, memoryFolder());
  const source = path.join(site.storage, 'tree');
  writeFiles(site.storage, {
    file: 'FILE',
    'tree/one': '1',
    'tree/sub/two': '22',
    large: Buffer.alloc(2_500_000, 'x'),
  });
  symlinkSync('sub/two', path.join(source, 'kept'));
  for (const name of ['file', 'tree/one', 'tree/sub/two', 'large']) utimesSync(path.join(site.storage, name), 1e9, 1e9);
});
afterAll(() => site.close());
beforeEach(makeArea);

const area = (...names: string[]) => path.join(site.areas, 'jane', ...names);
const openHandles = () => readdirSync('/proc/self/fd').length;

function unlock(folder: string): void {
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  fs.chmodSync(folder, 0o700);
  for (const name of readdirSync(folder)) unlock(path.join(folder, name));
}

function makeArea(): void {
  for (const folder of [area(), path.join(site.areas, '.staging')]) {
    unlock(folder);
    rmSync(folder, { recursive: true, force: true });
  }
  mkdirSync(area('in'), { recursive: true });
}

/** The error of a system call that failed, as Node tells it: some it does not know by name. */
function failed(name: string, call: string): Error {
  const errno = -os.constants.errno[name as keyof typeof os.constants.errno];
  const code = getSystemErrorMap().get(errno)?.[0] ?? 'UNKNOWN';
  return Object.assign(new Error(`${name}: injected, ${call}`), { code, errno, syscall: call.replace('Sync', '') });
}

interface Ending {
  end: string;
  error: unknown;
  link: unknown;
  checksum: unknown;
}

function run(
  task: PlaceTask,
  before: (call: SeenCall) => void,
  after?: (call: SeenCall, result: unknown) => void,
): Ending {
  const ending: Ending = { end: '', error: undefined, link: undefined, checksum: undefined };
  const work = () => {
    try {
      const result = stageHere(task);
      if (result === 'tree') ending.end = 'placed';
      else ending.end = result.type;
      if (result !== 'tree' && result.type === 'placed')
        Object.assign(ending, { link: result.link, checksum: result.checksum });
    } catch (error) {
      ending.error = error;
      ending.end = error instanceof AppError ? error.code : `not clean: ${String(error)}`;
    }
  };
  betweenCalls(before, work, after);
  return ending;
}

const CASES: [string, string, Partial<PlaceTask>][] = [
  ['a copy', 'file', {}],
  ['a copy of several chunks', 'large', {}],
  ['a link', 'file', { content: 'link' }],
  ['a symbolic link', 'file', { content: 'symlink', linkPrefixes: { default: '/seen' } }],
  ['a copy without hard links', 'file', { publishByRename: true }],
  ['a copy inside the area', 'file', { besideDestination: true }],
  ['a copy with a receipt', 'file', { receipt: true }],
  ['a copy of a tree', 'tree', {}],
  ['a copy of a tree with a receipt', 'tree', { receipt: true }],
  ['a tree of links', 'tree', { content: 'link' }],
];

/** What each errno becomes, and the calls that can fail with it. A root that cannot be opened is always unavailable. */
const ANSWERS: Record<string, { codes: string[]; calls?: string[] }> = {
  EIO: { codes: ['storage_unavailable'] },
  ESTALE: { codes: ['storage_unavailable'] },
  EACCES: { codes: ['internal_error', 'source_forbidden', 'storage_unavailable'] },
  ENOSPC: {
    codes: ['insufficient_storage'],
    calls: [
      'mkdirSync',
      'writeSync',
      'ftruncateSync',
      'fdatasyncSync',
      'fsyncSync',
      'linkSync',
      'symlinkSync',
      'renameSync',
    ],
  },
};
/** Calls of the cleaning, which may fail without anybody being told. */
const CLEANING = new Set(['rmdirSync', 'unlinkSync', 'opendirSync', 'fchmodSync']);

describe.each(CASES)('%s', (_what, from, details) => {
  it.each(Object.keys(ANSWERS))('whichever call fails with %s', (code) => {
    const { codes, calls } = ANSWERS[code]!;
    const task = () => placeTask(site, from, 'in/made/result', details);
    const names: string[] = [];
    expect(run(task(), ({ name }) => names.push(name)).end).toBe('placed');
    for (const [moment, name] of names.entries()) {
      // A handle that could not be closed would be this test's own leak.
      if (name === 'closeSync' || (calls && !calls.includes(name))) continue;
      makeArea();
      const handles = openHandles();
      const failing = task();
      const { end, error } = run(failing, (call) => {
        if (call.index === moment) throw failed(code, call.name);
      });
      const told = `call ${moment}, ${name}`;
      // A look that fails may be taken for "there is nothing", a link for "no hard links here".
      const ends = expect.stringMatching(`^(${[...codes, 'placed'].join('|')})$`);
      expect({ told, end, handles: openHandles() }).toEqual({ told, end: ends, handles });
      if (end !== 'placed')
        expect((error as Error).cause).toMatchObject({ message: expect.stringMatching(`^${code}: `) });
      const result = area('in/made/result');
      if (end === 'placed' || present(result)) expectWhole(from, result);
      // What was published after all has its receipt.
      const receipt = end === 'placed' && failing.receipt ? [receiptOf(failing)] : [];
      if (!CLEANING.has(name)) expect({ told, left: leftOvers(true) }).toEqual({ told, left: receipt });
      const { target, operationId } = failing;
      const destination = { username: 'jane', segments: ['in', 'made', 'result'] };
      sweepPrivate({ target, names: [operationId], destination, hasEnded: true }, loneControl());
      expect({ told, left: leftOvers() }).toEqual({ told, left: [] });
    }
  });
});

const present = (file: string) => lstatSync(file, { throwIfNoEntry: false }) !== undefined;

const receiptOf = ({ operationId }: PlaceTask) => path.join(site.areas, '.staging', `${operationId}.receipt`);

/** Receipts and private directories that are there; `full`: of directories only those with something in them. */
function leftOvers(full = false): string[] {
  const below = (folder: string) =>
    existsSync(folder) ? readdirSync(folder).map((name) => path.join(folder, name)) : [];
  const inside = below(area('in')).filter((folder) => path.basename(folder).startsWith('.staging'));
  const all = [...below(path.join(site.areas, '.staging')), ...inside];
  return all.filter((one) => !full || !lstatSync(one).isDirectory() || readdirSync(one).length > 0);
}

function expectWhole(from: string, result: string): void {
  const source = path.join(site.storage, from);
  if (lstatSync(result).isSymbolicLink()) return expect(fs.readlinkSync(result)).toBe(`/seen/${from}`);
  if (from !== 'tree') return expect(readFileSync(result).equals(readFileSync(source))).toBe(true);
  expect(readdirSync(result, { recursive: true }).sort()).toEqual(['kept', 'one', 'sub', 'sub/two']);
  expect(readFileSync(path.join(result, 'kept'), 'utf8')).toBe('22');
}

describe('publishing', () => {
  const isPublishing = ({ name, args }: SeenCall) => name === 'linkSync' && String(args[1]).endsWith('/result');

  it('counts a link as made that was told to exist because the request was repeated', () => {
    const { end } = run(placeTask(site, 'file', 'in/result'), (call) => {
      if (!isPublishing(call)) return;
      fs.linkSync(call.args[0] as string, call.args[1] as string);
      throw failed('EEXIST', 'linkSync');
    });
    expect(end).toBe('placed');
    expect(leftOvers()).toEqual([]);
    expect(statSync(area('in/result'))).toMatchObject({ nlink: 1 });
  });

  it("does not take somebody else's file for its own", () => {
    const { end } = run(placeTask(site, 'file', 'in/result'), (call) => {
      if (isPublishing(call)) writeFileSync(area('in/result'), 'mine, but shorter');
    });
    expect(end).toBe('present');
    expect(readFileSync(area('in/result'), 'utf8')).toBe('mine, but shorter');
    expect(leftOvers()).toEqual([]);
  });

  it.each(['EPERM', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])('renames where link(2) says %s, after a look', (code) => {
    const refuse = (call: SeenCall) => {
      if (isPublishing(call)) throw failed(code, 'linkSync');
    };
    expect(run(placeTask(site, 'file', 'in/result'), refuse).end).toBe('placed');
    expect(readFileSync(area('in/result'), 'utf8')).toBe('FILE');
    expect(run(placeTask(site, 'large', 'in/result'), refuse).end).toBe('present');
    const taken = run(placeTask(site, 'file', 'in/other'), (call) => {
      if (call.name !== 'linkSync') return;
      writeFileSync(area('in/other'), 'mine');
      throw failed(code, 'linkSync');
    });
    expect(taken.end).toBe('present');
    expect(readFileSync(area('in/other'), 'utf8')).toBe('mine');
    expect(leftOvers()).toEqual([]);
  });

  it.each([
    ['file', 'linkSync', {}],
    ['tree', 'renameSync', {}],
    ['file', 'renameSync', { publishByRename: true }],
  ] as const)('builds a %s again inside the area where %s says EXDEV', (from, call, details) => {
    const seen: string[] = [];
    const { end } = run(placeTask(site, from, 'in/result', details), ({ name, args }) => {
      if (name === 'mkdirSync') seen.push(String(args[0]).replace(/^.*\/fd\/\d+\//, ''));
      if (name === call && seen.every((made) => !made.startsWith('.staging-'))) throw failed('EXDEV', name);
    });
    expect(end).toBe('placed');
    expect(seen.filter((name) => name.startsWith('.staging-'))).toHaveLength(1);
    expectWhole(from, area('in/result'));
    expect(leftOvers()).toEqual([]);
  });

  it('gives up when the file system stays another one', () => {
    const { end } = run(placeTask(site, 'file', 'in/result', { besideDestination: true }), (call) => {
      if (isPublishing(call)) throw failed('EXDEV', 'linkSync');
    });
    expect(end).toMatch(/OtherFileSystem/);
    expect(leftOvers()).toEqual([]);
  });

  it.each(['EINVAL', 'ENOTSUP'])('goes without flushing the directory where fsync(2) says %s', (code) => {
    const { end } = run(placeTask(site, 'file', 'in/result'), ({ name }) => {
      if (name === 'fsyncSync') throw failed(code, name);
    });
    expect(end).toBe('placed');
  });

  it('says so when the directory could not be flushed, though the result is there', () => {
    const { end } = run(placeTask(site, 'file', 'in/result'), ({ name }) => {
      if (name === 'fsyncSync') throw failed('EIO', name);
    });
    expect(end).toBe('storage_unavailable');
    expect(existsSync(area('in/result'))).toBe(true);
  });

  it('gives a made directory that somebody else made first to them, and puts the rest into it', () => {
    const { end } = run(placeTask(site, 'file', 'in/a/b/c/result'), ({ name, args }) => {
      if (name !== 'renameSync' || existsSync(area('in/a'))) return;
      expect(String(args[1])).toMatch(/\/a$/);
      writeFiles(area('in/a'), { mine: 'x' });
      fs.chmodSync(area('in/a'), 0o711);
      mkdirSync(area('in/a/b'), { mode: 0o755 });
      writeFileSync(area('in/a/b/mine'), 'x');
    });
    expect(end).toBe('placed');
    expect(readFileSync(area('in/a/b/c/result'), 'utf8')).toBe('FILE');
    expect(statSync(area('in/a')).mode & 0o777).toBe(0o711);
    expect(statSync(area('in/a/b/c')).mode & 0o777).toBe(0o770);
    expect(leftOvers()).toEqual([]);
  });
});

describe('durability', () => {
  it.each([
    ['a small file', 'file', {}],
    ['a large file', 'large', {}],
    ['a file without hard links', 'file', { publishByRename: true }],
  ] as const)('%s is on disk before it is published, its name afterwards', (_what, from, details) => {
    const order: string[] = [];
    run(placeTask(site, from, 'in/result', details), ({ name, args }) => {
      if (name === 'writeSync' || /^f(data)?syncSync$/.test(name)) order.push(name);
      if (/^(link|rename)Sync$/.test(name) && String(args[1]).endsWith('/result')) order.push('published');
    });
    expect(order.filter((name, index) => name !== order[index - 1])).toEqual([
      'writeSync',
      'fdatasyncSync',
      'published',
      'fsyncSync',
    ]);
  });
});

describe('verification', () => {
  /** Flips a byte of what is read back: reads of the copy name a position, those of the source do not. */
  const flip = (nth: number) => {
    let reads = 0;
    return ({ name, args }: SeenCall, count: unknown) => {
      if (name !== 'readSync' || typeof args[4] !== 'number' || (count as number) === 0) return;
      if ((reads += 1) === nth) (args[1] as Buffer)[0]! ^= 1;
    };
  };

  it.each([
    ['file', 1],
    ['large', 1],
    ['large', 3],
    ['tree', 2],
  ])('notices that %s came back with another byte in read %i', (from, nth) => {
    const { end } = run(placeTask(site, from, 'in/result'), () => undefined, flip(nth));
    expect(end).toBe('checksum_mismatch');
    expect(existsSync(area('in/result'))).toBe(false);
    expect(leftOvers()).toEqual([]);
  });

  it('is left out where the site wants none, unless the caller expects a checksum', () => {
    expect(run(placeTask(site, 'file', 'in/one', { algorithm: null }), () => undefined, flip(1))).toMatchObject({
      end: 'placed',
      checksum: null,
    });
    const expected = { algorithm: 'sha256' as const, value: createHash('sha256').update('FILE').digest('hex') };
    expect(run(placeTask(site, 'file', 'in/two', { algorithm: null, expected }), () => undefined)).toMatchObject({
      end: 'placed',
      checksum: expected,
    });
    const task = placeTask(site, 'file', 'in/three', { algorithm: null, expected });
    expect(run(task, () => undefined, flip(1)).end).toBe('checksum_mismatch');
  });

  it.each(['readSync', 'writeSync'] as const)('goes on where %s does less than it was asked', (call) => {
    const real = fs[call] as (...args: unknown[]) => number;
    const little = jest
      .spyOn(fs, call)
      .mockImplementation(((handle: number, data: Buffer, start: number, length: number, position: number | null) =>
        real(handle, data, start, Math.min(length, 300_001), position)) as never);
    try {
      expect(stageHere(placeTask(site, 'large', 'in/large'))).toMatchObject({ type: 'placed', bytes: 2_500_000 });
      expect(little.mock.calls.length).toBeGreaterThan(8);
    } finally {
      little.mockRestore();
    }
    expectWhole('large', area('in/large'));
  });
});

describe('room', () => {
  it.each([
    ['writeSync', 'ENOSPC'],
    ['writeSync', 'EDQUOT'],
    ['fdatasyncSync', 'EDQUOT'],
    ['mkdirSync', 'ENOSPC'],
    ['mkdirSync', 'EDQUOT'],
    ['fchmodSync', 'EDQUOT'],
  ] as const)('that runs out in %s (%s) is told as such', (call, code) => {
    for (const from of ['file', 'tree']) {
      makeArea();
      const { end, error } = run(placeTask(site, from, 'in/made/result'), ({ name }) => {
        if (name === call) throw failed(code, name);
      });
      if (from === 'tree' && call === 'fdatasyncSync') continue;
      expect(end).toBe('insufficient_storage');
      expect((error as AppError).message).toMatch(code === 'EDQUOT' ? /quota/ : /space/);
      expect(readdirSync(area('in'))).toEqual([]);
    }
  });

  it('is looked at beforehand: bytes and inodes', () => {
    const real = fs.statfsSync;
    const answer = { bavail: 1e9, bsize: 4096, files: 1000, ffree: 1000 };
    const spy = jest.spyOn(fs, 'statfsSync').mockImplementation(((...args: Parameters<typeof real>) => ({
      ...real(...args),
      ...answer,
    })) as never);
    const made = jest.spyOn(fs, 'writeSync');
    try {
      const ends = (change: Partial<typeof answer>, from: string, details: Partial<PlaceTask> = {}) => {
        Object.assign(answer, { bavail: 1e9, ffree: 1000 }, change);
        makeArea();
        return run(placeTask(site, from, 'in/result', details), () => undefined).end;
      };
      expect(ends({ bavail: 610 }, 'large')).toBe('insufficient_storage');
      expect(ends({ ffree: 0 }, 'file')).toBe('insufficient_storage');
      expect(ends({ ffree: 4 }, 'tree')).toBe('insufficient_storage');
      expect(ends({ bavail: 0 }, 'tree')).toBe('insufficient_storage');
      expect(made).not.toHaveBeenCalled();
      expect(ends({ bavail: 611 }, 'large')).toBe('placed');
      expect(ends({ ffree: 5 }, 'tree')).toBe('placed');
      // Links and clones take no room.
      expect(ends({ bavail: 0 }, 'large', { content: 'link' })).toBe('placed');
      expect(ends({ bavail: 0 }, 'tree', { content: 'link' })).toBe('placed');
      // A file system without a number of inodes tells none.
      expect(ends({ files: 0, ffree: 0 }, 'file')).toBe('placed');
    } finally {
      spy.mockRestore();
      made.mockRestore();
    }
  });
});

describe('other answers of the system', () => {
  it('a read-only target is unavailable', () => {
    const { end, error } = run(placeTask(site, 'file', 'in/result'), ({ name }) => {
      if (name === 'mkdirSync') throw failed('EROFS', name);
    });
    expect(end).toBe('storage_unavailable');
    expect((error as AppError).message).toMatch(/read-only/);
  });

  it.each(['file', 'tree'])('a lease on the source (%s) means that somebody writes to it', (from) => {
    const { end } = run(placeTask(site, from, 'in/result'), ({ name, args }) => {
      if (name === 'openSync' && (args[1] as number) & fs.constants.O_NONBLOCK) throw failed('EAGAIN', name);
    });
    expect(end).toBe('source_changed');
  });

  it.each(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP'])('no hard link to the source (%s) is told as such', (code) => {
    for (const from of ['file', 'tree']) {
      const { end, error } = run(placeTask(site, from, 'in/result', { content: 'link' }), ({ name }) => {
        if (name === 'linkSync') throw failed(code, name);
      });
      expect(end).toBe('cross_device_link');
      expect((error as AppError).message).toContain(code);
    }
  });

  it('a file that can be written only when it is closed is told as a lack of room', () => {
    const opened = new Set<unknown>();
    const real = fs.closeSync;
    let failing = true;
    const open = jest.spyOn(fs, 'openSync');
    const spy = jest.spyOn(fs, 'closeSync').mockImplementation((handle) => {
      const created = open.mock.results.filter(
        (_one, index) => (open.mock.calls[index]![1] as number) & fs.constants.O_CREAT,
      );
      for (const { value } of created) opened.add(value);
      real(handle);
      if (failing && opened.has(handle)) {
        failing = false;
        throw failed('EDQUOT', 'closeSync');
      }
    });
    try {
      expect(() => stageHere(placeTask(site, 'tree', 'in/result'))).toThrow(
        expect.objectContaining({ code: 'insufficient_storage' }),
      );
    } finally {
      spy.mockRestore();
      open.mockRestore();
    }
    expect(failing).toBe(false);
    expect(readdirSync(area('in'))).toEqual([]);
  });
});

describe('clones', () => {
  /** Stands in for a file system that clones: copies the content and, like it, the mode. */
  const cloning = () =>
    jest.spyOn(fs, 'copyFileSync').mockImplementation((from, to) => {
      const { mode } = statSync(from);
      writeFileSync(to, readFileSync(from), { mode: 0o600, flag: 'wx' });
      fs.chmodSync(to, mode & 0o7777);
    });
  const details = { cloneFrom: ['default'] };

  afterEach(() => jest.restoreAllMocks());

  it('are told as such, sealed like copies, without set-id bits, and not read', () => {
    fs.chmodSync(path.join(site.storage, 'file'), 0o6755);
    cloning();
    const read = jest.spyOn(fs, 'readSync');
    expect(stageHere(placeTask(site, 'file', 'in/result', details))).toMatchObject({
      link: 'clone',
      checksum: null,
      bytes: 4,
    });
    // Node reads small files, as of /proc, with fewer arguments.
    expect(read.mock.calls.filter((args) => args.length > 4)).toEqual([]);
    expect(statSync(area('in/result')).mode & 0o7777).toBe(0o440);
    expect(statSync(area('in/result')).mtimeMs).toBe(1e12);
    expectWhole('file', area('in/result'));
    fs.chmodSync(path.join(site.storage, 'file'), 0o644);
  });

  it('are read when the caller expects a checksum', () => {
    cloning();
    const expected = { algorithm: 'sha256' as const, value: createHash('sha256').update('FILE').digest('hex') };
    expect(stageHere(placeTask(site, 'file', 'in/result', { ...details, expected }))).toMatchObject({
      link: 'clone',
      checksum: expected,
    });
    const wrong = { ...expected, value: '0'.repeat(64) };
    expect(run(placeTask(site, 'file', 'in/wrong', { ...details, expected: wrong }), () => undefined).end).toBe(
      'checksum_mismatch',
    );
    expect(existsSync(area('in/wrong'))).toBe(false);
  });

  it.each(['EOPNOTSUPP', 'EXDEV', 'EINVAL', 'ENOTTY'])('become copies where the file system says %s', (code) => {
    const clone = jest.spyOn(fs, 'copyFileSync').mockImplementation(() => {
      throw failed(code, 'copyFileSync');
    });
    expect(stageHere(placeTask(site, 'file', 'in/result', details))).toMatchObject({ link: null });
    expectWhole('file', area('in/result'));
    expect(stageHere(placeTask(site, 'tree', 'in/tree', details))).toBe('tree');
    // The first file of a tree settles it for the others.
    expect(clone).toHaveBeenCalledTimes(2);
  });

  it('that fail for lack of room, or since the storage is gone, fail', () => {
    for (const [code, answer] of [
      ['ENOSPC', 'insufficient_storage'],
      ['EIO', 'storage_unavailable'],
    ] as const) {
      const end = run(placeTask(site, 'file', 'in/result', details), ({ name }) => {
        if (name === 'copyFileSync') throw failed(code, name);
      }).end;
      expect(end).toBe(answer);
    }
  });
});

describe('what an earlier attempt left', () => {
  it('is replaced by the next one, wherever the private directory lies', () => {
    for (const besideDestination of [false, true]) {
      makeArea();
      const task = placeTask(site, 'tree', 'in/result', { besideDestination });
      const broken = run(task, ({ name }) => {
        if (name === 'futimesSync' || CLEANING.has(name)) throw failed('EIO', name);
      });
      expect(broken.end).toBe('storage_unavailable');
      expect(leftOvers()).toHaveLength(1);
      expect(run(task, () => undefined).end).toBe('placed');
      expect(leftOvers()).toEqual([]);
      expectWhole('tree', area('in/result'));
    }
  });

  it("that is not the service's alone is neither used nor removed", () => {
    const task = placeTask(site, 'file', 'in/result', { besideDestination: true });
    const name = `.staging-${task.operationId}`;
    const substitutes: (() => void)[] = [
      () => mkdirSync(area('in', name), { mode: 0o755 }),
      () => writeFileSync(area('in', name), 'mine'),
      () => symlinkSync(site.directory, area('in', name)),
    ];
    for (const make of substitutes) {
      makeArea();
      make();
      if (lstatSync(area('in', name)).isDirectory()) writeFileSync(area('in', name, 'mine'), 'x');
      const before = lstatSync(area('in', name));
      expect(run(task, () => undefined).end).toBe('destination_conflict');
      expect(lstatSync(area('in', name))).toMatchObject({ ino: before.ino, mode: before.mode });
      expect(existsSync(area('in/result'))).toBe(false);
    }
  });
});
