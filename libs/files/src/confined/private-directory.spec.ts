import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { AppError } from '@app/core';
import { accountsMissing, BOB, runAs } from '../../../../test/support/accounts';
import { writeFiles } from '../../../../test/support/files';
import { temporaryFolder } from '../../../../test/support/temporary-folder';
import { betweenCalls } from '../testing/between-calls';
import {
  makePrivate,
  nameInArea,
  openExisting,
  openOwn,
  type PrivateDirectory,
  removePrivate,
} from './private-directory';

const ID = '01900000-0000-7000-8000-000000000000';

let folder: string;
let target: number;
let base: number;
const at = (...names: string[]) => path.join(folder, ...names);

beforeEach(() => {
  folder = temporaryFolder();
  mkdirSync(at('jane/in'), { recursive: true });
  target = openSync(folder, 'r');
  base = openSync(at('jane/in'), 'r');
});
afterEach(() => {
  closeSync(target);
  closeSync(base);
});

const beat = () => undefined;

function make(besideDestination: boolean): PrivateDirectory {
  return makePrivate(target, base, { privateName: ID, besideDestination }, beat);
}

function done(directory: PrivateDirectory): void {
  removePrivate(directory, beat);
  closeSync(directory.handle);
  if (directory.parent !== base) closeSync(directory.parent);
}

describe('a private directory', () => {
  it.each([
    [false, ['.staging', ID]],
    [true, ['jane', 'in', nameInArea(ID)]],
  ])('is closed to everybody else (inside the area: %p)', (beside, place) => {
    const directory = make(beside);
    for (const depth of beside ? [place.length] : [1, 2]) {
      expect(statSync(at(...place.slice(0, depth)))).toMatchObject({ uid: process.geteuid!() });
      expect(statSync(at(...place.slice(0, depth))).mode & 0o7777).toBe(0o700);
    }
    writeFiles(at(...place), { 'deep/er/file': 'x' });
    chmodSync(at(...place, 'deep/er'), 0o500);
    done(directory);
    expect(existsSync(at(...place))).toBe(false);
  });

  it.each([false, true])('is found again where it would be made, and only there (inside the area: %p)', (beside) => {
    const find = (besideDestination: boolean) => openExisting(target, base, { privateName: ID, besideDestination });
    expect(find(beside)).toBeUndefined();
    const directory = make(beside);
    writeFiles(at(...(beside ? ['jane', 'in', nameInArea(ID)] : ['.staging', ID])), { payload: 'x' });
    expect(find(!beside)).toBeUndefined();
    const found = find(beside)!;
    expect(readdirSync(`/proc/self/fd/${found.handle}`)).toEqual(['payload']);
    closeSync(directory.handle);
    if (directory.parent !== base) closeSync(directory.parent);
    chmodSync(`/proc/self/fd/${found.handle}`, 0o750);
    expect(find(beside)).toBeUndefined();
    done(found);
  });

  it('inherits set-group-id, which opens nothing', () => {
    chmodSync(at('jane/in'), 0o2775);
    const directory = make(true);
    expect(statSync(at('jane/in', nameInArea(ID))).mode & 0o777).toBe(0o700);
    done(directory);
  });

  (accountsMissing() === null && !spawnSync('setfacl', ['--version']).error ? it : it.skip)(
    "is closed also where its parent's default ACL would open it (left out without root or setfacl)",
    () => {
      execFileSync('setfacl', ['-m', `d:u:${BOB.uid}:rwx,d:o::rx`, at('jane/in')]);
      const directory = make(true);
      const place = at('jane/in', nameInArea(ID));
      writeFiles(place, { payload: 'secret' });
      expect(runAs(BOB, ['ls', at('jane/in')]).status).toBe(0);
      for (const command of [
        ['ls', place],
        ['cat', path.join(place, 'payload')],
        ['touch', path.join(place, 'x')],
      ]) {
        expect(runAs(BOB, command).status).not.toBe(0);
      }
      done(directory);
    },
  );

  it('replaces what an earlier attempt left, whatever is in it', () => {
    const first = make(false);
    writeFiles(at('.staging', ID), { 'payload/file': 'x' });
    closeSync(first.handle);
    closeSync(first.parent);
    const second = make(false);
    expect(readdirSync(at('.staging', ID))).toEqual([]);
    done(second);
  });
});

describe("somebody else's directory", () => {
  const substitutes: [string, (place: string) => void][] = [
    ['open to others', (place) => mkdirSync(place, { mode: 0o711 })],
    [
      'with something in it',
      (place) => (mkdirSync(place, { mode: 0o700 }), writeFileSync(path.join(place, 'mine'), '')),
    ],
    ['only a file', (place) => writeFileSync(place, '')],
    ['a link', (place) => symlinkSync(folder, place)],
  ];

  it.each(substitutes)('that is put in its place while it is made is not used: %s', (_what, put) => {
    const place = at('jane/in', nameInArea(ID));
    let swapped = false;
    let error: unknown;
    betweenCalls(
      ({ name }) => {
        if (swapped || name === 'mkdirSync' || !existsSync(place)) return;
        swapped = true;
        renameSync(place, at('jane/in/stolen'));
        put(place);
      },
      () => {
        try {
          make(true);
        } catch (reason) {
          error = reason;
        }
      },
    );
    expect(swapped).toBe(true);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: 'destination_conflict', retryable: true });
    expect(readdirSync(at('jane/in/stolen'))).toEqual([]);
  });

  it('is not taken for what an earlier attempt left, nor emptied', () => {
    const place = at('jane/in', nameInArea(ID));
    writeFiles(place, { mine: 'x' });
    chmodSync(place, 0o755);
    expect(() => make(true)).toThrow(expect.objectContaining({ code: 'destination_conflict' }));
    expect(readdirSync(place)).toEqual(['mine']);
  });

  it("is no place for the service's own below the target root", () => {
    mkdirSync(at('.staging'), { mode: 0o755 });
    expect(() => make(false)).toThrow(expect.objectContaining({ code: 'storage_unavailable' }));
    rmdirSync(at('.staging'));
    symlinkSync(at('jane'), at('.staging'));
    expect(() => make(false)).toThrow(expect.objectContaining({ code: 'storage_unavailable' }));
    expect(readdirSync(at('jane'))).toEqual(['in']);
  });

  (process.getuid!() === 0 ? it : it.skip)('of another account is refused (left out without root)', () => {
    mkdirSync(at('theirs'), { mode: 0o700 });
    const { chownSync } = jest.requireActual<typeof import('node:fs')>('node:fs');
    chownSync(at('theirs'), 61_001, 61_001);
    expect(() => openOwn(target, 'theirs')).toThrow(expect.objectContaining({ code: 'storage_unavailable' }));
  });
});

describe('removing', () => {
  it('empties by handle what was renamed, and leaves what stands at its old name', () => {
    const directory = make(true);
    const place = at('jane/in', nameInArea(ID));
    writeFiles(place, { 'payload/file': 'x' });
    renameSync(place, at('jane/in/stolen'));
    writeFiles(place, { mine: 'x' });
    done(directory);
    expect(readdirSync(at('jane/in/stolen'))).toEqual([]);
    expect(readdirSync(place)).toEqual(['mine']);
  });

  it('never goes through a link', () => {
    const directory = make(false);
    writeFiles(at('kept'), { 'dir/file': 'x' });
    symlinkSync(at('kept'), at('.staging', ID, 'link'));
    symlinkSync(at('kept/dir/file'), at('.staging', ID, 'file-link'));
    done(directory);
    expect(readdirSync(at('kept'), { recursive: true }).sort()).toEqual(['dir', 'dir/file']);
  });
});
