import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type AppError } from '@app/core';
import { createTestSite, type TestSite } from '@app/files/testing';
import { cleanUpAfterEach, onCleanup } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import { bytesOf, makeTree, writeFiles } from '../support/files';
import { type HungMount, hungMountMissing, mountHung } from '../support/hung-mount';
import { temporaryFolder } from '../support/temporary-folder';
import { until } from '../support/until';

/** Storages that stop answering in the middle: who is told what, who goes on, and what is left when they answer again. */

const MIB = 1024 ** 2;
const TIMEOUT_MS = 3000;

const ended = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 'staged',
    (error: AppError) => `${error.code}: ${error.message}`,
  );

describeWhere(hungMountMissing(), 'a mount that does not answer', () => {
  cleanUpAfterEach();

  let site: TestSite;
  let tape: HungMount;
  let areas: HungMount;

  /** Two storages, `disk` and `tape`, and user areas; the latter two can hang. */
  beforeEach(async () => {
    tape = await mountHung();
    areas = await mountHung();
    const disk = temporaryFolder();
    writeFiles(disk, { file: 'FILE', 'tree/a': '1' });
    writeFiles(tape.behind, { file: 'TAPE', large: bytesOf('large', 64 * MIB) });
    mkdirSync(path.join(tape.behind, 'tree'));
    makeTree(path.join(tape.behind, 'tree'), { files: 3000, sizes: [20_000] });
    site = await createTestSite({
      storages: [
        { name: 'disk', path: disk },
        { name: 'tape', path: tape.path },
      ],
      target: areas.path,
      timeoutMs: TIMEOUT_MS,
      workers: 2,
    });
    // Undone in the other order: what hangs must answer before threads can end.
    onCleanup(async () => {
      for (const mount of [tape, areas]) mount.resume();
      await until(() => !site.pool.hanging, 'the threads did not come back');
      await site.close();
    });
  });

  const area = (...names: string[]) => path.join(areas.behind, 'jane', ...names);
  const fromTape = (name: string, to: string) => {
    const request = site.request(name, to);
    return site.stager.copy({ ...request, source: { ...request.source, storage: 'tape' } }, site.hooks());
  };
  const GONE = 'storage_unavailable: The storage "tape" is not available';

  it('in the middle of a file is told of the storage that hangs; when it answers, nothing is left', async () => {
    const attempt = ended(fromTape('large', 'made/large'));
    const isCopying = () =>
      readdirSync(path.join(areas.behind, '.staging'), { recursive: true }).some((name) =>
        String(name).endsWith('/payload'),
      );
    await until(isCopying, 'nothing began');
    await tape.hang();
    expect(await attempt).toBe(`${GONE} (no answer for 3 s). Try again later.`);
    // Others go on: another thread took its place.
    await expect(site.copy('file', 'other')).resolves.toMatchObject({ outcome: 'staged' });
    expect(readFileSync(area('other'), 'utf8')).toBe('FILE');
    tape.resume();
    await until(
      () => !site.pool.hanging && readdirSync(path.join(areas.behind, '.staging')).length === 0,
      'something is left',
    );
    expect(existsSync(area('made'))).toBe(false);
    await expect(fromTape('large', 'made/large')).resolves.toMatchObject({ outcome: 'staged' });
  });

  it('in the middle of a tree as well', async () => {
    const request = site.request('tree', 'made/tree');
    let hang: Promise<void> | undefined;
    const onManifest = () => (hang ??= tape.hang());
    const source = { ...request.source, storage: 'tape' };
    expect(await ended(site.stager.copy({ ...request, source }, site.hooks({ onManifest })))).toMatch(GONE);
    await expect(site.copy('tree', 'other')).resolves.toMatchObject({ outcome: 'staged' });
    tape.resume();
    await until(
      () => !site.pool.hanging && readdirSync(path.join(areas.behind, '.staging')).length === 0,
      'something is left',
    );
    expect(existsSync(area('made'))).toBe(false);
  });

  it('from the beginning: the third request for it is refused at once, the others are served', async () => {
    await tape.hang();
    const hung = ['file', 'large'].map((name, index) => ended(fromTape(name, `hung-${index}`)));
    for (const end of await Promise.all(hung)) expect(end).toBe(`${GONE} (no answer for 3 s). Try again later.`);
    expect(await ended(fromTape('file', 'third'))).toBe(`${GONE} (it does not answer). Try again later.`);
    const list = (storage: string) =>
      site.browser.listStorage({ username: null, storage, path: '', asSent: '', after: undefined, limit: 9 });
    expect(await ended(list('tape'))).toMatch(GONE);
    expect((await list('disk')).entries.map((entry) => entry.name)).toEqual(['file', 'tree']);
    await expect(site.copy('tree', 'served')).resolves.toMatchObject({ outcome: 'staged' });
    const states = await site.roots.inspect();
    expect(states.map((state) => [state.storage, state.available])).toEqual([
      [null, true],
      ['disk', true],
      ['tape', false],
    ]);
    tape.resume();
    await until(() => !site.pool.hanging, 'the threads did not come back');
    await expect(fromTape('file', 'third')).resolves.toMatchObject({ outcome: 'staged' });
    expect(readdirSync(area()).sort()).toEqual(['served', 'third']);
  });

  it('under the user areas is told of those', async () => {
    await areas.hang();
    const attempts = ['file', 'tree'].map((name) => ended(site.copy(name, `hung-${name}`)));
    for (const end of await Promise.all(attempts)) {
      expect(end).toBe(
        'storage_unavailable: The storage of the user areas is not available (no answer for 3 s). Try again later.',
      );
    }
    areas.resume();
    await until(
      () => !site.pool.hanging && readdirSync(path.join(areas.behind, '.staging')).length === 0,
      'something is left',
    );
    await expect(site.copy('file', 'after')).resolves.toMatchObject({ outcome: 'staged' });
  });
});
