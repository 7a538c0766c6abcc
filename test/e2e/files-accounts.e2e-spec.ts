import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { ALICE, type Ids, SERVICE_ACCOUNT, accountsMissing, BOB } from '../support/accounts';
import { describeWhere } from '../support/describe-where';
import { snapshot, writeFiles } from '../support/files';
import { temporaryFolder } from '../support/temporary-folder';

/**
 * The compiled library in a process of its own, as root, as an account with three capabilities, and as an ordinary one:
 * who owns what is staged, and who can read it in the end.
 */

const LIBRARY = path.resolve(__dirname, '../../dist/libs/files/src');
const CAPABILITIES = '+chown,+fowner,+dac_override';

/** Runs as whoever it is started as; prints how each request ended. */
const PROGRAM = `
  const { createFiles } = require(process.argv[1] + '/create-files.js');
  const { readDestination } = require(process.argv[1] + '/names/path-text.js');
  const { options, requests } = JSON.parse(process.argv[2]);
  (async () => {
    const files = await createFiles(options);
    const hooks = {
      signal: new AbortController().signal,
      onManifest: async () => {},
      onRestart: async () => {},
      note: () => {},
      beforePublish: async () => {},
      onProgress: () => {},
      earlier: null,
      keeps: () => false,
    };
    const ends = [];
    for (const [index, { how, username, from, to }] of requests.entries()) {
      const source = { path: from, storage: undefined, asSent: from };
      const operationId = '01900000-0000-7000-8000-00000000000' + index;
      const request = { operationId, username, source, destination: readDestination(to), expected: null, ifExists: 'skip' };
      ends.push(await files.stager[how](request, hooks).then((placed) => placed.outcome, (error) => error.code + ': ' + error.message));
    }
    await files.pool.close();
    console.log(JSON.stringify({ uid: process.getuid(), ends }));
  })();`;

interface Request {
  how: 'copy' | 'link';
  username: string;
  from: string;
  to: string;
}

let folder: string;
const storage = (...names: string[]) => path.join(folder, 'storage', ...names);
const area = (...names: string[]) => path.join(folder, 'areas', ...names);

function stage(as: string[], requests: Request[], ownership: object = {}): string[] {
  const options = {
    storages: [{ name: 'default', path: storage() }],
    target: area(),
    createWhenMissing: [],
    timeoutMs: 30_000,
    workers: 2,
    createAreas: true,
    algorithm: 'xxh3',
    linkFallback: 'error',
    linkPrefixes: {},
    limits: { maxFiles: 0, maxBytes: 0 },
    ownership: { minUid: 1000, unmapped: { kind: 'service' }, fileMode: 0o400, dirMode: 0o500, ...ownership },
    userMapFile: path.join(folder, 'user-map'),
  };
  const node = [process.execPath, '-e', PROGRAM, LIBRARY, JSON.stringify({ options, requests })];
  const [program, ...args] = [...as, ...node];
  const ran = spawnSync(program!, args, { encoding: 'utf8', cwd: '/', timeout: 30_000 });
  if (ran.status !== 0) throw new Error(ran.stderr || String(ran.error));
  return (JSON.parse(ran.stdout) as { ends: string[] }).ends;
}

/** The command line before a program that runs as another account: with groups, and perhaps with capabilities. */
function account({ uid, gid }: Ids, groups: number[] = [], capabilities = ''): string[] {
  const own = [
    'setpriv',
    `--reuid=${uid}`,
    `--regid=${gid}`,
    groups.length > 0 ? `--groups=${groups.join(',')}` : '--clear-groups',
  ];
  return capabilities === ''
    ? own
    : [
        ...own,
        `--inh-caps=-all,${capabilities}`,
        `--ambient-caps=-all,${capabilities}`,
        `--bounding-set=-all,${capabilities}`,
      ];
}

/** What somebody reads there, or undefined when they may not. */
function read(as: string[], file: string): string | undefined {
  const ran = spawnSync(as[0]!, [...as.slice(1), 'cat', file], { encoding: 'utf8' });
  return ran.status === 0 ? ran.stdout : undefined;
}

const own = (file: string) => {
  const { uid, gid, mode } = lstatSync(file);
  return { uid, gid, mode: (mode & 0o7777).toString(8) };
};

const COPIES: Request[] = [
  { how: 'copy', username: 'alice', from: 'file', to: 'made/file' },
  { how: 'copy', username: 'alice', from: 'tree', to: 'made/tree' },
];

function missing(): string | null {
  const reason = accountsMissing();
  if (reason !== null) return reason;
  const tried = spawnSync('setpriv', [
    ...account(SERVICE_ACCOUNT).slice(1),
    'test',
    '-r',
    path.join(LIBRARY, 'index.js'),
  ]);
  return tried.status === 0 ? null : 'other accounts cannot read the program';
}

describeWhere(missing(), 'what is staged belongs', () => {
  beforeEach(() => {
    folder = temporaryFolder();
    writeFiles(folder, {
      'storage/file': 'FILE',
      'storage/tree/a': '1',
      'storage/tree/sub/b': '2',
      'storage/secret': 'S',
    });
    symlinkSync('a', storage('tree/link'));
    chmodSync(storage('secret'), 0o600);
    mkdirSync(area());
    writeFileSync(path.join(folder, 'user-map'), `alice:${ALICE.uid}:${ALICE.gid}\nsystem:999:999\n`);
  });

  /** All that was made for alice is hers, read-only where it is data, and nobody else's. */
  const expectAlices = () => {
    const made = { uid: ALICE.uid, gid: ALICE.gid };
    expect([own(area('alice')), own(area('alice/made'))]).toEqual([
      { ...made, mode: '700' },
      { ...made, mode: '700' },
    ]);
    expect(own(area('alice/made/file'))).toEqual({ ...made, mode: '400' });
    for (const name of ['', 'sub']) expect(own(area('alice/made/tree', name))).toEqual({ ...made, mode: '500' });
    for (const name of ['a', 'sub/b']) expect(own(area('alice/made/tree', name))).toEqual({ ...made, mode: '400' });
    expect(read(account(ALICE), area('alice/made/tree/link'))).toBe('1');
    expect(read(account(BOB), area('alice/made/file'))).toBeUndefined();
    // They stay the user's to move and to remove.
    const remove = spawnSync('setpriv', [...account(ALICE).slice(1), 'rm', '-f', area('alice/made/file')]);
    expect(remove.status).toBe(0);
  };

  it('to the user: by a service that is root', () => {
    expect(stage([], COPIES)).toEqual(['staged', 'staged']);
    expectAlices();
  });

  it('to the user: by an account with no more than three capabilities', () => {
    chownSync(area(), SERVICE_ACCOUNT.uid, SERVICE_ACCOUNT.gid);
    expect(stage(account(SERVICE_ACCOUNT, [], CAPABILITIES), COPIES)).toEqual(['staged', 'staged']);
    expectAlices();
    // An area that is closed to everybody else is no obstacle, nor is a destination inside the user's own directory.
    const more = { how: 'copy', username: 'alice', from: 'file', to: 'made/later/file' } as const;
    expect(stage(account(SERVICE_ACCOUNT, [], CAPABILITIES), [more])).toEqual(['staged']);
    expect(own(area('alice/made/later/file'))).toEqual({ ...ALICE, mode: '400' });
  });

  it("to the user: hard links too, whose owner and mode stay the storage's", () => {
    const before = snapshot(storage());
    const links = COPIES.map((one) => ({ ...one, how: 'link' as const }));
    chownSync(area(), SERVICE_ACCOUNT.uid, SERVICE_ACCOUNT.gid);
    expect(stage(account(SERVICE_ACCOUNT, [], CAPABILITIES), links)).toEqual(['staged', 'staged']);
    expect(snapshot(storage())).toEqual(before);
    expect(statSync(area('alice/made/tree/a')).ino).toBe(statSync(storage('tree/a')).ino);
    expect(own(area('alice/made/tree'))).toEqual({ uid: ALICE.uid, gid: ALICE.gid, mode: '500' });
    chownSync(storage('file'), ALICE.uid, ALICE.gid);
    const owned = stage(account(SERVICE_ACCOUNT, [], CAPABILITIES), [{ ...links[0]!, to: 'owned' }]);
    expect(owned[0]).toMatch(/^source_writable: /);
  });

  it('to an ordinary service, for the group of the area, which the user is in', () => {
    const shared = 61_777;
    chownSync(area(), SERVICE_ACCOUNT.uid, SERVICE_ACCOUNT.gid);
    mkdirSync(area('alice'));
    chownSync(area('alice'), ALICE.uid, shared);
    chmodSync(area('alice'), 0o2770);
    const service = account(SERVICE_ACCOUNT, [shared]);
    expect(stage(service, COPIES)).toEqual(['staged', 'staged']);
    const its = { uid: SERVICE_ACCOUNT.uid, gid: shared };
    expect(own(area('alice'))).toEqual({ uid: ALICE.uid, gid: shared, mode: '2770' });
    expect(own(area('alice/made'))).toEqual({ ...its, mode: '770' });
    expect(own(area('alice/made/file'))).toEqual({ ...its, mode: '440' });
    expect([own(area('alice/made/tree')), own(area('alice/made/tree/sub'))]).toEqual(
      Array(2).fill({ ...its, mode: '550' }),
    );
    expect(read(account(ALICE, [shared]), area('alice/made/tree/sub/b'))).toBe('2');
    expect(read(account(BOB), area('alice/made/file'))).toBeUndefined();
    // Again, and into what is there by now.
    expect(stage(service, [...COPIES, { ...COPIES[1]!, to: 'made/again' }])).toEqual([
      'already_present',
      'already_present',
      'staged',
    ]);
  });

  it('to nobody, where an ordinary service cannot read, or a link could not be made safely', () => {
    chownSync(area(), SERVICE_ACCOUNT.uid, SERVICE_ACCOUNT.gid);
    const service = account(SERVICE_ACCOUNT);
    const [forbidden, link] = stage(service, [
      { how: 'copy', username: 'stranger', from: 'secret', to: 'secret' },
      { how: 'link', username: 'stranger', from: 'file', to: 'link' },
    ]);
    expect(forbidden).toMatch(/^source_forbidden: /);
    // fs.protected_hardlinks: not without the right to write to the source.
    const isProtected = readFileSync('/proc/sys/fs/protected_hardlinks', 'utf8').trim() === '1';
    expect(link).toMatch(isProtected ? /^cross_device_link: / : /^staged$/);
  });

  it('to nobody below MIN_UID', () => {
    const ends = stage(
      [],
      ['root', 'system'].map((username) => ({ how: 'copy', username, from: 'file', to: 'x' })),
    );
    for (const end of ends) expect(end).toMatch(/^forbidden: /);
  });

  it('to a fixed account, where the site says so', () => {
    const unmapped = { kind: 'fixed', uid: BOB.uid, gid: BOB.gid };
    expect(stage([], [{ how: 'copy', username: 'stranger', from: 'tree', to: 'tree' }], { unmapped })).toEqual([
      'staged',
    ]);
    expect(own(area('stranger/tree/a'))).toEqual({ ...BOB, mode: '400' });
  });
});
