import { chmodSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { type AppError } from '@app/core';
import { makeFifo, makeSparseFile, makeTree, snapshot, writeFiles } from '../../../../test/support/files';
import { type FilesOptions } from './files-options';
import { createTestSite, memoryFolder, type TestSite } from '../testing/test-site';
import { type PlaceRequest } from './placement';

let site: TestSite;

async function open(options: Partial<FilesOptions> = {}): Promise<void> {
  site = await createTestSite(options, memoryFolder());
  writeFiles(site.storage, { file: 'twelve bytes', 'tree/a': 'A', 'tree/dir/b': 'BB' });
  for (const name of ['file', 'tree/a', 'tree/dir/b']) chmodSync(path.join(site.storage, name), 0o644);
  makeTree(path.join(site.storage, 'many'), { files: 300, sizes: [1000], perDirectory: 100 });
}
afterEach(() => site.close());

const plan = (
  source: string,
  destination = 'in/out',
  how: 'copy' | 'link' = 'copy',
  more: Partial<PlaceRequest> = {},
) => site.planner.plan(how, site.request(source, destination, more), new AbortController().signal);
const codeOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 'none',
    (error: unknown) => (error as AppError).code,
  );

describe('FilePlanner', () => {
  it('tells what would be done with a file, and with a tree', async () => {
    await open();
    const free = { spaceFree: expect.any(Number), matchesSource: null };
    expect(await plan('file')).toEqual({
      ...{ storage: 'default', kind: 'file', stagedPath: 'in/out', action: 'copy', files: 1, bytes: 12 },
      ...{ spaceNeeded: expect.any(Number), ...free },
    });
    expect(await plan('many', 'in/')).toMatchObject({
      kind: 'directory',
      stagedPath: 'in/many',
      files: 300,
      bytes: 300_000,
    });
    expect(await plan('tree', 'x', 'link')).toMatchObject({ action: 'hard_link', files: 2, bytes: 3, spaceNeeded: 0 });
  });

  it('tells what is there already, and whether it is the same', async () => {
    await open();
    await site.copy('file', 'in/out');
    expect(await plan('file')).toMatchObject({ action: 'none', matchesSource: true, spaceNeeded: 0 });
    expect(await plan('tree/a')).toMatchObject({ action: 'none', matchesSource: false });
    await expect(codeOf(plan('file', 'in/out', 'copy', { ifExists: 'fail' }))).resolves.toBe('already_exists');
    await expect(codeOf(plan('tree'))).resolves.toBe('destination_conflict');
  });

  it.each([
    ['nothing', 'nothing', 'source_not_found'],
    ['what lies outside', '../outside', 'path_outside_storage'],
    ['a pipe', 'pipe', 'source_unsupported'],
    ['a tree with a link that leaves', 'leaving', 'path_outside_storage'],
  ])('refuses %s', async (_what, source, code) => {
    await open();
    makeFifo(path.join(site.storage, 'pipe'));
    mkdirSync(path.join(site.storage, 'leaving'));
    symlinkSync('/etc', path.join(site.storage, 'leaving/out'));
    await expect(codeOf(plan(source))).resolves.toBe(code);
  });

  it('refuses what would be refused later', async () => {
    await open({ limits: { maxFiles: 100, maxBytes: 0 }, createAreas: false });
    await expect(codeOf(plan('file'))).resolves.toBe('user_area_missing');
    mkdirSync(path.join(site.areas, 'jane'));
    await expect(codeOf(plan('many'))).resolves.toBe('quota_exceeded');
    await expect(codeOf(plan('file', '../bob/x'))).resolves.toBe('path_outside_user_area');
    await expect(codeOf(plan('file', 'x', 'copy', { username: 'root' }))).resolves.toBe('forbidden');
    chmodSync(path.join(site.storage, 'tree/dir/b'), 0o666);
    await expect(codeOf(plan('tree', 'x', 'link'))).resolves.toBe('source_writable');
  });

  it('sees that there is not enough space', async () => {
    await open();
    const file = path.join(site.storage, 'full-size');
    makeSparseFile(file, 10);
    expect(await plan('full-size')).toMatchObject({ spaceNeeded: 0, bytes: 10 });
    const { spaceFree } = await plan('file');
    expect(spaceFree).toBeGreaterThan(0);
  });

  it('makes, changes and reserves nothing', async () => {
    await open();
    await site.copy('tree', 'there');
    const seen = () => [snapshot(site.storage), snapshot(site.areas)];
    const before = seen();
    for (const [source, destination] of [
      ['file', 'a/b/c'],
      ['many', 'a/'],
      ['tree', 'there'],
      ['nothing', 'x'],
    ] as const) {
      await codeOf(plan(source, destination));
      await codeOf(plan(source, destination, 'link'));
      await codeOf(plan(source, destination, 'copy', { username: 'newcomer' }));
    }
    expect(seen()).toEqual(before);
    rmSync(path.join(site.storage, 'many'), { recursive: true });
  });

  it('ends by its signal', async () => {
    await open();
    const reason = new Error('no longer');
    await expect(site.planner.plan('copy', site.request('many', 'x'), AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
