import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { type AppError } from '@app/core';
import { collect, createTestSite, handlesBelow, never, type TestSite } from '@app/files/testing';
import { cleanUpAfterEach, onCleanup } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import { bytesOf, makeTree, writeFiles } from '../support/files';
import { type HungMount, hungMountMissing, mountHung } from '../support/hung-mount';
import { temporaryFolder } from '../support/temporary-folder';
import { until } from '../support/until';

/** Streams from a storage that stops answering: who is told what, who goes on, and that no handle is given back too early. */

const MIB = 1024 ** 2;
const LARGE = bytesOf('large', 16 * MIB);
const GONE = 'storage_unavailable: The storage "tape" is not available';
const reason = new Error('the reader went away');

const ended = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 'done',
    (error: AppError) => `${error.code}: ${error.message}`,
  );

describeWhere(hungMountMissing(), 'a stream from a mount that does not answer', () => {
  cleanUpAfterEach();

  let site: TestSite;
  let tape: HungMount;
  let disk: string;

  /** Two storages, `disk` and `tape`; the latter can hang. */
  beforeEach(async () => {
    tape = await mountHung();
    disk = temporaryFolder();
    for (const folder of [disk, tape.behind]) {
      writeFiles(folder, { file: 'FILE', large: LARGE, 'big/large': LARGE });
      mkdirSync(path.join(folder, 'tree'));
      makeTree(path.join(folder, 'tree'), { files: 300, sizes: [10] });
    }
    const storages = [
      { name: 'disk', path: disk },
      { name: 'tape', path: tape.path },
    ];
    site = await createTestSite({ storages, timeoutMs: 1000, streams: 2 });
    // What hangs must answer before threads can end.
    onCleanup(async () => {
      tape.resume();
      await until(() => !site.isHanging(), 'the threads did not come back');
      await site.close();
    });
  });

  const open = (storage: string, source: string, signal = never) =>
    site.reader.open({ path: source, storage, asSent: source, username: 'jane' }, signal);

  async function openFile(storage: string, source: string) {
    const file = await open(storage, source);
    if (file.kind !== 'file') throw new Error('not a file');
    return file;
  }

  async function openTree(storage: string, source = 'tree') {
    const tree = await open(storage, source);
    if (tree.kind !== 'directory') throw new Error('not a directory');
    return tree;
  }

  const onTape = () => handlesBelow(tape.path);

  it('is told of it; its file is given back when the call has returned, and not before', async () => {
    const file = await openFile('tape', 'large');
    const pieces = file.pieces(0, LARGE.length, never);
    await pieces.next();
    await tape.hang();
    expect(await ended(collect(pieces))).toBe(`${GONE} (no answer for 1 s). Try again later.`);
    // Does not wait for the storage, but neither is the number free for another file.
    await file.close();
    expect(onTape()).toEqual([path.join(tape.path, 'large')]);
    expect(site.isHanging()).toBe(true);
    // Others go on: another thread took its place.
    const other = await openFile('disk', 'large');
    expect((await collect(other.pieces(0, LARGE.length, never))).equals(LARGE)).toBe(true);
    await other.close();
    tape.resume();
    await until(() => onTape().length === 0, 'the file was not given back');
  });

  it('that goes away need not wait for it', async () => {
    const file = await openFile('tape', 'large');
    const controller = new AbortController();
    const pieces = file.pieces(0, LARGE.length, controller.signal);
    await pieces.next();
    await tape.hang();
    const next = (async () => {
      for await (const piece of pieces) expect(piece.length).toBe(MIB);
    })();
    const opening = open('tape', 'file', controller.signal);
    controller.abort(reason);
    await expect(next).rejects.toBe(reason);
    await expect(opening).rejects.toBe(reason);
    // Neither had to wait until the storage counted as hanging.
    expect(site.isHanging()).toBe(false);
    tape.resume();
    await file.close();
    await until(() => onTape().length === 0, 'something was left open');
  });

  it('from the beginning: the third is refused at once, other storages and copies are served', async () => {
    await tape.hang();
    const hung = ['file', 'large'].map((name) => ended(open('tape', name)));
    for (const end of await Promise.all(hung)) expect(end).toBe(`${GONE} (no answer for 1 s). Try again later.`);
    expect(await ended(open('tape', 'file'))).toBe(`${GONE} (it does not answer). Try again later.`);
    await expect(site.copy('file', 'copied')).resolves.toMatchObject({ outcome: 'staged' });
    const file = await openFile('disk', 'file');
    expect((await collect(file.pieces(0, 4, never))).toString()).toBe('FILE');
    await file.close();
    tape.resume();
    await until(() => !site.isHanging() && onTape().length === 0, 'something was left open');
    await (await openFile('tape', 'file')).close();
  });

  it('of a whole tree is told of it, and nothing is left open', async () => {
    const tree = await openTree('tape');
    let hang: Promise<void> | undefined;
    const read = async () => {
      for await (const entry of tree.entries(never)) {
        if (entry.type !== 'file') continue;
        await (hang ??= tape.hang());
        const content = collect(entry.file.pieces(0, 10, never));
        await content.finally(() => entry.file.close());
      }
    };
    expect(await ended(read())).toMatch(GONE);
    await tree.close();
    tape.resume();
    await until(() => !site.isHanging() && onTape().length === 0, 'something was left open');
    const again = await openTree('tape');
    await expect(again.survey(never)).resolves.toMatchObject({ files: 300 });
    await again.close();
  });

  it('that is read slowly is not taken for one that hangs', async () => {
    const tree = await openTree('disk');
    const entries = tree.entries(never);
    await entries.next();
    const big = await openTree('disk', 'big');
    const archive = big.archive('tar', never);
    const pieces = archive[Symbol.asyncIterator]();
    await pieces.next();
    await tape.hang();
    // By now neither has moved for as long as it takes to be given up.
    expect(await ended(open('tape', 'file'))).toMatch(GONE);
    let count = 1;
    for await (const entry of entries) {
      count += 1;
      if (entry.type === 'file') await entry.file.close();
    }
    expect(count).toBe(303);
    await collect({ [Symbol.asyncIterator]: () => pieces });
    expect(archive.done).toEqual({ files: 1, bytes: LARGE.length });
    await Promise.all([tree.close(), big.close()]);
  });

  it('gives many files back through one thread, so that the others stay free', async () => {
    const files = await Promise.all(Array.from({ length: 20 }, () => openFile('tape', 'file')));
    await tape.hang();
    await Promise.all(files.map((file) => file.close()));
    const states = await site.roots.inspect();
    expect(states.map((state) => [state.storage, state.available])).toEqual([
      [null, true],
      ['disk', true],
      ['tape', false],
    ]);
    // One thread closes, so a second one may still try.
    expect(await ended(open('tape', 'file'))).toBe(`${GONE} (no answer for 1 s). Try again later.`);
    tape.resume();
    await until(() => !site.isHanging() && onTape().length === 0, 'something was left open');
  });
});
