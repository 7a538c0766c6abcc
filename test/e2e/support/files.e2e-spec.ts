import { chmodSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { temporaryFolder } from '../../support/temporary-folder';
import {
  contentOf,
  makeDeepTree,
  makeFifo,
  makeSocket,
  makeSparseFile,
  makeTree,
  notUtf8,
  snapshot,
  writeFiles,
} from '../../support/files';

describe('makeTree', () => {
  it('makes the files asked for, each with content of its own', () => {
    const root = temporaryFolder();
    const names = makeTree(root, { files: 25, sizes: [0, 10, 9000], perDirectory: 10 });
    expect(names).toHaveLength(25);
    expect(readdirSync(root)).toEqual(['d000', 'd001', 'd002']);
    expect(names.map((name) => statSync(`${root}/${name}`).size).slice(0, 4)).toEqual([0, 10, 9000, 0]);
    const contents = new Set(names.map((name) => readFileSync(`${root}/${name}`, 'hex')));
    expect(contents.size).toBe(17); // the nine empty files are alike
  });

  it('makes the same content each time', () => {
    const trees = [temporaryFolder(), temporaryFolder()];
    for (const tree of trees) makeTree(tree, { files: 3, sizes: [5000] });
    expect(contentOf(snapshot(trees[0]!))).toEqual(contentOf(snapshot(trees[1]!)));
  });
});

describe('unusual files', () => {
  it('makes a sparse file, a pipe and a socket', async () => {
    const root = temporaryFolder();
    makeSparseFile(`${root}/sparse`, 10 * 1024 ** 3);
    makeFifo(`${root}/fifo`);
    await makeSocket(`${root}/socket`);
    expect(statSync(`${root}/sparse`)).toMatchObject({ size: 10 * 1024 ** 3, blocks: 0 });
    expect(lstatSync(`${root}/fifo`).isFIFO()).toBe(true);
    expect(lstatSync(`${root}/socket`).isSocket()).toBe(true);
  });

  it('makes names that are not UTF-8, and trees 200 levels deep', () => {
    const root = temporaryFolder();
    writeFileSync(notUtf8(root), 'odd');
    const leaf = makeDeepTree(root, 200);
    expect(leaf.split('/')).toHaveLength(201);
    expect(Object.keys(snapshot(root))).toEqual(expect.arrayContaining([leaf, 'caf\ufffd.fits']));
  });
});

describe('snapshot', () => {
  it('sees each change of content, mode and kind', () => {
    const root = temporaryFolder();
    writeFiles(root, { 'a/file': 'one', 'a/other': 'two' });
    symlinkSync('file', `${root}/a/link`);
    makeFifo(`${root}/fifo`);
    const before = snapshot(root);
    expect(snapshot(root)).toEqual(before);
    expect(before['a/link']).toMatchObject({ kind: 'link', content: 'file' });
    expect(before['fifo']).toMatchObject({ kind: 'other' });
    chmodSync(`${root}/a/file`, 0o400);
    writeFileSync(`${root}/a/other`, 'TWO');
    const after = snapshot(root);
    expect(after['a/file']).toMatchObject({ kind: 'file', mode: '0400', size: 3 });
    expect(after['a/other']!.content).not.toBe(before['a/other']!.content);
    expect(contentOf(after)['a/file']).toEqual(contentOf(before)['a/file']);
  });
});
