import {
  chmodSync,
  closeSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { AppError } from '@app/core';
import { temporaryFolder } from '../../../../test/support/temporary-folder';
import { rawFromText } from '../names/raw-name';
import { aliasesOf, sourcePath, SourceResolver } from './resolve-source';
import { hostSegments, type RootSpec } from './root';

const folder = realpathSync(temporaryFolder());
const at = (...names: string[]) => path.join(folder, ...names);
const isRoot = process.getuid!() === 0;

/** The roots as the registry makes them once each was looked at. */
const roots: RootSpec[] = [
  { name: 'default', path: at('storage'), ordinal: 1, aliases: [hostSegments(at('storage'))] },
  { name: 'second', path: at('aliases/by-link'), ordinal: 2, aliases: aliasesOf(at('aliases/by-link'), at('second')) },
  { name: 'nested', path: at('storage/nested'), ordinal: 3, aliases: [hostSegments(at('storage/nested'))] },
];

interface Found {
  storage: string;
  path: string;
  /** Where the kernel says that it lies. */
  real: string;
}

/** Resolves as a request does; closes what it gets. */
function resolve(text: string, storage?: string, touch: (ordinal: number) => void = () => undefined): Found {
  const start = sourcePath(roots, rawFromText(text), storage, text);
  const found = new SourceResolver({ roots, reader: null }, start, touch).resolve();
  try {
    return {
      storage: found.root.name,
      path: found.path.join('/'),
      real: readlinkSync(`/proc/self/fd/${found.object}`),
    };
  } finally {
    closeSync(found.object);
    if (found.parent !== found.object) closeSync(found.parent);
  }
}

function codeOf(text: string, storage?: string): string {
  try {
    resolve(text, storage);
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
  return 'found';
}

const openHandles = () => readdirSync('/proc/self/fd').length;

beforeAll(() => {
  for (const name of ['storage/a/b/c', 'storage/nested/deep', 'second/dir', 'outside/dir', 'storage-2', 'aliases']) {
    mkdirSync(at(name), { recursive: true });
  }
  for (const name of [
    'storage/file',
    'storage/a/b/c/leaf',
    'storage/nested/n',
    'second/s',
    'second/dir/t',
    'outside/x',
  ]) {
    writeFileSync(at(name), name);
  }
  symlinkSync(at('second'), at('aliases/by-link'));
  const links: Record<string, string> = {
    'to-file': 'file',
    'to-dir': 'a/b',
    'to-abs': at('storage/a/b/c/leaf'),
    'to-root': at('storage'),
    'to-second': at('second/dir'),
    'to-second-by-link': at('aliases/by-link/dir'),
    'to-nested': at('storage/nested/deep/..'),
    out: at('outside'),
    'out-file': '../outside/x',
    'out-missing': '../outside/nothing',
    'out-and-back': '../outside/../storage/file',
    'out-through-its-link': at('outside/back'),
    'a/up': '..',
    'a/b/up-and-over': '../../a/b/c',
    'a/b/sibling': '../../../second/s',
    'loop-1': 'loop-2',
    'loop-2': 'loop-1',
    self: 'self',
    dangling: 'nothing',
    'dangling-deep': 'a/nothing/x',
    'through-file': 'file/x',
    '..dots': 'file',
    'to-proc': '/proc/self/root',
  };
  for (const [name, text] of Object.entries(links)) symlinkSync(text, at('storage', name));
  symlinkSync(at('storage/file'), at('outside/back'));
  symlinkSync('file', at('storage/chain-0'));
  for (let index = 1; index <= 41; index += 1) symlinkSync(`chain-${index - 1}`, at('storage', `chain-${index}`));
});

describe('what stays inside is found, by its real place', () => {
  it.each([
    ['file', 'file'],
    ['./a//b/./c/', 'a/b/c'],
    ['to-file', 'file'],
    ['to-dir/c/leaf', 'a/b/c/leaf'],
    ['to-abs', 'a/b/c/leaf'],
    ['a/b/../../file', 'file'],
    ['a/up/a/up/file', 'file'],
    ['to-dir/../b', 'a/b'],
    ['to-dir/up-and-over/leaf', 'a/b/c/leaf'],
    ['to-root/to-root/to-root/file', 'file'],
    ['..dots', 'file'],
    ['out-and-back', 'file'],
    ['', ''],
    ['a/..', ''],
    ['to-root', ''],
    ['chain-39', 'file'],
    ['file/./', 'file'],
  ])('%p', (text, expected) => {
    expect(resolve(text)).toEqual({ storage: 'default', path: expected, real: path.join(at('storage'), expected) });
  });

  it('also when it is named by its absolute path', () => {
    expect(resolve(at('storage/to-dir/c')).path).toBe('a/b/c');
    expect(resolve(at('storage')).path).toBe('');
    expect(resolve(`${at('outside')}/../storage/file`).path).toBe('file');
  });

  it('in another storage: by its name, by an absolute path, by a link, by either name of its root', () => {
    const dir = { storage: 'second', path: 'dir', real: at('second/dir') };
    expect(resolve('dir', 'second')).toEqual(dir);
    for (const text of [at('second/dir'), at('aliases/by-link/dir'), 'to-second', 'to-second-by-link']) {
      expect(resolve(text)).toEqual(dir);
    }
    expect(resolve('a/b/sibling')).toEqual({ storage: 'second', path: 's', real: at('second/s') });
    expect(resolve('../storage/file', 'second')).toMatchObject({ storage: 'default', path: 'file' });
  });

  it('in a storage inside another one: whatever its names lead through first', () => {
    expect(resolve(at('storage/nested/n'))).toMatchObject({ storage: 'default', path: 'nested/n' });
    expect(resolve('n', 'nested')).toMatchObject({ storage: 'nested', path: 'n' });
    expect(resolve('to-nested')).toMatchObject({ storage: 'default', path: 'nested' });
  });

  it('says which root it touches before it does', () => {
    const touched: number[] = [];
    resolve('to-second/t', undefined, (ordinal) => touched.push(ordinal));
    expect(touched).toEqual([1, 2]);
  });
});

describe('what leads out', () => {
  it.each([
    '..',
    '../outside',
    '../outside/x',
    'a/../../outside/x',
    'out',
    'out/x',
    'out/dir/../x',
    'out-file',
    'out-through-its-link',
    'to-root/../outside/x',
    'to-proc/etc/passwd',
    '/',
    '/etc/passwd',
    '/proc/self/root/etc/passwd',
    '../storage-2',
    '../aliases/by-link-2',
  ])('%p is outside', (text) => expect(codeOf(text)).toBe('path_outside_storage'));

  it('is answered alike whether something is there or not', () => {
    const pairs = [
      ['../outside/x', '../outside/nothing'],
      ['out/x', 'out/nothing'],
      ['out-file', 'out-missing'],
      [at('outside/x'), at('outside/nothing')],
      [at('outside/x/y'), at('outside/dir/y')],
      ['gone/../../outside/x', 'gone/../../outside/nothing'],
      ['dangling/../../outside/x', 'a/../../outside/x'],
      ['file/../../outside/x', 'a/b/../../../outside/x'],
      ['self/../../outside', 'a/../../outside'],
    ];
    for (const [one, other] of pairs as [string, string][]) {
      const answers = [one, other].map((text) => {
        try {
          return resolve(text);
        } catch (error) {
          return { code: (error as AppError).code, message: (error as AppError).message.replace(text, '...') };
        }
      });
      expect(answers[0]).toEqual({ code: 'path_outside_storage', message: 'The path leads out of the storage: ...' });
      expect(answers[1]).toEqual(answers[0]);
    }
  });

  it('is never asked of the file system: a closed directory outside changes nothing', () => {
    chmodSync(at('outside'), 0);
    try {
      expect(codeOf('out/x')).toBe('path_outside_storage');
      expect(resolve('out-and-back').path).toBe('file');
    } finally {
      chmodSync(at('outside'), 0o755);
    }
  });
});

describe('what is not there', () => {
  it.each([
    'nothing',
    'a/nothing/x',
    'file/x',
    'file/..',
    'dangling',
    'dangling-deep',
    'through-file',
    'loop-1',
    'self',
    'self/x',
    'chain-40',
    'chain-41/x',
    'x'.repeat(256),
  ])('%p is told in the words of the contract', (text) => {
    expect(codeOf(text)).toBe('source_not_found');
    expect(() => resolve(text)).toThrow(`Source path does not exist: ${text}`);
  });

  it('refuses a storage that the site does not have, naming the field', () => {
    expect(() => resolve('file', 'third')).toThrow(
      expect.objectContaining({ code: 'validation_failed', errors: [expect.objectContaining({ field: 'storage' })] }),
    );
  });

  (isRoot ? it.skip : it)('is not told apart from what the service may not enter (left out as root)', () => {
    mkdirSync(at('storage/closed/in'), { recursive: true });
    chmodSync(at('storage/closed'), 0);
    expect(codeOf('closed/in')).toBe('source_forbidden');
    chmodSync(at('storage/closed'), 0o755);
  });
});

describe('a root', () => {
  const away = (): RootSpec => ({
    name: 'away',
    path: at('not-mounted'),
    ordinal: 4,
    aliases: [hostSegments(at('not-mounted'))],
  });
  const failure = (root: RootSpec) => {
    try {
      new SourceResolver(
        { roots: [root], reader: null },
        sourcePath([root], 'x', undefined, 'x'),
        () => undefined,
      ).resolve();
    } catch (error) {
      return error as AppError;
    }
    throw new Error('found');
  };

  it('that is not there is unavailable, not empty', () => {
    expect(failure(away())).toMatchObject({ code: 'storage_unavailable', retryAfterSeconds: 30 });
  });

  it('without its marker is unavailable', () => {
    const root = { ...away(), path: at('storage'), marker: '.mounted' };
    expect(failure(root).message).toMatch(/marker/);
    writeFileSync(at('storage/.mounted'), '');
    expect(failure(root).code).toBe('source_not_found');
    unlinkSync(at('storage/.mounted'));
  });

  it('on another device than at the start is unavailable', () => {
    expect(failure({ ...away(), path: at('storage'), device: '1' }).message).toMatch(/another file system/);
  });

  it('may be the root of the host', () => {
    const host: RootSpec[] = [{ name: 'host', path: '/', ordinal: 1, aliases: [[]] }];
    const found = new SourceResolver(
      { roots: host, reader: null },
      sourcePath(host, rawFromText(`/..${folder}/storage/out/x`), undefined, ''),
      () => undefined,
    ).resolve();
    expect(readlinkSync(`/proc/self/fd/${found.object}`)).toBe(at('outside/x'));
    closeSync(found.object);
    closeSync(found.parent);
  });
});

describe('under any path', () => {
  const names = () => [...readdirSync(at('storage')), 'b', 'c', 'up', 'up-and-over', 'sibling', 'dir', 'x', 'leaf'];
  const pieces = () =>
    fc.constantFrom('..', '.', '', folder, 'storage', 'outside', 'second', 'aliases', 'by-link', 'nested', ...names());
  const paths = () =>
    fc.oneof(
      fc
        .tuple(fc.boolean(), fc.array(pieces(), { minLength: 1, maxLength: 12 }))
        .map(([absolute, all]) => `${absolute ? '/' : ''}${all.join('/')}`),
      fc
        .array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 60 })
        .map((bytes) => String.fromCharCode(...bytes)),
    );

  it('finds what lies in a root or says so cleanly, and keeps no handle', () => {
    const inside = [at('storage'), at('second')];
    const codes = new Set(['path_outside_storage', 'source_not_found', 'source_forbidden']);
    const before = openHandles();
    fc.assert(
      fc.property(paths(), (raw) => {
        let real: string;
        try {
          const found = new SourceResolver(
            { roots, reader: null },
            sourcePath(roots, raw, undefined, 'it'),
            () => undefined,
          ).resolve();
          real = readlinkSync(`/proc/self/fd/${found.object}`);
          closeSync(found.object);
          if (found.parent !== found.object) closeSync(found.parent);
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
          expect(codes).toContain((error as AppError).code);
          return;
        }
        expect(inside.some((root) => real === root || real.startsWith(`${root}/`))).toBe(true);
      }),
      { numRuns: 2000 },
    );
    expect(openHandles()).toBe(before);
  });
});

describe('while names are swapped', () => {
  it('what was resolved stays the object that was found', () => {
    mkdirSync(at('storage/moving'));
    writeFileSync(at('storage/moving/it'), 'inside');
    const start = sourcePath(roots, 'moving', undefined, 'moving');
    const found = new SourceResolver({ roots, reader: null }, start, () => undefined).resolve();
    renameSync(at('storage/moving'), at('storage/moved'));
    symlinkSync(at('outside'), at('storage/moving'));
    try {
      expect(readlinkSync(`/proc/self/fd/${found.object}`)).toBe(at('storage/moved'));
      expect(readdirSync(`/proc/self/fd/${found.object}`)).toEqual(['it']);
    } finally {
      closeSync(found.object);
      closeSync(found.parent);
      unlinkSync(at('storage/moving'));
      unlinkSync(at('storage/moved/it'));
      rmdirSync(at('storage/moved'));
    }
  });
});
