import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { accountsMissing, ALICE, BOB, commandAs, type Ids, writeUserMap } from '../support/accounts';
import { cleanUpAfterEach, onCleanup } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import { type Snapshot, snapshot, writeFiles } from '../support/files';
import { mountingMissing, mountTmpfs, unmountPath } from '../support/mounts';
import { operations } from '../support/operations';
import { type RunningService, startService } from '../support/service';
import { temporaryFolder } from '../support/temporary-folder';
import { until } from '../support/until';

cleanUpAfterEach();

const REQUESTS = 200;
const AT_ONCE = 8;
/** Rounds of the user in which something was really swapped; far below what a second brings. */
const ENOUGH = 300;

const FILES = { file: 'content', 'tree/one': '1', 'tree/sub/two': '22', 'tree/sub/deeper/three': '333' };
const CONTENTS = new Set(Object.values(FILES));

/**
 * A user who swaps names in the working directory as fast as can be, told in lines of JavaScript that `swap` runs one by
 * one, whether or not each succeeds: `n` counts the rounds, `target` is a place outside, another one each round.
 */
function swapperProgram(swaps: string[]): string {
  return `
    const fs = require('node:fs');
    const targets = process.argv.slice(1);
    let done = 0;
    const swap = (step) => { try { step(); done += 1; } catch {} };
    process.on('SIGTERM', () => { console.log(done); process.exit(0); });
    const round = (n) => {
      const target = targets[n % targets.length];
      ${swaps.map((line) => `swap(() => { ${line} });`).join('\n      ')}
      setImmediate(round, n + 1);
    };
    round(0);
    console.log('ready');
  `;
}

/** Directories on the way, destinations and the service's own directories, each replaced by links and moved about. */
const USERS_SWAPS = [
  "fs.renameSync('way', 'aside-' + n)",
  "fs.symlinkSync(target, 'way')",
  "fs.unlinkSync('way')",
  "n % 2 ? fs.mkdirSync('way') : fs.renameSync('aside-' + n, 'way')",
  "fs.rmdirSync('aside-' + n)",
  "fs.renameSync('deep/a/b', 'deep/moved-' + n)",
  "fs.symlinkSync(target, 'deep/a/b')",
  "fs.unlinkSync('deep/a/b')",
  "fs.renameSync('deep/moved-' + n, 'deep/a/b')",
  "fs.renameSync('race-' + (n % 5), 'old-' + (n % 11))",
  "fs.symlinkSync(target, 'race-' + (n % 5))",
  "fs.renameSync('new-' + (n % 5), 'kept-' + n)",
  "fs.symlinkSync(target, 'new-' + (n % 5))",
  "fs.unlinkSync('race-' + ((n + 2) % 5))",
  "fs.unlinkSync('new-' + ((n + 2) % 5))",
  // Where the service has to build inside the area, what it builds in is taken away, and a link put there.
  `fs.readdirSync('.').filter((name) => name.startsWith('.staging-')).forEach((name) => {
    fs.renameSync(name, 'stolen-' + n);
    fs.symlinkSync(target, name);
  })`,
];

const USERS_DESTINATIONS = [
  (n: number) => `way/f-${n}`,
  (n: number) => `way/x/y-${n}/f`,
  () => 'way/',
  (n: number) => `deep/a/b/c-${n}`,
  (n: number) => `race-${n % 5}`,
  (n: number) => `new-${n % 5}/f-${n}`,
];

/** Files and directories of the storage that are something else for a moment. */
const PROVIDERS_SWAPS = [
  "fs.renameSync('now', 'aside')",
  "fs.symlinkSync(target, 'now')",
  "fs.unlinkSync('now')",
  "fs.renameSync('aside', 'now')",
  "fs.renameSync('now/tree/sub', 'now/tree-sub')",
  "fs.symlinkSync(target + '/tree/sub', 'now/tree/sub')",
  "fs.unlinkSync('now/tree/sub')",
  "fs.renameSync('now/tree-sub', 'now/tree/sub')",
  "fs.renameSync('now/file', 'now/file-aside')",
  "n % 2 ? fs.symlinkSync(target + '/file', 'now/file') : fs.renameSync('pipe', 'now/file')",
  "n % 2 ? fs.unlinkSync('now/file') : fs.renameSync('now/file', 'pipe')",
  "fs.renameSync('now/file-aside', 'now/file')",
];

/** Starts a swapper in a directory, as its owner; returns what ends it and tells how much it has swapped. */
async function startSwapping(
  directory: string,
  ids: Ids,
  swaps: string[],
  targets: string[],
): Promise<() => Promise<number>> {
  const argv = ['setpriv', '--pdeathsig', 'KILL', process.execPath, '-e', swapperProgram(swaps), ...targets];
  const [command, ...rest] = commandAs(ids, argv);
  const child: ChildProcess = spawn(command!, rest, { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] });
  onCleanup(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = new Promise((resolve) => child.once('close', resolve));
  await until(() => output.includes('ready'), 'The other process did not start');
  return async () => {
    child.kill('SIGTERM');
    await ended;
    return Number(output.trim().split('\n').at(-1));
  };
}

/** Sends all requests, a few at once; returns how often each status and code came back. */
async function sendAll(service: RunningService, request: (n: number) => [object, Record<string, string>]) {
  const seen: Record<string, number> = {};
  let next = 0;
  const send = async () => {
    while (next < REQUESTS) {
      const { status, body } = await service.stage(...request(next++));
      const what = `${status} ${body.code ?? body.operation.outcome}`;
      seen[what] = (seen[what] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, send));
  return seen;
}

/** Each answer was a success or the fault of who swaps, both happened, and the service is none the worse for it. */
async function expectCleanEnd(
  service: RunningService,
  seen: Record<string, number>,
  refusals: string[],
): Promise<void> {
  const expected = ['200 staged', '200 already_present', ...refusals];
  expect(Object.keys(seen).filter((what) => !expected.includes(what))).toEqual([]);
  expect(seen['200 staged']).toBeGreaterThan(0);
  expect(Object.keys(seen).filter((what) => refusals.includes(what))).not.toEqual([]);
  expect(await service.get('/health/ready')).toMatchObject({ status: 200 });
  const recorded = await operations(service, 'username=alice');
  expect(recorded.length).toBe(REQUESTS);
  for (const status of ['running', 'queued']) expect(await operations(service, `status=${status}`)).toEqual([]);
  expect(readdirSync(`${service.areas}/.staging`)).toEqual([]);
  const answer = await service.stage({ local_path_on_storage: 'calm', relative_path: 'calm' }, { username: 'carol' });
  expect(answer).toMatchObject({ status: 200 });
}

function entries(tree: Snapshot) {
  return Object.entries(tree).map(([name, entry]) => ({ name, ...entry }));
}

/** What a link could lead to: all of it must stay as it is. */
function makeCanaries(): string {
  const outside = temporaryFolder();
  writeFiles(outside, { file: 'SECRET', 'tree/one': 'SECRET', 'tree/sub/two': 'SECRET', 'closed/file': 'SECRET' });
  chmodSync(`${outside}/tree`, 0o777);
  chmodSync(`${outside}/closed`, 0o700);
  return outside;
}

const HOMES = [
  ['on the file system of all areas', false, null],
  ['on a file system of its own, where the service has to build inside it', true, mountingMissing()],
] as const;

describe.each(HOMES)('a user who swaps names in their area, %s,', (_where, isMount, missing) => {
  describeWhere(accountsMissing() ?? missing, 'while root works in it', () => {
    it('gains nothing, harms nobody, and leaves nothing', async () => {
      const outside = makeCanaries();
      const env = { USER_MAP: writeUserMap(temporaryFolder(), { alice: ALICE, bob: BOB }), WORKER_CONCURRENCY: '8' };
      const service = await startService({ env, files: { ...FILES, calm: 'calm' } });
      const { areas, storage } = service;
      await service.stage({ local_path_on_storage: 'tree', relative_path: 'of bob' }, { username: 'bob' });
      const area = `${areas}/alice`;
      mkdirSync(area);
      if (isMount) {
        execFileSync('mount', ['--bind', mountTmpfs(64 * 1024 ** 2).path, area]);
        onCleanup(() => unmountPath(area));
      }
      for (const name of ['', '/way', '/deep', '/deep/a', '/deep/a/b']) {
        if (name !== '') mkdirSync(area + name);
        chownSync(area + name, ALICE.uid, ALICE.gid);
      }
      const targets = [outside, `${outside}/tree`, '../bob', storage, `${areas}/.staging`];
      const before = [outside, storage, `${areas}/bob`].map(snapshot);

      const stop = await startSwapping(area, ALICE, USERS_SWAPS, targets);
      const seen = await sendAll(service, (n) => {
        const destination = USERS_DESTINATIONS[n % USERS_DESTINATIONS.length]!(n);
        const source = Math.floor(n / 2) % 3 === 0 ? 'tree' : 'file';
        const method = n % 4 < 2 || isMount ? 'local_copy' : 'symlink_copy';
        return [
          { local_path_on_storage: source, relative_path: destination },
          { username: 'alice', method },
        ];
      });
      expect(await stop()).toBeGreaterThan(ENOUGH);

      expect([outside, storage, `${areas}/bob`].map(snapshot)).toEqual(before);
      await expectCleanEnd(service, seen, ['400 path_outside_user_area', '409 destination_conflict']);
      for (const { name, kind, uid, inode } of entries(snapshot(area))) {
        const isTheirs = uid === ALICE.uid || Object.values(before[1]!).some((one) => one.inode === inode);
        // An empty directory of the service's may remain where they moved it.
        const isStolen = isMount && name.startsWith('stolen-');
        if (kind !== 'link') expect({ name, isTheirs: isTheirs || isStolen }).toEqual({ name, isTheirs: true });
        if (kind === 'file') expect(CONTENTS).toContain(readFileSync(`${area}/${name}`, 'utf8'));
      }
    }, 90_000);
  });
});

describeWhere(accountsMissing(), 'a provider of data who swaps names on the storage', () => {
  it('gets nothing staged that is not on the storage', async () => {
    const outside = makeCanaries();
    const env = { USER_MAP: writeUserMap(temporaryFolder(), { alice: ALICE }), WORKER_CONCURRENCY: '8' };
    const service = await startService({ env, files: { calm: 'calm' } });
    const feed = `${service.storage}/feed`;
    writeFiles(`${feed}/now`, FILES);
    execFileSync('mkfifo', [`${feed}/pipe`]);
    execFileSync('chown', ['-R', `${BOB.uid}:${BOB.gid}`, feed]);
    const before = snapshot(outside);

    const stop = await startSwapping(feed, BOB, PROVIDERS_SWAPS, [outside]);
    const sources = ['feed/now/file', 'feed/now/tree', 'feed/now/tree/sub/two', 'feed/now', 'feed/now/tree/sub'];
    const seen = await sendAll(service, (n) => {
      const body = { local_path_on_storage: sources[n % sources.length]!, relative_path: `staged/${n}` };
      return [body, { username: 'alice', method: n % 3 === 0 ? 'symlink_copy' : 'local_copy' }];
    });
    expect(await stop()).toBeGreaterThan(ENOUGH);

    expect(snapshot(outside)).toEqual(before);
    await expectCleanEnd(service, seen, [
      ...['400 path_outside_storage', '400 source_not_found', '400 source_unsupported', '409 source_changed'],
    ]);
    const staged = entries(snapshot(`${service.areas}/alice/staged`)).filter(({ kind }) => kind === 'file');
    expect(staged.length).toBeGreaterThan(0);
    for (const { name } of staged) {
      expect(CONTENTS).toContain(readFileSync(`${service.areas}/alice/staged/${name}`, 'utf8'));
    }
  }, 90_000);
});
