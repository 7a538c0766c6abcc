import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { xxh3 } from '@node-rs/xxhash';
import {
  bytesOf,
  makeEndlessFile,
  makeFifo,
  makeSocket,
  notUtf8,
  snapshot,
  writeFiles,
} from '../../../../test/support/files';
import { until } from '../../../../test/support/until';
import { type Algorithm, type Checksum } from '../engine/hashing';
import { readDestination, readPath } from '../names/path-text';
import { createTestSite, memoryFolder, type TestSite } from '../testing/test-site';
import { type PlaceRequest } from './placement';

const isRoot = process.getuid!() === 0;
const asUser = isRoot ? it.skip : it;
const MIB = 1024 ** 2;
/** A time with microseconds, which a copy keeps. */
const OLD = 981_173_106.123456;

let site: TestSite;
/** The same site, where jane is an account that the service may give files to: as root another one, else its own. */
let mapped: TestSite;
const jane = isRoot ? { uid: 61_001, gid: 61_002 } : { uid: process.getuid!(), gid: process.getgid!() };

beforeAll(async () => {
  site = await createTestSite();
  const userMapFile = path.join(site.directory, 'user-map');
  writeFileSync(userMapFile, `# a comment\njane:${jane.uid}:${jane.gid}\n`);
  const ownership = { minUid: 1, unmapped: { kind: 'refuse' }, fileMode: 0o400, dirMode: 0o500 } as const;
  mapped = await createTestSite({ storages: [{ name: 'default', path: site.storage }], userMapFile, ownership });
});
afterAll(async () => {
  await mapped.close();
  await site.close();
});
afterEach(() => {
  expect([...site.leftOvers(), ...mapped.leftOvers()]).toEqual([]);
});

const source = (...names: string[]) => path.join(site.storage, ...names);
const area = (...names: string[]) => path.join(site.areas, 'jane', ...names);
const mode = (file: string) => lstatSync(file).mode & 0o7777;

function put(files: Record<string, string | Buffer>): void {
  writeFiles(site.storage, files);
  for (const name of Object.keys(files)) utimesSync(source(name), OLD, OLD);
}

/** A request whose paths are bytes. */
function rawRequest(from: Buffer, to: string, encoding: 'percent' | null = null): PlaceRequest {
  const percent = [...from].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  const request = site.request('x', 'x');
  request.source.path = readPath('local_path_on_storage', percent, 'percent');
  request.destination = readDestination(to, encoding);
  return request;
}

describe('a copy', () => {
  it('has the content and the time of modification, and is read-only', async () => {
    put({ 'obs/night.fits': 'SIMPLE' });
    const placed = await site.copy('obs/night.fits', 'plain/night.fits');
    const stat = statSync(area('plain/night.fits'), { bigint: true });
    expect(placed).toEqual({
      outcome: 'staged',
      storage: 'default',
      kind: 'file',
      stagedPath: 'plain/night.fits',
      files: 1,
      bytes: 6,
      link: null,
      checksum: { algorithm: 'xxh3', value: xxh3.xxh64('SIMPLE').toString(16).padStart(16, '0') },
      matchesSource: null,
      present: null,
      manifest: [
        {
          path: '',
          kind: 'file',
          size: 6,
          mtimeNs: String(stat.mtimeNs),
          device: String(stat.dev),
          inode: String(stat.ino),
          checksum: placed.checksum,
        },
      ],
    });
    expect(readFileSync(area('plain/night.fits'), 'utf8')).toBe('SIMPLE');
    const kept = statSync(source('obs/night.fits'), { bigint: true }).mtimeNs;
    expect(Math.abs(Number(stat.mtimeNs - kept))).toBeLessThan(1000);
    expect(stat.nlink).toBe(1n);
  });

  it.each([
    ['before 1970, to the second', '-1000000.25', -1_000_001_000],
    ['in the year 2106', '4294967400.5', 4_294_967_400_500],
    ['at 1970 itself', '0', 0],
  ])('keeps a time %s', async (_what, seconds, kept) => {
    put({ timed: 'x' });
    // Node has no negative times.
    expect(spawnSync('touch', ['-d', `@${seconds}`, source('timed')]).status).toBe(0);
    await site.copy('timed', `times/${seconds}`);
    expect(statSync(area(`times/${seconds}`)).mtimeMs).toBe(kept);
    await expect(site.copy('timed', `times/${seconds}`)).resolves.toMatchObject({ matchesSource: true });
  });

  it('belongs to the service, and to the group of the area, for a user without an account', async () => {
    put({ file: 'x' });
    await site.copy('file', 'service/deep/file');
    expect(mode(area('service/deep/file'))).toBe(0o440);
    expect([mode(area('service')), mode(area('service/deep'))]).toEqual([0o770, 0o770]);
    expect(statSync(area('service/deep/file'))).toMatchObject({ uid: process.getuid!(), gid: statSync(area()).gid });
  });

  it('belongs to the user who has an account, as do the directories made for it, which stay writable', async () => {
    put({ file: 'x' });
    await mapped.copy('file', 'made/deep/file');
    const made = path.join(mapped.areas, 'jane');
    for (const name of ['', 'made', 'made/deep', 'made/deep/file']) {
      expect(statSync(path.join(made, name))).toMatchObject(jane);
    }
    expect(mode(path.join(made, 'made/deep/file'))).toBe(0o400);
    expect(['', 'made', 'made/deep'].map((name) => mode(path.join(made, name)))).toEqual([0o700, 0o700, 0o700]);
  });

  it('never changes a directory that was there', async () => {
    put({ file: 'x' });
    mkdirSync(area('kept/inner'), { recursive: true });
    chmodSync(area('kept'), 0o755);
    chmodSync(area('kept/inner'), 0o711);
    await site.copy('file', 'kept/inner/new/file');
    expect([mode(area('kept')), mode(area('kept/inner'))]).toEqual([0o755, 0o711]);
  });

  it('never has set-id or other bits of its source', async () => {
    put({ set: 'x' });
    chmodSync(source('set'), 0o6777);
    await site.copy('set', 'set');
    expect(mode(area('set'))).toBe(0o440);
  });

  it.each([
    ['empty', 0],
    ['of one byte', 1],
    ['just below a chunk', MIB - 1],
    ['of exactly a chunk', MIB],
    ['just above a chunk', MIB + 1],
    ['of several chunks', 3 * MIB + 5],
  ])('is whole when it is %s', async (what, size) => {
    const content = bytesOf(what, size);
    put({ sized: content });
    const placed = await site.copy('sized', `sizes/${size}`);
    expect(placed.bytes).toBe(size);
    expect(placed.checksum!.value).toBe(xxh3.xxh64(content).toString(16).padStart(16, '0'));
    expect(readFileSync(area(`sizes/${size}`)).equals(content)).toBe(true);
  });

  it('keeps the holes of a sparse file of 5 GB', async () => {
    // In memory a hole is read without being filled; on disk its zeros would fill the cache.
    const unverified = await createTestSite({ algorithm: null }, memoryFolder());
    try {
      const file = openSync(path.join(unverified.storage, 'sparse'), 'w');
      ftruncateSync(file, 5_000_000_123);
      for (const position of [0, 2_500_000_000, 5_000_000_120]) writeSync(file, Buffer.from('abc'), 0, 3, position);
      closeSync(file);
      const placed = await unverified.copy('sparse', 'sparse');
      expect(placed).toMatchObject({ bytes: 5_000_000_123, checksum: null });
      const copy = path.join(unverified.areas, 'jane/sparse');
      expect(statSync(copy).size).toBe(5_000_000_123);
      expect(statSync(copy).blocks * 512).toBeLessThan(MIB);
      const handle = openSync(copy, 'r');
      for (const position of [0, 2_500_000_000, 5_000_000_120]) {
        const found = Buffer.alloc(3);
        expect(readFromHandle(handle, found, position)).toBe('abc');
      }
      closeSync(handle);
    } finally {
      await unverified.close();
    }
  }, 120_000);

  it('has a small sparse file whole, its hole at the end too', async () => {
    put({ hole: '' });
    const file = openSync(source('hole'), 'w');
    writeSync(file, 'start');
    ftruncateSync(file, 200_000);
    closeSync(file);
    await site.copy('hole', 'hole');
    expect(readFileSync(area('hole')).equals(readFileSync(source('hole')))).toBe(true);
    expect(statSync(area('hole')).blocks * 512).toBeLessThan(100_000);
  });

  it('follows a link of the storage, and takes the name that was asked for', async () => {
    put({ real: 'content' });
    symlinkSync('real', source('alias'));
    await site.copy('alias', 'linked/');
    expect(lstatSync(area('linked/alias')).isFile()).toBe(true);
  });
});

function readFromHandle(handle: number, into: Buffer, position: number): string {
  const { readSync } = jest.requireActual<typeof import('node:fs')>('node:fs');
  readSync(handle, into, 0, into.length, position);
  return into.toString();
}

describe('the name of the result', () => {
  it("is the source's own in a directory", async () => {
    put({ 'in/own name.fits': 'x' });
    await expect(site.copy('in/own name.fits', 'into/there/')).resolves.toMatchObject({
      stagedPath: 'into/there/own name.fits',
    });
    await expect(site.copy('in/../in/own name.fits', './')).resolves.toMatchObject({ stagedPath: 'own name.fits' });
    expect(existsSync(area('own name.fits'))).toBe(true);
  });

  it('is that of the real directory where the path ends with ".."', async () => {
    put({ 'up/there/file': 'x' });
    await expect(site.copy('up/there/..', 'ups/')).resolves.toMatchObject({ stagedPath: 'ups/up', kind: 'directory' });
  });

  it('must be given for a whole storage', async () => {
    await expect(site.copy('.', 'whole/')).rejects.toMatchObject({ code: 'path_outside_storage' });
    expect(existsSync(area('whole'))).toBe(false);
  });

  it.each([
    ['with spaces and a newline', ' a\n b '],
    ['of 255 bytes', 'n'.repeat(255)],
    ['with a backslash', 'a\\..\\b'],
    ['of Unicode', 'Grüße-星'],
    ['with a leading dash', '-rf'],
    ['of three dots', '...'],
  ])('may be one %s', async (_what, name) => {
    put({ [name]: 'odd' });
    await site.copy(name, `odd/${name}`);
    await site.copy(name, 'odd-in/');
    expect(readFileSync(area('odd', name), 'utf8')).toBe('odd');
    expect(readdirSync(area('odd-in'))).toContain(name);
  });

  it('may be bytes that are not UTF-8', async () => {
    writeFileSync(notUtf8(site.storage), 'raw');
    const placed = await site.stager.copy(rawRequest(notUtf8('.'), 'raw/'), site.hooks());
    expect(placed.stagedPath).toBe('raw/caf\xff.fits');
    expect(readFileSync(notUtf8(area('raw')), 'utf8')).toBe('raw');
    const other = await site.stager.copy(rawRequest(notUtf8('.'), 'raw/%FE', 'percent'), site.hooks());
    expect(other.stagedPath).toBe('raw/\xfe');
  });

  it.each(['.staging-01900000-0000-7000-8000-000000000000', 'in/.staging-01900000-x/file'])(
    "may not be the service's own: %s",
    async (destination) => {
      put({ file: 'x' });
      await expect(site.copy('file', destination)).rejects.toMatchObject({ code: 'path_outside_user_area' });
    },
  );

  it("may not become the service's own by the name of the source either", async () => {
    put({ '.staging-01900000-0000-7000-8000-000000000000': 'x' });
    await expect(site.copy('.staging-01900000-0000-7000-8000-000000000000', 'own/')).rejects.toMatchObject({
      code: 'path_outside_user_area',
    });
    expect(existsSync(area('own'))).toBe(false);
  });
});

describe('a destination that is there', () => {
  it('is left alone, and compared: size and time', async () => {
    put({ file: 'hello' });
    await site.copy('file', 'there/file');
    const before = snapshot(area('there'));
    const stat = statSync(area('there/file'), { bigint: true });
    await expect(site.copy('file', 'there/file')).resolves.toEqual({
      outcome: 'already_present',
      storage: 'default',
      kind: 'file',
      stagedPath: 'there/file',
      files: null,
      bytes: null,
      link: null,
      checksum: null,
      matchesSource: true,
      present: {
        device: String(stat.dev),
        inode: String(stat.ino),
        size: 5,
        mtimeNs: String(stat.mtimeNs),
      },
      manifest: [],
    });
    expect(snapshot(area('there'))).toEqual(before);
    put({ file: 'hello, longer' });
    await expect(site.copy('file', 'there/file')).resolves.toMatchObject({ matchesSource: false });
    put({ file: 'hallo' });
    await expect(site.copy('file', 'there/file')).resolves.toMatchObject({ matchesSource: true });
    utimesSync(source('file'), OLD + 1, OLD + 1);
    await expect(site.copy('file', 'there/file')).resolves.toMatchObject({ matchesSource: false });
    expect(snapshot(area('there'))).toEqual(before);
  });

  it('may have a time that its file system cut to the second', async () => {
    put({ file: 'hello' });
    writeFiles(area(), { cut: 'hello', other: 'hello' });
    utimesSync(area('cut'), Math.floor(OLD), Math.floor(OLD));
    utimesSync(area('other'), Math.floor(OLD) - 1, Math.floor(OLD) - 1);
    await expect(site.copy('file', 'cut')).resolves.toMatchObject({ matchesSource: true });
    await expect(site.copy('file', 'other')).resolves.toMatchObject({ matchesSource: false });
  });

  it('is an error where the caller says so', async () => {
    put({ file: 'hello' });
    await site.copy('file', 'failing');
    await expect(site.copy('file', 'failing', { ifExists: 'fail' })).rejects.toMatchObject({ code: 'already_exists' });
    await expect(site.copy('file', 'free', { ifExists: 'fail' })).resolves.toMatchObject({ outcome: 'staged' });
  });

  it('of another kind is a conflict, and untouched', async () => {
    put({ file: 'hello', 'tree/file': 'x' });
    writeFiles(area(), { 'conflicts/dir/kept': 'x', 'conflicts/file': 'kept' });
    mkdirSync(area('conflicts/empty'), { recursive: true });
    symlinkSync('file', area('conflicts/link'));
    symlinkSync('nothing', area('conflicts/dangling'));
    makeFifo(area('conflicts/fifo'));
    const before = snapshot(area('conflicts'));
    const attempts: [string, string][] = [
      ['file', 'dir'],
      ['file', 'empty'],
      ['file', 'link'],
      ['file', 'dangling'],
      ['file', 'fifo'],
      ['file', 'file/below'],
      ['file', 'fifo/below'],
      ['tree', 'file'],
      ['tree', 'link'],
      ['tree', 'fifo'],
    ];
    for (const [from, to] of attempts) {
      await expect(site.copy(from, `conflicts/${to}`)).rejects.toMatchObject({ code: 'destination_conflict' });
    }
    expect(snapshot(area('conflicts'))).toEqual(before);
  });

  it('is never reached through a link, wherever that leads', async () => {
    put({ file: 'hello' });
    mkdirSync(area('through/real'), { recursive: true });
    symlinkSync('real', area('through/inside'));
    symlinkSync(site.directory, area('through/outside'));
    symlinkSync(site.storage, area('through/storage'));
    for (const link of ['inside', 'outside', 'storage']) {
      await expect(site.copy('file', `through/${link}/result`)).rejects.toMatchObject({
        code: 'path_outside_user_area',
      });
      await expect(site.copy('file', `through/${link}/a/b/result`)).rejects.toMatchObject({
        code: 'path_outside_user_area',
      });
    }
    expect(readdirSync(area('through/real'))).toEqual([]);
    expect(existsSync(path.join(site.directory, 'result'))).toBe(false);
  });

  it('is not made where the area itself is a link', async () => {
    put({ file: 'x' });
    mkdirSync(path.join(site.directory, 'elsewhere'));
    symlinkSync(path.join(site.directory, 'elsewhere'), path.join(site.areas, 'linda'));
    await expect(site.copy('file', 'x', { username: 'linda' })).rejects.toMatchObject({
      code: 'path_outside_user_area',
    });
    expect(readdirSync(path.join(site.directory, 'elsewhere'))).toEqual([]);
  });

  it('with a name too long for its file system is a conflict', async () => {
    put({ file: 'x' });
    const request = site.request('file', 'x');
    // Longer than any request may name: what a file system with shorter names answers.
    request.destination.segments = ['n'.repeat(256)];
    await expect(site.stager.copy(request, site.hooks())).rejects.toMatchObject({ code: 'destination_conflict' });
    request.destination.segments = ['n'.repeat(256), 'x'];
    await expect(site.stager.copy(request, site.hooks())).rejects.toMatchObject({ code: 'destination_conflict' });
  });
});

describe('an area that does not exist', () => {
  it('is made, where the site allows it', async () => {
    put({ file: 'x' });
    await site.copy('file', 'x', { username: 'newcomer' });
    expect(mode(path.join(site.areas, 'newcomer'))).toBe(0o770);
  });

  it('is an error otherwise', async () => {
    const closed = await createTestSite({ storages: [{ name: 'default', path: site.storage }], createAreas: false });
    try {
      put({ file: 'x' });
      await expect(closed.copy('file', 'deep/x')).rejects.toMatchObject({ code: 'user_area_missing' });
      expect(readdirSync(closed.areas)).toEqual(['.staging']);
      mkdirSync(path.join(closed.areas, 'jane'));
      await expect(closed.copy('file', 'deep/x')).resolves.toMatchObject({ outcome: 'staged' });
    } finally {
      await closed.close();
    }
  });
});

describe('the checksum that a caller expects', () => {
  const content = bytesOf('catalogue', 100_000);
  const digest = (algorithm: string) => createHash(algorithm).update(content).digest('hex');
  const right: [Algorithm, string][] = [
    ['sha256', digest('sha256')],
    ['md5', digest('md5')],
    ['xxh3', xxh3.xxh64(content).toString(16).padStart(16, '0')],
    ['adler32', adler32(content)],
  ];

  it.each(right)('%s: right, in either case', async (algorithm, value) => {
    put({ catalogued: content });
    for (const [index, spelling] of [value, value.toUpperCase()].entries()) {
      const expected = { algorithm, value: spelling };
      await expect(site.copy('catalogued', `sums/${algorithm}-${index}`, { expected })).resolves.toMatchObject({
        checksum: { algorithm, value },
      });
      await expect(site.link('catalogued', `sums/link-${algorithm}-${index}`, { expected })).resolves.toMatchObject({
        link: 'hard',
        checksum: { algorithm, value },
      });
    }
  });

  it.each(right)('%s: wrong', async (algorithm, value) => {
    put({ catalogued: content });
    const expected: Checksum = { algorithm, value: value.replace(/.$/, (last) => (last === '0' ? '1' : '0')) };
    const { nlink } = statSync(source('catalogued'));
    for (const how of ['copy', 'link'] as const) {
      const attempt = site[how]('catalogued', 'sums/wrong', { expected });
      await expect(attempt).rejects.toMatchObject({ code: 'checksum_mismatch', retryable: false });
    }
    expect(existsSync(area('sums/wrong'))).toBe(false);
    expect(statSync(source('catalogued')).nlink).toBe(nlink);
  });

  it('may be an Adler-32 without its leading zeros', async () => {
    put({ zeros: 'a' });
    expect(adler32(Buffer.from('a'))).toBe('00620062');
    for (const value of ['620062', '00620062', '0620062']) {
      const expected: Checksum = { algorithm: 'adler32', value };
      await expect(site.copy('zeros', `zeros-${value}`, { expected })).resolves.toMatchObject({
        checksum: { algorithm: 'adler32', value: '00620062' },
      });
    }
  });

  it('is a fault for a directory', async () => {
    put({ 'tree/file': 'x' });
    const expected: Checksum = { algorithm: 'md5', value: '0'.repeat(32) };
    await expect(site.copy('tree', 'sums/tree', { expected })).rejects.toMatchObject({
      code: 'validation_failed',
      errors: [{ field: 'checksum', message: 'is for files; the source is a directory' }],
    });
  });
});

/** RFC 1950, section 9. */
function adler32(data: Buffer): string {
  let [a, b] = [1, 0];
  for (const byte of data) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return (b * 65_536 + a).toString(16).padStart(8, '0');
}

describe('what is no file', () => {
  it.each(['copy', 'link'] as const)('is refused without being opened: a FIFO (%s)', async (how) => {
    const fifo = source(`fifo-${how}`);
    makeFifo(fifo);
    mkdirSync(source(`with-fifo-${how}`));
    linkSync(fifo, source(`with-fifo-${how}`, 'inside'));
    // Somebody who waits for a reader would be let go by an open(2).
    const writer = spawn('sh', ['-c', 'exec 3> "$0"; echo opened', fifo], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      await until(() => spawnSync('cat', [`/proc/${writer.pid}/wchan`]).stdout.toString() !== '0', 'no writer');
      await expect(site[how](`fifo-${how}`, 'fifo')).rejects.toMatchObject({ code: 'source_unsupported' });
      await expect(site[how](`with-fifo-${how}`, 'fifo')).rejects.toMatchObject({ code: 'source_unsupported' });
      expect(writer.exitCode).toBeNull();
      const heard: string[] = [];
      writer.stdout.on('data', (text: Buffer) => heard.push(text.toString()));
      closeSync(openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK));
      await until(() => heard.length > 0, 'the writer was not waiting');
    } finally {
      writer.kill('SIGKILL');
    }
    expect(existsSync(area('fifo'))).toBe(false);
  });

  it('is refused: a socket', async () => {
    await makeSocket(source('socket'));
    await expect(site.copy('socket', 'socket')).rejects.toMatchObject({ code: 'source_unsupported' });
    await expect(site.link('socket', 'socket')).rejects.toMatchObject({ code: 'source_unsupported' });
  });

  (isRoot ? it : it.skip)('is refused: a device (left out without root)', async () => {
    mkdirSync(source('devices'));
    expect(spawnSync('mknod', [source('devices/null'), 'c', '1', '3']).status).toBe(0);
    for (const name of ['devices/null', 'devices']) {
      await expect(site.copy(name, 'device')).rejects.toMatchObject({ code: 'source_unsupported' });
      await expect(site.link(name, 'device')).rejects.toMatchObject({ code: 'source_unsupported' });
    }
  });
});

describe('a source that cannot be read', () => {
  asUser('is forbidden, file or directory (left out as root)', async () => {
    put({ secret: 'x', 'closed/file': 'x', 'tree/closed/file': 'x' });
    chmodSync(source('secret'), 0);
    chmodSync(source('closed'), 0);
    chmodSync(source('tree/closed'), 0);
    for (const name of ['secret', 'closed', 'closed/file', 'tree']) {
      await expect(site.copy(name, 'denied')).rejects.toMatchObject({ code: 'source_forbidden' });
    }
    expect(existsSync(area('denied'))).toBe(false);
    for (const name of ['closed', 'tree/closed']) chmodSync(source(name), 0o700);
  });

  asUser("an area that cannot be written to is told as the operators' affair (left out as root)", async () => {
    put({ file: 'x' });
    mkdirSync(area('locked'), { recursive: true });
    chmodSync(area('locked'), 0o500);
    await expect(site.copy('file', 'locked/file')).rejects.toMatchObject({ code: 'internal_error', retryable: false });
    chmodSync(area('locked'), 0o700);
  });
});

describe('a source that does not hold still', () => {
  it('ends with source_changed while it grows, and leaves nothing', async () => {
    // Large enough that it grows at least once while it is read, also on a busy machine.
    put({ growing: bytesOf('growing', 192 * MIB) });
    let ended = false;
    const attempt = site.copy('growing', 'growing').finally(() => (ended = true));
    const result = expect(attempt).rejects.toMatchObject({ code: 'source_changed' });
    while (!ended) {
      appendFileSync(source('growing'), 'more');
      await new Promise((resolve) => setImmediate(resolve));
    }
    await result;
    expect(existsSync(area('growing'))).toBe(false);
  });

  it('that is renamed away is staged as what was found', async () => {
    put({ first: bytesOf('first', 8 * MIB), second: 'other' });
    const attempt = site.copy('first', 'renamed');
    await new Promise((resolve) => setImmediate(resolve));
    renameSync(source('second'), source('first'));
    const placed = await attempt;
    expect([5, 8 * MIB]).toContain(placed.bytes);
    expect(statSync(area('renamed')).size).toBe(placed.bytes);
  });
});

describe("the site's limits", () => {
  it('hold for a file before anything is copied, and not for links to it', async () => {
    const limits = { maxFiles: 1, maxBytes: 10 };
    const limited = await createTestSite({ storages: [{ name: 'default', path: site.storage }], limits });
    try {
      put({ ten: '0123456789', eleven: '0123456789+' });
      await expect(limited.copy('ten', 'ten')).resolves.toMatchObject({ bytes: 10 });
      await expect(limited.copy('eleven', 'eleven')).rejects.toMatchObject({
        code: 'quota_exceeded',
        retryable: false,
      });
      expect(limited.leftOvers()).toEqual([]);
    } finally {
      await limited.close();
    }
  });
});

describe('cancelling', () => {
  it('before the begin does nothing, in the middle of a file leaves nothing', async () => {
    makeEndlessFile(source('endless'));
    const reason = new Error('enough');
    const early = site.stager.copy(
      site.request('endless', 'cancelled'),
      site.hooks({ signal: AbortSignal.abort(reason) }),
    );
    await expect(early).rejects.toBe(reason);
    const controller = new AbortController();
    const late = site.stager.copy(site.request('endless', 'cancelled'), site.hooks({ signal: controller.signal }));
    await until(() => site.leftOvers().length > 0, 'nothing began');
    controller.abort(reason);
    await expect(late).rejects.toBe(reason);
    expect(existsSync(area('cancelled'))).toBe(false);
  });
});
