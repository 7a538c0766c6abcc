import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describeWhere } from '../../../../test/support/describe-where';
import { writeFiles } from '../../../../test/support/files';
import { COMMIT, COMPARE_ROWS, COUNT_ALL, DELETE_ROWS, PRUNE, PUT_BACK, TAKE } from './release-programs';

interface Row {
  path: string;
  kind: string;
  size: number;
  mtimeNs: string;
}

const PYTHON = '/usr/bin/python3';
const NAMES = { path: 'in/set', taken: 'in/staging-1.release', removed: 'in/staging-1.released' };

/** The programs themselves, without Jupyter: what they do to real files. */
describeWhere(existsSync(PYTHON) ? null : 'python3 is not installed', 'The programs of a release', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(path.join(tmpdir(), 'programs-'));
    mkdirSync(at('in'));
  });
  afterEach(() => {
    spawnSync('chmod', ['-R', 'u+rwX', home]);
    rmSync(home, { recursive: true });
  });

  const at = (name: string) => path.join(home, name);
  const run = (program: string, kind: 'file' | 'directory' = 'directory', rows: Row[] = []): unknown => {
    const input = JSON.stringify({ ...NAMES, kind, rows });
    const code = `import json, sys\ndata = json.loads(sys.stdin.read())\n${program}\nprint(json.dumps(result))`;
    const { stdout, stderr } = spawnSync(PYTHON, ['-c', code], { cwd: home, input, encoding: 'utf8' });
    if (stderr !== '') throw new Error(stderr);
    return JSON.parse(stdout) as unknown;
  };
  const row = (name: string, top = NAMES.path): Row => {
    const { size, mtimeNs } = lstatSync(at(name === '' ? top : `${top}/${name}`), { bigint: true });
    const kind = lstatSync(at(name === '' ? top : `${top}/${name}`)).isSymbolicLink() ? 'link' : 'file';
    return { path: name, kind, size: Number(size), mtimeNs: kind === 'link' ? '0' : String(mtimeNs) };
  };
  /** A sealed tree, as staging leaves it. */
  const tree = () => {
    writeFiles(at(NAMES.path), { 'a/deep/one': '1', 'a/two': '22', three: '333' });
    mkdirSync(at(`${NAMES.path}/empty`));
    symlinkSync('three', at(`${NAMES.path}/link`));
    symlinkSync('a', at(`${NAMES.path}/a-link`));
    const rows = ['a/deep/one', 'a/two', 'three', 'link', 'a-link'].map((name) => row(name));
    for (const name of ['a/deep/one', 'a/two', 'three']) chmodSync(at(`${NAMES.path}/${name}`), 0o400);
    for (const name of ['a/deep', 'a', 'empty', '']) chmodSync(at(`${NAMES.path}/${name}`), 0o500);
    return rows;
  };
  const unsealed = (name: string, change: () => void) => {
    chmodSync(at(name), 0o700);
    change();
    chmodSync(at(name), 0o500);
  };

  it('remove a sealed tree, and nothing beside it, each run twice', () => {
    const rows = tree();
    writeFileSync(at('in/other'), '');
    const twice = (program: string, more: Row[] = []) => [
      run(program, 'directory', more),
      run(program, 'directory', more),
    ];
    expect(twice(TAKE)).toEqual(['taken', 'taken']);
    expect(readdirSync(at('in')).sort()).toEqual(['other', 'staging-1.release']);
    expect(twice(COMPARE_ROWS, rows)).toEqual([null, null]);
    expect(run(COUNT_ALL)).toEqual({ files: 5, added: null });
    expect(twice(COMMIT)).toEqual([true, true]);
    expect(run(TAKE)).toBe('compared');
    expect(twice(DELETE_ROWS, rows)).toEqual([true, true]);
    expect(twice(PRUNE)).toEqual([null, null]);
    expect(readdirSync(at('in'))).toEqual(['other']);
    expect(run(TAKE)).toBe('gone');
  });

  it.each<[string, (taken: string) => void, string]>([
    ['changed content', (top) => writeFileSync(`${top}/three`, '3333'), 'three'],
    ['another time', (top) => utimesSync(`${top}/a/two`, 1, 1), 'a/two'],
    ['a file that is gone', (top) => rmSync(`${top}/a/two`), 'a/two'],
    ['a directory that is gone', (top) => rmSync(`${top}/a/deep`, { recursive: true }), 'a/deep/one'],
    ['a file for a link', (top) => (rmSync(`${top}/link`), writeFileSync(`${top}/link`, 'three')), 'link'],
    ['another link', (top) => (rmSync(`${top}/link`), symlinkSync('other', `${top}/link`)), ''],
    ['a longer link', (top) => (rmSync(`${top}/link`), symlinkSync('a/three', `${top}/link`)), 'link'],
    ['a link for a file', (top) => (renameSync(`${top}/three`, `${top}/3`), symlinkSync('3', `${top}/three`)), 'three'],
    [
      'a link for a directory',
      (top) => (renameSync(`${top}/a`, `${top}/b`), symlinkSync('b', `${top}/a`)),
      'a/deep/one',
    ],
  ])('see %s', (_what, change, differs) => {
    const rows = tree();
    run(TAKE);
    spawnSync('chmod', ['-R', 'u+rwX', at(NAMES.taken)]);
    change(at(NAMES.taken));
    // Of a link only the length of its text is recorded.
    expect(run(COMPARE_ROWS, 'directory', rows)).toBe(differs === '' ? null : differs);
  });

  it.each<[string, string, (top: string) => void, unknown]>([
    ['a file', 'a/deep', (top) => writeFileSync(`${top}/a/deep/mine`, ''), { files: 6, added: null }],
    ['a hidden file', '', (top) => writeFileSync(`${top}/.mine`, ''), { files: 6, added: null }],
    ['a link to a directory', 'a', (top) => symlinkSync('/etc', `${top}/a/mine`), { files: 6, added: null }],
    ['a second name', 'a', (top) => linkSync(`${top}/a/two`, `${top}/a/mine`), { files: 6, added: null }],
    ['a pipe', 'a', (top) => void spawnSync('mkfifo', [`${top}/a/mine`]), { files: 6, added: null }],
    ['an empty directory', 'a', (top) => mkdirSync(`${top}/a/mine`), { files: 5, added: 'a/mine' }],
  ])('see that %s was added', (_what, folder, change, found) => {
    tree();
    unsealed(`${NAMES.path}/${folder}`, () => change(at(NAMES.path)));
    run(TAKE);
    expect(run(COUNT_ALL)).toEqual(found);
  });

  it('take no other kind of thing', () => {
    writeFiles(home, { [NAMES.path]: 'a file' });
    expect(run(TAKE, 'directory')).toBe('other');
    rmSync(at(NAMES.path));
    symlinkSync('/etc', at(NAMES.path));
    expect(run(TAKE, 'directory')).toBe('other');
    expect(run(TAKE, 'file')).toBe('other');
    expect(readdirSync(at('in'))).toEqual(['set']);
  });

  it.each(['file', 'directory'] as const)('put a %s back, beside its place when that was taken', (kind) => {
    const place = at(NAMES.path);
    const make = () => (kind === 'file' ? writeFiles(home, { [NAMES.path]: 'staged' }) : void tree());
    make();
    run(TAKE, kind);
    expect(run(PUT_BACK, kind)).toBe('in/set');
    expect(run(PUT_BACK, kind)).toBeNull();
    run(TAKE, kind);
    writeFileSync(place, 'of jane');
    writeFileSync(`${place}.restored`, 'of jane as well');
    expect(run(PUT_BACK, kind)).toBe('in/set.restored-2');
    expect(readdirSync(at('in')).sort()).toEqual(['set', 'set.restored', 'set.restored-2']);
    expect([place, `${place}.restored`].map((name) => readFileSync(name, 'utf8'))).toEqual([
      'of jane',
      'of jane as well',
    ]);
  });

  it('remove a single file, if it is still the one', () => {
    writeFiles(home, { [NAMES.path]: 'staged' });
    const rows = [{ ...row(''), path: 'set' }];
    run(TAKE, 'file');
    expect(run(COMPARE_ROWS, 'file', rows)).toBeNull();
    expect(run(COMPARE_ROWS, 'file', [{ ...rows[0]!, size: 7 }])).toBe('set');
    run(COMMIT, 'file');
    run(DELETE_ROWS, 'file', rows);
    expect(run(PRUNE, 'file')).toBeNull();
    expect(readdirSync(at('in'))).toEqual([]);
  });

  it('delete nothing that was put there or changed after the comparison, and give it back', () => {
    const rows = tree();
    run(TAKE);
    run(COMMIT);
    const top = NAMES.removed;
    unsealed(top, () => mkdirSync(at(`${top}/mine`)));
    writeFiles(at(`${top}/mine`), { file: 'of jane' });
    unsealed(`${top}/a`, () => (rmSync(at(`${top}/a/two`)), writeFileSync(at(`${top}/a/two`), 'changed')));
    run(DELETE_ROWS, 'directory', rows);
    expect(run(PRUNE)).toBe('in/set');
    expect(readdirSync(at('in/set'), { recursive: true }).sort()).toEqual(['a', 'a/two', 'mine', 'mine/file']);
  });

  it('leave what lies behind a link alone, also when it is put there in the middle', () => {
    const rows = tree();
    writeFiles(at('elsewhere'), { 'deep/one': '1', two: '22' });
    utimesSync(at('elsewhere/two'), 1, 1);
    run(TAKE);
    run(COMMIT);
    unsealed(NAMES.removed, () => {
      renameSync(at(`${NAMES.removed}/a`), at('moved'));
      symlinkSync(at('elsewhere'), at(`${NAMES.removed}/a`));
    });
    const same = rows.map((each) => (each.path === 'a/two' ? { ...each, mtimeNs: '1000000000' } : each));
    run(DELETE_ROWS, 'directory', same);
    run(PRUNE);
    expect(readdirSync(at('elsewhere'), { recursive: true }).sort()).toEqual(['deep', 'deep/one', 'two']);
  });

  it('allow for file systems that keep no nanoseconds', () => {
    writeFiles(home, { [NAMES.taken]: 'staged' });
    const staged = (mtimeNs: string) => [{ path: 'set', kind: 'file', size: 6, mtimeNs }];
    utimesSync(at(NAMES.taken), 1_000_000_000, 1_000_000_000);
    expect(run(COMPARE_ROWS, 'file', staged('1000000000987654321'))).toBeNull();
    expect(run(COMPARE_ROWS, 'file', staged('1000000001000000001'))).toBe('set');
    expect(run(COMPARE_ROWS, 'file', staged('999999999000000000'))).toBe('set');
  });
});
