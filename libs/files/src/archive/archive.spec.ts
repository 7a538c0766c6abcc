import fs, {
  appendFileSync,
  chmodSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import fc from 'fast-check';
import { AppError } from '@app/core';
import { describeWhere } from '../../../../test/support/describe-where';
import { bytesOf, contentOf, makeFifo, notUtf8, snapshot, writeFiles } from '../../../../test/support/files';
import { rawFromText, type RawName } from '../names/raw-name';
import { CancelledError, Ledger, Pulse, WorkerControl } from '../pool/control';
import { betweenCalls, type SeenCall } from '../testing/between-calls';
import { memoryFolder } from '../testing/test-site';
import { type ArchiveFormat } from './archive';
import {
  archive,
  entriesOf,
  READER_ENVIRONMENT,
  readByPython,
  readersMissing,
  type SeenEntry,
  storageAt,
} from './testing/archive-probe';
import { ZipWriter } from './zip-writer';

/** Archives of real trees, as the programs that people have read them. */

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(memoryFolder(), 'archive-'));
  mkdirSync(path.join(folder, 'storage/tree'), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const FORMATS: ArchiveFormat[] = ['zip', 'tar'];
const inTree = (...names: string[]) => path.join(folder, 'storage/tree', ...names);
const file = () => path.join(folder, 'archive');
const storages = () => [storageAt(path.join(folder, 'storage'))];
const make = (format: ArchiveFormat, options?: Parameters<typeof archive>[4]) =>
  archive(storages(), 'tree', format, file(), options);
const text = (name: string) => Buffer.from(name, 'hex').toString();
const sorted = (entries: SeenEntry[]) => [...entries].sort((one, other) => (one.name < other.name ? -1 : 1));
const names = (format: ArchiveFormat) =>
  readByPython(format, file())
    .map((entry) => text(entry.name))
    .sort();

/** A zip has whole seconds only. */
function inFormat(format: ArchiveFormat, entries: SeenEntry[]): SeenEntry[] {
  if (format === 'tar') return entries;
  return entries.map((entry) => ({ ...entry, mtime: String(BigInt(entry.mtime) / 1_000_000_000n) }));
}

function extract(command: string, ...args: string[]): string {
  const to = mkdtempSync(path.join(folder, 'out-'));
  execFileSync('sh', ['-c', command, 'sh', file(), to, ...args], { env: READER_ENVIRONMENT, stdio: 'pipe' });
  return path.join(to, 'tree');
}

const NASTY = [
  'a blank',
  'Grüße',
  '🔭 star',
  'two\nlines',
  'back\\slash',
  '-rf',
  '..dots',
  'quote\'"$(x)`;*?',
  'x'.repeat(200),
  'ü'.repeat(100),
];

function makeNastyTree(): void {
  for (const [index, name] of NASTY.entries()) {
    writeFiles(inTree(), { [name]: `content ${index}`, [`in ${name}/${name}`]: bytesOf(name, 5000) });
  }
  const deep = `${'d'.repeat(90)}/`.repeat(9);
  writeFiles(inTree(), {
    empty: '',
    [`${deep}leaf`]: 'deep down',
    // Beyond what is read before its header is written, with something in it that looks like the end of an entry.
    large: Buffer.concat([
      bytesOf('a', 1_500_000),
      Buffer.from('PK\x07\x08PK\x01\x02PK\x05\x06'),
      bytesOf('b', 1_500_001),
    ]),
    just: bytesOf('just', 1024 * 1024),
    'block-sized': bytesOf('block', 512),
  });
  mkdirSync(inTree('empty-directory'));
  chmodSync(inTree('empty-directory'), 0o1750);
  chmodSync(inTree('large'), 0o640);
  chmodSync(inTree('just'), 0o4511);
  symlinkSync('large', inTree('link'));
  symlinkSync(`../${NASTY[1]}`, inTree(`in ${NASTY[1]}`, 'up'));
  symlinkSync('no-such', inTree('dangling'));
  symlinkSync(`${deep}leaf`, inTree('long link'));
  utimesSync(inTree('empty'), 1_000_000_000, 1_234_567_890);
  utimesSync(inTree('just'), 1e9, 315_532_800.5);
  lutimesSync(inTree('link'), 1e9, 1_111_111_111);
  utimesSync(inTree('empty-directory'), 1e9, 1_222_222_222);
}

describeWhere(readersMissing('python3'), 'writeArchive', () => {
  describe.each(FORMATS)('as %s', (format) => {
    it('holds each file, directory and kept link with its mode, time and content', () => {
      makeNastyTree();
      make(format);
      expect(sorted(readByPython(format, file()))).toEqual(inFormat(format, sorted(entriesOf(inTree(), 'tree'))));
    });

    it('holds an empty directory as such, under the name that it is given', () => {
      make(format, { name: rawFromText('Größe 1') });
      expect(names(format)).toEqual(['Größe 1']);
    });

    it.each(['..', '.', '', '/etc', 'a/b'])('refuses to call its directory %p', (name) => {
      expect(() => make(format, { name })).toThrow('not a plain name');
    });

    it('keeps times before 1970 and before what the format knows', () => {
      writeFiles(inTree(), { old: '1', older: '2' });
      utimesSync(inTree('old'), 1e9, new Date(-1500));
      utimesSync(inTree('older'), 1e9, new Date(-1e12));
      make(format);
      const found = readByPython(format, file()).filter((entry) => entry.kind === 'file');
      const seconds = format === 'zip' ? ['-1000000000', '-2'] : ['-1000000000000000000', '-1500000000'];
      expect(found.map((entry) => entry.mtime).sort()).toEqual(seconds);
    });

    it('leaves out and lists what cannot be in it', () => {
      writeFiles(folder, { 'storage/other/file': 'elsewhere', outside: 'secret', 'storage/tree/kept': 'kept' });
      symlinkSync('../../outside', inTree('leaves'));
      symlinkSync('/etc/passwd', inTree('leaves two\nlines'));
      symlinkSync('../no-such', inTree('gone'));
      symlinkSync('../other', inTree('followed'));
      symlinkSync('../tree', path.join(folder, 'storage/other/back'));
      makeFifo(inTree('pipe'));
      symlinkSync('../other/pipe', inTree('to pipe'));
      makeFifo(path.join(folder, 'storage/other/pipe'));
      make(format);
      expect(names(format)).toEqual([
        'tree',
        'tree/STAGING-OMITTED.txt',
        'tree/followed',
        'tree/followed/file',
        'tree/kept',
      ]);
      const list = extract(format === 'zip' ? 'unzip -q "$1" -d "$2"' : 'tar -xf "$1" -C "$2"');
      expect(readFileSync(path.join(list, 'STAGING-OMITTED.txt'), 'utf8').split('\n').sort()).toEqual([
        '',
        'followed/back\ta link to a directory that contains it',
        'followed/pipe\ta socket, FIFO or device',
        'gone\ta link that leads nowhere',
        'leaves\ta link that leads out of the storage',
        'leaves%20two%0Alines\ta link that leads out of the storage',
        'pipe\ta socket, FIFO or device',
        'to pipe\ta socket, FIFO or device',
      ]);
    });

    it('gives the list another name where the tree has that one', () => {
      writeFiles(inTree(), {
        'staging-omitted.TXT': '',
        'STAGING-OMITTED-2.txt/x': '',
        'sub/STAGING-OMITTED-3.txt': '',
      });
      makeFifo(inTree('pipe'));
      make(format);
      expect(names(format)).toContain('tree/STAGING-OMITTED-3.txt');
      expect(names(format)).not.toContain('tree/STAGING-OMITTED.txt');
    });

    it('reads other storages through links', () => {
      writeFiles(folder, { 'second/data': 'from the second' });
      symlinkSync(path.join(folder, 'second/data'), inTree('data'));
      archive([...storages(), storageAt(path.join(folder, 'second'), 'second', 2)], 'tree', format, file());
      expect(readByPython(format, file()).map(({ name, kind, size }) => [text(name), kind, size])).toEqual([
        ['tree', 'directory', 0],
        ['tree/data', 'file', 15],
      ]);
    });

    it('counts files, kept links and bytes', () => {
      writeFiles(inTree(), { 'a/one': '1', 'b/large': bytesOf('x', 2_000_000) });
      symlinkSync('a/one', inTree('link'));
      makeFifo(inTree('pipe'));
      const ledger = new Ledger();
      make(format, { control: new WorkerControl(ledger, new Pulse(), () => undefined) });
      expect([ledger.files, ledger.bytes]).toEqual([3, 2_000_001]);
    });

    it('ends when it is cancelled in the middle of a file', () => {
      writeFiles(inTree(), { large: bytesOf('x', 4_000_000) });
      const ledger = new Ledger();
      const control = new WorkerControl(ledger, new Pulse(), () => undefined);
      const before = ({ name }: SeenCall) => {
        if (name === 'readSync') ledger.cancel();
      };
      expect(() => betweenCalls(before, () => make(format, { control }))).toThrow(CancelledError);
      expect(ledger.bytes).toBeLessThan(2_000_000);
    });

    it('reads back with the same names, whatever bytes they are', () => {
      const bytes = fc
        .array(fc.oneof(fc.integer({ min: 1, max: 255 }), fc.constantFrom(0x25, 0x2e, 0x46, 0xff)), {
          minLength: 1,
          maxLength: 60,
        })
        .map((all) => String.fromCharCode(...all).replaceAll('/', '%'));
      const plain = fc
        .oneof(bytes, fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).map(rawFromText))
        .filter((name) => !/^\.{1,2}$|[/\0]|^staging-omitted/i.test(name) && name.length <= 255);
      const property = fc.property(fc.uniqueArray(plain, { minLength: 1, maxLength: 40 }), plain, (all, directory) => {
        rmSync(inTree(), { recursive: true });
        mkdirSync(inTree());
        const inside = Buffer.concat([Buffer.from(inTree('/')), Buffer.from(directory, 'latin1')]);
        mkdirSync(inside);
        for (const name of all) {
          writeFileSync(Buffer.concat([inside, Buffer.from('/'), Buffer.from(name, 'latin1')]), name);
        }
        make(format);
        const found = readByPython(format, file()).map((entry) => entry.name);
        const utf8 = (name: RawName) => Buffer.from(Buffer.from(name, 'latin1').toString(), 'utf8').toString('latin1');
        const exact =
          format === 'tar' ? all : all.filter((name) => utf8(name) === name && utf8(directory) === directory);
        const paths = exact.map((name) => Buffer.from(`tree/${directory}/${name}`, 'latin1').toString('hex'));
        expect(found).toEqual(expect.arrayContaining(paths));
        expect(new Set(found).size).toBe(all.length + 2);
      });
      fc.assert(property, { numRuns: 25 });
    }, 60_000);
  });

  describe('names that are not UTF-8', () => {
    it('are kept as they are in a tar, short and long', () => {
      writeFileSync(notUtf8(inTree()), 'one');
      writeFileSync(notUtf8(inTree(), 'x'.repeat(120), 'y'.repeat(120)), 'two');
      symlinkSync(notUtf8('').subarray(1), notUtf8(inTree(), 'link'));
      make('tar');
      expect(sorted(readByPython('tar', file()))).toEqual(sorted(entriesOf(inTree(), 'tree')));
      for (const program of ['tar', 'bsdtar']) {
        expect(sorted(entriesOf(extract(`${program} -xpf "$1" -C "$2"`), 'tree'))).toEqual(
          sorted(entriesOf(inTree(), 'tree')),
        );
      }
    });

    it('are percent-encoded in a zip, in texts of links too, and never meet a true name', () => {
      const directory = notUtf8(inTree(), 'dir', '');
      mkdirSync(directory);
      writeFileSync(Buffer.concat([directory, Buffer.from('/a b')]), 'one');
      writeFileSync(notUtf8(inTree()), 'encoded');
      writeFileSync(inTree('caf%FF.fits'), 'true');
      symlinkSync(Buffer.concat([notUtf8('', 'dir', '').subarray(1), Buffer.from('/a b')]), inTree('link'));
      make('zip');
      expect(names('zip')).toEqual([
        'tree',
        'tree/caf%FF.fits',
        'tree/caf%FF.fits (2)',
        'tree/dir%FF',
        'tree/dir%FF/a b',
        'tree/link',
      ]);
      const link = readByPython('zip', file()).find((entry) => entry.kind === 'link');
      expect(text(link!.content)).toBe('dir%FF/a b');
    });
  });

  it('is refused as zip for a path that no zip can hold', () => {
    const sink = {
      room: () => Buffer.alloc(1),
      advance: () => undefined,
      write: () => undefined,
      flush: () => undefined,
    };
    const entry = { path: 'x'.repeat(65_535), mode: 0o755, mtimeNs: 0n };
    expect(() => new ZipWriter(sink).directory(entry)).toThrow('Ask for a tar archive.');
  });
});

describeWhere(readersMissing('unzip', 'bsdtar', 'tar'), 'what people unpack with', () => {
  beforeEach(makeNastyTree);

  /** What a reader makes of it: owners and inodes are its own affair. */
  const facts = (place: string, nanoseconds: boolean) => {
    const seen = Object.entries(snapshot(place)).map(([name, { kind, mode, mtimeNs, size, content }]) => {
      // Of a link, unzip sets none.
      const mtime = nanoseconds ? mtimeNs : kind === 'link' ? null : mtimeNs / 1_000_000_000n;
      return [name, { kind, mode: `0${mode.slice(1)}`, mtime, size, content }] as const;
    });
    return Object.fromEntries(seen);
  };

  it.each([
    // By itself it drops control characters from names.
    ['unzip', 'zip' as const, 'unzip -^ -q "$1" -d "$2"'],
    ['bsdtar', 'zip' as const, 'bsdtar -xpf "$1" -C "$2"'],
    ['GNU tar', 'tar' as const, 'tar -xpf "$1" -C "$2"'],
    ['GNU tar from a pipe', 'tar' as const, 'cat "$1" | tar -xpf - -C "$2"'],
    ['bsdtar', 'tar' as const, 'bsdtar -xpf "$1" -C "$2"'],
    ['bsdtar from a pipe', 'tar' as const, 'cat "$1" | bsdtar -xpf - -C "$2"'],
  ])('%s brings a %s back as it was', (_reader, format, command) => {
    make(format);
    expect(facts(extract(command), format === 'tar')).toEqual(facts(inTree(), format === 'tar'));
  });

  it('bsdtar brings the files of a zip back from a pipe, where it cannot see links and modes', () => {
    make('zip');
    const files = (place: string) =>
      Object.entries(contentOf(snapshot(place))).filter(([name]) => !/link|dangling|\/up$/.test(name));
    expect(files(extract('cat "$1" | bsdtar -xf - -C "$2"'))).toEqual(files(inTree()));
  });

  it('unzip and zipinfo find nothing to complain about', () => {
    make('zip');
    const test = execFileSync('unzip', ['-t', file()], { env: READER_ENVIRONMENT, encoding: 'utf8' });
    expect(test).toContain('No errors detected');
    const listing = execFileSync('zipinfo', ['-lv', file(), 'tree/large'], {
      env: READER_ENVIRONMENT,
      encoding: 'utf8',
    });
    expect(listing).toMatch(/compression method: +none \(stored\)/);
    expect(listing).toMatch(/extended local header: +yes/);
    expect(listing).toContain('Unix file attributes (100640 octal)');
    expect(listing).not.toMatch(/warning/i);
  });
});

describe.each(FORMATS)('what changes while it is archived as %s', (format) => {
  const SIZES: [string, number][] = [
    ['small', 5000],
    ['large', 3_000_000],
  ];
  const openHandles = () => readdirSync('/proc/self/fd').length;
  const codeOf = (work: () => void) => {
    try {
      work();
    } catch (error) {
      if (error instanceof AppError) return error.code;
      throw error;
    }
    return 'no error';
  };

  /** Does mischief after a number of calls of one kind on the file's content. */
  function disturbed(call: SeenCall['name'], nth: number, mischief: () => void): string {
    let seen = 0;
    const before = openHandles();
    const code = codeOf(() =>
      betweenCalls(
        ({ name }) => {
          if (name === call && ++seen === nth) mischief();
        },
        () => make(format),
      ),
    );
    expect(seen).toBeGreaterThanOrEqual(nth);
    expect(openHandles()).toBe(before);
    return code;
  }

  it.each(SIZES)('a %s file that grows, shrinks, is written to or goes away', (_what, size) => {
    const victim = inTree('victim');
    const put = () => {
      writeFileSync(victim, bytesOf('victim', size));
      utimesSync(victim, 1e9, 1e9);
    };
    put();
    expect(disturbed('readSync', 1, () => undefined)).toBe('no error');
    expect(disturbed('readSync', 1, () => appendFileSync(victim, 'x'))).toBe('source_changed');
    put();
    expect(disturbed('readSync', 1, () => truncateSync(victim, size - 1))).toBe('source_changed');
    put();
    expect(disturbed('readSync', 1, () => truncateSync(victim, 0))).toBe('source_changed');
    put();
    expect(disturbed('readSync', 1, () => utimesSync(victim, 1e9, 1e9 + 1))).toBe('source_changed');
    put();
    expect(disturbed('openSync', countOpens(victim), () => fs.unlinkSync(victim))).toBe('source_changed');
  });

  /** Which call of open(2) is the one of this file. */
  function countOpens(victim: string): number {
    let opens = 0;
    let found = 0;
    betweenCalls(
      ({ name, args }) => {
        if (name !== 'openSync') return;
        opens += 1;
        if (String(args[0]).endsWith(path.basename(victim))) found = opens;
      },
      () => make(format),
    );
    return found;
  }

  it('a directory that gets another entry or loses one', () => {
    writeFiles(inTree(), { 'sub/one': '1', 'sub/two': '2' });
    const age = () => utimesSync(inTree('sub'), 1e9, 1e9);
    age();
    expect(disturbed('readSync', 2, () => writeFileSync(inTree('sub/three'), '3'))).toBe('source_changed');
    age();
    expect(disturbed('readSync', 3, () => renameSync(inTree('sub/three'), inTree('../three')))).toBe('source_changed');
  });

  it('what may not be read breaks the archive', () => {
    writeFiles(inTree(), { secret: 'x' });
    const denied = () => {
      throw Object.assign(new Error('EACCES'), { code: 'EACCES', errno: -13, syscall: 'open' });
    };
    expect(disturbed('openSync', countOpens(inTree('secret')), denied)).toBe('source_forbidden');
    expect(disturbed('opendirSync', 1, denied)).toBe('source_forbidden');
  });

  it('says which file it was', () => {
    writeFiles(inTree(), { 'sub/Grüße': 'x' });
    const write = ({ name }: SeenCall) => {
      if (name === 'readSync') appendFileSync(inTree('sub/Grüße'), 'y');
    };
    expect(() => betweenCalls(write, () => make(format))).toThrow('The source file sub/Grüße changed');
  });
});
