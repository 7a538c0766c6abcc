import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { accountsMissing } from '../../../../test/support/accounts';
import { describeWhere } from '../../../../test/support/describe-where';
import { temporaryFolder } from '../../../../test/support/temporary-folder';
import { closeAll, type Handle, O_PATH, statHandle } from './handle';
import { checkReadable, checkSearchable, type Reader } from './source-access';

const UIDS = [0, 61_001, 61_002];
const GIDS = [0, 61_001, 61_005];
const READERS: Reader[] = [
  { uid: 61_001, gids: [61_001] },
  { uid: 61_001, gids: [61_001, 61_005] },
  { uid: 61_002, gids: [61_005] },
  { uid: 61_003, gids: [61_003, 61_001, 61_005] },
  { uid: 0, gids: [0] },
];
/** Each class alone, and the odd ones, in which a narrower class has less than a wider one. */
const MODES = [0o000, 0o400, 0o040, 0o004, 0o500, 0o050, 0o005, 0o100, 0o010, 0o001, 0o077, 0o707, 0o644, 0o711, 0o750];

/** Lists that give more than the mode, or less, or nothing that their mask lets through; modes are set before them. */
const LISTS: [mode: number, list: string][] = [
  [0o600, 'u:61001:r'],
  [0o600, 'u:61001:rx,u:61002:---'],
  [0o755, 'u:61002:---'],
  [0o755, 'u:61002:rx,m::x'],
  [0o600, 'g:61005:rx'],
  [0o755, 'g:61005:---,g:61001:r'],
  [0o705, 'g:61005:rx'],
  [0o700, 'u:61001:rwx,m::---'],
  [0o750, 'u:61003:r,g:61003:x'],
  [0o070, 'u:0:rwx'],
];

const allows = (check: () => void): boolean => {
  try {
    check();
    return true;
  } catch (error) {
    expect(error).toMatchObject({
      code: 'source_forbidden',
      message: 'The user may not read shown on this storage. Ask its owner for access.',
    });
    return false;
  }
};

const noLists = spawnSync('setfacl', ['--version']).error ? 'setfacl is not installed' : null;

describeWhere(accountsMissing() ?? noLists, 'what a reader may do', () => {
  interface Place {
    place: string;
    kind: 'file' | 'directory';
    held: Handle;
  }
  const places: Place[] = [];

  beforeAll(() => {
    const folder = temporaryFolder();
    chmodSync(folder, 0o755);
    const looks: [mode: number, list?: string][] = [...MODES.map((mode): [number] => [mode]), ...LISTS];
    for (const uid of UIDS) {
      for (const gid of GIDS) {
        for (const [mode, list] of looks) {
          for (const kind of ['file', 'directory'] as const) {
            const place = path.join(folder, String(places.length));
            if (kind === 'file') writeFileSync(place, 'x');
            else mkdirSync(place);
            chownSync(place, uid, gid);
            chmodSync(place, mode);
            if (list !== undefined) execFileSync('setfacl', ['-m', list, place]);
            places.push({ place, kind, held: openSync(place, O_PATH) });
          }
        }
      }
    }
  });
  afterAll(() => closeAll(places.map(({ held }) => held)));

  /** What the kernel lets an account do with each place: `r` read, `x` enter. */
  function askKernel({ uid, gids }: Reader): string[] {
    const ids = [`--reuid=${uid}`, `--regid=${gids[0]}`, `--groups=${gids.join(',')}`];
    const script = 'while read -r place; do a=; [ -r "$place" ] && a=r; [ -x "$place" ] && a=${a}x; echo "$a"; done';
    const { stdout } = spawnSync('setpriv', [...ids, 'sh', '-c', script], {
      encoding: 'utf8',
      cwd: '/',
      input: places.map(({ place }) => `${place}\n`).join(''),
    });
    return stdout.split('\n').slice(0, -1);
  }

  it.each(READERS)('is what the kernel lets them do: %p', (reader) => {
    const truth = askKernel(reader);
    expect(truth).toHaveLength(places.length);
    for (const [index, { place, kind, held }] of places.entries()) {
      const stat = statHandle(held);
      const [mayRead, mayEnter] = [truth[index]!.includes('r'), truth[index]!.includes('x')];
      const read = allows(() => checkReadable(held, stat, reader, 'shown'));
      expect([place, read]).toEqual([place, kind === 'file' ? mayRead : mayRead && mayEnter]);
      if (kind === 'directory') {
        expect([place, allows(() => checkSearchable(held, stat, reader, 'shown'))]).toEqual([place, mayEnter]);
      }
    }
  });

  it('is, for somebody without an account, what somebody may whom nothing names', () => {
    const stranger = { uid: 61_999, gids: [61_999] };
    const truth = askKernel(stranger);
    for (const [index, { place, held }] of places.entries()) {
      const may = (reader: Reader) => allows(() => checkReadable(held, statHandle(held), reader, 'shown'));
      expect([place, may({ uid: null, gids: [] })]).toEqual([place, may(stranger)]);
      expect(may(stranger) && !truth[index]!.includes('r')).toBe(false);
    }
  });

  it('is everything where only the service counts', () => {
    for (const { held } of places) {
      const stat = statHandle(held);
      expect(allows(() => checkReadable(held, stat, null, 'shown'))).toBe(true);
      expect(allows(() => checkSearchable(held, stat, null, 'shown'))).toBe(true);
    }
  });
});
