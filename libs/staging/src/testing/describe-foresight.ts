import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type ManifestRow, type Release } from '@app/files';
import { type StagedOperation, type StagingOperation, type StagingOutcome } from '../contract/staging-method';
import { type MethodScene, namesBelow } from './method-scene';

const never = new AbortController().signal;

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'none',
    (error: unknown) => (error as { code: string }).code,
  );
}

/** What a method that tells beforehand what it would do promises. */
export function describePlans(scene: () => MethodScene): void {
  const plan = (operation: StagingOperation) => scene().method.plan!(operation, never);

  it.each([
    ['a file', 'file', 1, 5],
    ['a tree', 'tree', 2, 3],
  ])('plans what it then does with %s, without a trace', async (_what, source, files, bytes) => {
    scene().source('file', 'hello');
    scene().source('tree/a', 'A');
    scene().source('tree/dir/b', 'BB');
    const before = [namesBelow(scene().site.areas), namesBelow(scene().result(''))];
    const planned = await plan(scene().operation(source, 'in/out'));
    expect([namesBelow(scene().site.areas), namesBelow(scene().result(''))]).toEqual(before);
    expect(planned.kind).toBe(source === 'tree' ? 'directory' : 'file');
    expect(planned.action).not.toBe('none');
    if (scene().method.capabilities.destination === 'user_area') expect(planned).toMatchObject({ files, bytes });
    const outcome = await scene().stage(source, 'in/out');
    expect([outcome.kind, outcome.stagedPath]).toEqual([planned.kind, planned.stagedPath]);
  });

  it.each([
    ['no/such', 'out', 'source_not_found'],
    ['../areas', 'out', 'path_outside_storage'],
    ['pipe', 'out', 'source_unsupported'],
  ])('refuses %s beforehand as it would later', async (source, destination, code) => {
    scene().pipe('pipe');
    const planned = await codeOf(plan(scene().operation(source, destination)));
    expect([planned, await codeOf(scene().stage(source, destination))]).toEqual([code, code]);
  });

  it('tells that it is there already', async () => {
    if (scene().method.capabilities.destination === 'none') return;
    scene().source('file', 'hello');
    await scene().stage('file', 'out');
    expect(await plan(scene().operation('file', 'out'))).toMatchObject({ action: 'none', matchesSource: true });
    const refused = await codeOf(plan(scene().operation('file', 'out', { ifExists: 'fail' })));
    expect(refused).toBe('already_exists');
  });
}

/** What a method that can take back what it brought promises. */
export function describeReleases(scene: () => MethodScene): void {
  interface Brought {
    staged: StagedOperation;
    rows: ManifestRow[];
  }

  async function bring(source: string, destination: string): Promise<Brought> {
    const operation = scene().operation(source, destination);
    const rows: ManifestRow[] = [];
    const onManifest = (more: ManifestRow[]) => Promise.resolve(void rows.push(...more));
    const outcome: StagingOutcome = await scene().method.stage(operation, scene().context(destination, { onManifest }));
    const name = outcome.stagedPath!.split('/').at(-1)!;
    rows.push(...outcome.manifest.map((row) => ({ ...row, path: row.path === '' ? name : row.path })));
    return { staged: { operation, kind: outcome.kind, link: outcome.link, name }, rows };
  }

  function release({ staged, rows }: Brought): Promise<Release> {
    async function* all() {
      await Promise.resolve();
      if (rows.length > 0) yield rows;
    }
    return scene().method.release!(staged, { signal: never, note: () => undefined, rows: all, traceParent: null });
  }

  it.each(['file', 'tree'])('takes a %s back, and leaves its source alone', async (source) => {
    scene().source('file', 'hello');
    scene().source('tree/a', 'A');
    scene().source('tree/dir/b', 'BB');
    const brought = await bring(source, 'in/out');
    expect(await release(brought)).toMatchObject({ released: true });
    expect(existsSync(scene().result('in/out'))).toBe(false);
    expect(await release(brought)).toMatchObject({ released: true });
    expect(scene().site.leftOvers()).toEqual([]);
    await expect(scene().stage(source, 'in/out')).resolves.toMatchObject({ outcome: 'staged' });
  });

  it('leaves a tree to which something was added, all of it', async () => {
    scene().source('tree/a', 'A');
    scene().source('tree/dir/b', 'BB');
    const brought = await bring('tree', 'out');
    scene().unseal('out');
    writeFileSync(scene().result('out/mine'), 'mine');
    const before = namesBelow(scene().result('out'));
    expect(await release(brought)).toMatchObject({ released: false, reason: expect.stringMatching(/\.$/) });
    expect(namesBelow(scene().result('out'))).toEqual(before);
    expect(readFileSync(scene().result('out/mine'), 'utf8')).toBe('mine');
    expect(scene().site.leftOvers()).toEqual([]);
  });
}
