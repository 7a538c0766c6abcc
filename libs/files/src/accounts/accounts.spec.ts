import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { temporaryFolder } from '../../../../test/support/temporary-folder';
import { AccountDirectory } from './account-directory';
import { OwnershipPolicy, type OwnershipOptions } from './ownership-policy';

let folder: string;
beforeAll(() => (folder = temporaryFolder()));

function mapFile(text: string): string {
  const file = path.join(folder, 'user-map');
  writeFileSync(file, text);
  return file;
}

const withMap = (text: string) => new AccountDirectory({ mapFile: mapFile(text) });

/** Where programs are looked for first. */
let mockPrograms: string | undefined;

jest.mock('node:child_process', () => {
  const real = jest.requireActual<typeof import('node:child_process')>('node:child_process');
  const { promisify } = jest.requireActual<typeof import('node:util')>('node:util');
  const run = promisify(real.execFile);
  const inPrograms = (file: string, args: string[], options: object) =>
    run(file, args, { ...options, env: { PATH: [mockPrograms, process.env.PATH].filter(Boolean).join(':') } });
  return { ...real, execFile: Object.assign(() => undefined, { [promisify.custom]: inPrograms }) };
});

/** Puts programs of these names before the real ones while `work` runs. */
async function withPrograms<T>(scripts: Record<string, string>, work: () => Promise<T>): Promise<T> {
  const programs = path.join(folder, 'programs');
  mkdirSync(programs, { recursive: true });
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(path.join(programs, name), `#!/bin/sh\n${script}\n`);
    chmodSync(path.join(programs, name), 0o755);
  }
  mockPrograms = programs;
  try {
    return await work();
  } finally {
    mockPrograms = undefined;
    rmSync(programs, { recursive: true });
  }
}

describe("the operator's map", () => {
  it('has a line name:uid:gid for a user; empty lines and comments are skipped', async () => {
    const accounts = withMap('# who is who\n\n  jane:61001:61002  \r\nbob@site.example:4294967294:0\nx.y-z_1:7:8');
    await accounts.load();
    expect(await accounts.find('jane')).toEqual({ uid: 61_001, gid: 61_002 });
    expect(await accounts.find('bob@site.example')).toEqual({ uid: 4_294_967_294, gid: 0 });
    expect(await accounts.find('x.y-z_1')).toEqual({ uid: 7, gid: 8 });
  });

  it.each([
    ['a missing number', 'jane:61001'],
    ['a name instead of a number', 'jane:users:100'],
    ['a negative number', 'jane:-1:100'],
    ['a uid that means "as it is"', 'jane:4294967295:100'],
    ['a gid that means "as it is"', 'jane:1000:4294967295'],
    ['a number beyond all uids', 'jane:9999999999:100'],
    ['a fourth field', 'jane:1:2:3'],
    ['no name', ':1:2'],
    ['the same name again', 'ok:1:1\njane:1:1'],
  ])('with %s stops the start, naming the line', async (_what, line) => {
    const accounts = withMap(`ok:1:1\n${line === 'ok:1:1\njane:1:1' ? 'ok:2:2' : line}`);
    await expect(accounts.load()).rejects.toThrow('USER_MAP: line 2 is not a new name:uid:gid');
  });

  it('that cannot be read stops the start', async () => {
    await expect(new AccountDirectory({ mapFile: path.join(folder, 'none') }).load()).rejects.toThrow('ENOENT');
  });

  it('goes before the accounts of the host', async () => {
    expect(await withMap('root:61001:61001').find('root')).toEqual({ uid: 61_001, gid: 61_001 });
  });
});

describe('the accounts of the host', () => {
  const host = () => new AccountDirectory({ mapFile: undefined });

  it('are found by getent', async () => {
    expect(await host().find('root')).toEqual({ uid: 0, gid: 0 });
    const [name, , uid, gid] = execFileSync('getent', ['passwd', 'nobody'], { encoding: 'utf8' }).split(':');
    expect(await host().find(name!)).toEqual({ uid: Number(uid), gid: Number(gid) });
    expect(await host().find('no-such-account-here')).toBeNull();
  });

  it('are not found by a number, which getent would take for a uid', async () => {
    expect(execFileSync('getent', ['passwd', '0'], { encoding: 'utf8' })).toMatch(/^root:/);
    expect(await host().find('0')).toBeNull();
  });

  it('are asked for by name alone, whatever the name looks like', async () => {
    expect(await host().find('--help')).toBeNull();
    expect(await host().find('-s')).toBeNull();
  });

  it('are remembered, but not a failure to look them up', async () => {
    const log = path.join(folder, 'asked');
    const accounts = host();
    await withPrograms({ getent: `echo asked >> '${log}'; exit 3` }, () =>
      expect(accounts.find('jane')).rejects.toThrow(),
    );
    await withPrograms({ getent: `echo asked >> '${log}'; echo "jane:x:61001:61002::/:"` }, async () => {
      expect(await accounts.find('jane')).toEqual({ uid: 61_001, gid: 61_002 });
      expect(await accounts.find('jane')).toEqual({ uid: 61_001, gid: 61_002 });
    });
    expect(await accounts.find('jane')).toEqual({ uid: 61_001, gid: 61_002 });
    expect(execFileSync('wc', ['-l', log], { encoding: 'utf8' })).toMatch(/^2 /);
  });

  it('are looked up again after a minute', async () => {
    const accounts = host();
    const now = jest.spyOn(Date, 'now');
    now.mockReturnValue(1_000_000);
    await withPrograms({ getent: 'echo "jane:x:61001:61001::/:"' }, () => accounts.find('jane'));
    now.mockReturnValue(1_059_999);
    expect(await accounts.find('jane')).not.toBeNull();
    now.mockReturnValue(1_060_001);
    expect(await accounts.find('jane')).toBeNull();
    now.mockRestore();
  });
});

describe('the groups of an account', () => {
  const accounts = () => new AccountDirectory({ mapFile: undefined });

  it('are those that the host knows its uid to be in, its own first', async () => {
    const root = await accounts().groupsOf({ uid: 0, gid: 0 });
    expect(root).toEqual(execFileSync('id', ['-G', 'root'], { encoding: 'utf8' }).trim().split(' ').map(Number));
    const scripts = {
      getent: '[ "$*" = "passwd -- 61001" ] && echo "jane.doe:x:61001:61001::/:"',
      id: '[ "$*" = "-G -- jane.doe" ] && echo 61001 61005 7',
    };
    await withPrograms(scripts, async () => {
      const one = accounts();
      expect(await one.groupsOf({ uid: 61_001, gid: 61_001 })).toEqual([61_001, 61_005, 7]);
      expect(await one.groupsOf({ uid: 61_001, gid: 99 })).toEqual([99, 61_001, 61_005, 7]);
    });
  });

  it('are its own alone where the host does not know the uid, or takes it for a name', async () => {
    expect(await accounts().groupsOf({ uid: 61_999, gid: 61_998 })).toEqual([61_998]);
    await withPrograms({ getent: 'echo "61001:x:5:5::/:"', id: 'echo 5' }, async () => {
      expect(await accounts().groupsOf({ uid: 61_001, gid: 61_001 })).toEqual([61_001]);
    });
  });

  it('are remembered, but not a failure to look them up', async () => {
    const one = accounts();
    const jane = { uid: 61_001, gid: 61_001 };
    const getent = 'echo "jane:x:61001:61001::/:"';
    await withPrograms({ getent, id: 'exit 1' }, () => expect(one.groupsOf(jane)).rejects.toThrow());
    await withPrograms({ getent, id: 'echo 61001 7' }, async () => {
      expect(await one.groupsOf(jane)).toEqual([61_001, 7]);
    });
    expect(await one.groupsOf(jane)).toEqual([61_001, 7]);
  });
});

describe('who owns what is staged', () => {
  const self = process.geteuid!();
  const map = `jane:61001:61002\nsystem:999:999\nself:${self}:61003`;
  const policy = (options: Partial<OwnershipOptions> = {}) =>
    new OwnershipPolicy(withMap(map), {
      minUid: 1000,
      unmapped: { kind: 'service' },
      fileMode: 0o400,
      dirMode: 0o500,
      ...options,
    });
  const service = { uid: null, gid: 'area', fileMode: 0o440, dirMode: 0o550, madeDirMode: 0o770 };

  it('is the user, where they have an account and the service may give files away', async () => {
    expect(await policy().decide('jane', true)).toEqual({
      userUid: 61_001,
      uid: 61_001,
      gid: 61_002,
      fileMode: 0o400,
      dirMode: 0o500,
      madeDirMode: 0o700,
    });
    expect(await policy({ fileMode: 0o440, dirMode: 0o550 }).decide('jane', true)).toMatchObject({
      fileMode: 0o440,
      dirMode: 0o550,
    });
  });

  it("is the service, for the area's group, where it may not; the user is known all the same", async () => {
    expect(await policy().decide('jane', false)).toEqual({ ...service, userUid: 61_001 });
  });

  it('is the user, also without the right to give files away, where the service is them', async () => {
    expect(await policy({ minUid: 0 }).decide('self', false)).toMatchObject({
      uid: self,
      gid: 61_003,
      fileMode: 0o400,
    });
  });

  it('is as the operator says for a user without an account', async () => {
    expect(await policy().decide('stranger', true)).toEqual({ ...service, userUid: null });
    const fixed = policy({ unmapped: { kind: 'fixed', uid: 61_100, gid: 61_101 } });
    expect(await fixed.decide('stranger', true)).toMatchObject({
      userUid: 61_100,
      uid: 61_100,
      gid: 61_101,
      fileMode: 0o400,
    });
    await expect(policy({ unmapped: { kind: 'refuse' } }).decide('stranger', true)).rejects.toMatchObject({
      code: 'forbidden',
    });
  });

  it('is nobody below MIN_UID, nor root, whatever else is set', async () => {
    for (const unmapped of [{ kind: 'service' }, { kind: 'refuse' }, { kind: 'fixed', uid: 1, gid: 1 }] as const) {
      for (const name of ['root', 'system']) {
        await expect(policy({ unmapped }).decide(name, false)).rejects.toMatchObject({ code: 'forbidden' });
        await expect(policy({ unmapped }).admit(name)).rejects.toMatchObject({ code: 'forbidden' });
      }
    }
    await expect(policy().readerOf('system')).rejects.toMatchObject({ code: 'forbidden' });
    expect(await policy({ minUid: 999 }).admit('system')).toEqual({ uid: 999, gid: 999 });
    expect(await policy().admit('stranger')).toBeNull();
  });

  it('tells as whom a user would read: as nobody without an account, unless the operator gives them one', async () => {
    expect(await policy().readerOf('jane')).toEqual({ uid: 61_001, gids: [61_002] });
    expect(await policy().readerOf('stranger')).toBeNull();
    const fixed = policy({ unmapped: { kind: 'fixed', uid: 61_100, gid: 61_101 } });
    expect(await fixed.readerOf('stranger')).toEqual({ uid: 61_100, gids: [61_101] });
  });
});
