import {
  appendFileSync,
  chmodSync,
  lstatSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { AppError } from '@app/core';
import { contentOf, makeTree, snapshot, writeFiles } from '../../../../test/support/files';
import { until } from '../../../../test/support/until';
import { type ManifestRow } from '../engine/task-types';
import { createTestSite, memoryFolder, type TestSite } from '../testing/test-site';
import { type PlaceHooks, type PlaceRequest } from './placement';

const FILES = 4000;
let site: TestSite;
let counter = 0;

beforeAll(async () => {
  site = await createTestSite({}, memoryFolder());
});
afterAll(() => site.close());

/** One operation over several attempts, with the manifest that its record would have. */
class Attempts {
  readonly source = `tree-${(counter += 1)}`;
  readonly request: PlaceRequest;
  manifest: ManifestRow[] = [];
  restarts = 0;

  constructor() {
    const destination = `${this.source}/in/result`;
    makeTree(this.path(), { files: FILES, sizes: [3, 2000], perDirectory: 200 });
    symlinkSync('d000/f000000', this.path('link'));
    this.request = site.request(this.source, destination);
  }

  path(...names: string[]): string {
    return path.join(site.storage, this.source, ...names);
  }

  get place(): string {
    return path.join(site.areas, 'jane', ...this.request.destination.segments);
  }

  get kept(): string {
    return path.join(site.areas, '.staging', this.request.operationId);
  }

  /** What is built, wherever the directories on the way to it are. */
  payload(...names: string[]): string {
    const depth = this.request.destination.segments.length - 1;
    // The area may be among the directories that are made.
    const top = ['payload', ...this.request.destination.segments].slice(0, depth + 2);
    const below = readdirSync(path.join(this.kept, 'payload')).includes('d000') ? ['payload'] : this.nested(top);
    return path.join(this.kept, ...below, ...names);
  }

  private nested(top: string[]): string[] {
    for (let from = 1; from < top.length; from += 1) {
      const names = ['payload', ...top.slice(from)];
      try {
        if (readdirSync(path.join(this.kept, ...names)).includes('d000')) return names;
      } catch {
        // Not this deep.
      }
    }
    throw new Error('The payload was not found');
  }

  hooks(overrides: Partial<PlaceHooks> = {}): PlaceHooks {
    return site.hooks({
      onManifest: (rows) => Promise.resolve(void this.manifest.push(...rows)),
      onRestart: () => {
        this.restarts += 1;
        this.manifest = [];
        return Promise.resolve();
      },
      keeps: () => true,
      ...overrides,
    });
  }

  /** An attempt that is ended in the middle, once some files are recorded. */
  async cutOff(rows = 500): Promise<void> {
    const controller = new AbortController();
    const reason = new AppError('shutting_down', 'The service stops.');
    const onManifest = (more: ManifestRow[]) => {
      this.manifest.push(...more);
      if (this.manifest.length >= rows) controller.abort(reason);
      return Promise.resolve();
    };
    const attempt = site.stager.copy(this.request, this.hooks({ signal: controller.signal, onManifest }));
    await expect(attempt).rejects.toBe(reason);
    expect(this.manifest.length).toBeGreaterThanOrEqual(rows);
    expect(this.manifest.length).toBeLessThan(FILES);
  }

  /** A further attempt, to the end; what it staged is compared with the source. */
  async goOn(): Promise<void> {
    const { manifest } = this;
    async function* earlier() {
      await Promise.resolve();
      yield [...manifest];
    }
    await expect(site.stager.copy(this.request, this.hooks({ earlier }))).resolves.toMatchObject({ outcome: 'staged' });
    expect(contentOf(snapshot(this.place))).toEqual(contentOf(snapshot(this.path())));
    const paths = this.manifest.map((row) => row.path);
    const names = Object.entries(snapshot(this.path())).flatMap(([name, { kind }]) =>
      kind === 'directory' ? [] : [name],
    );
    expect([...paths].sort()).toEqual(names.sort());
    for (const { path: name, inode } of this.manifest) {
      expect(String(lstatSync(path.join(this.place, name), { bigint: true }).ino)).toBe(inode);
    }
    expect(site.leftOvers()).toEqual([]);
  }
}

describe('a tree whose attempt was cut off', () => {
  it('goes on from what was verified, which is not copied again', async () => {
    const attempts = new Attempts();
    await attempts.cutOff(1000);
    const before = new Map(attempts.manifest.map((row) => [row.path, row.inode]));
    await attempts.goOn();
    expect(attempts.restarts).toBe(0);
    const same = attempts.manifest.filter((row) => before.get(row.path) === row.inode);
    expect(same).toHaveLength(before.size);
    expect(statSync(attempts.place).mode & 0o777).toBe(0o550);
  });

  it('goes on more than once, and after it was sealed', async () => {
    const attempts = new Attempts();
    await attempts.cutOff(500);
    const { manifest } = attempts;
    async function* earlier() {
      await Promise.resolve();
      yield [...manifest];
    }
    const reason = new AppError('database_unavailable', 'Away.');
    const hooks = attempts.hooks({ earlier, beforePublish: () => Promise.reject(reason) });
    await expect(site.stager.copy(attempts.request, hooks)).rejects.toBe(reason);
    expect(attempts.manifest).toHaveLength(FILES + 1);
    await attempts.goOn();
    expect(attempts.restarts).toBe(0);
  });

  it('begins anew without a manifest, or when nothing was kept', async () => {
    const attempts = new Attempts();
    await attempts.cutOff();
    attempts.manifest = [];
    await attempts.goOn();
    const other = new Attempts();
    await other.cutOff();
    rmSync(other.kept, { recursive: true });
    await other.goOn();
    expect(other.restarts).toBe(1);
  });

  it('leaves nothing where it is not to be kept', async () => {
    const attempts = new Attempts();
    const controller = new AbortController();
    const onManifest = () => Promise.resolve(controller.abort(new Error('cancelled')));
    const hooks = attempts.hooks({ signal: controller.signal, onManifest, keeps: () => false });
    await expect(site.stager.copy(attempts.request, hooks)).rejects.toThrow('cancelled');
    await until(() => site.leftOvers().length === 0, 'something is left');
  });
});

describe('what is not what was verified is not gone on from', () => {
  const cases: [string, (attempts: Attempts) => void, number][] = [
    ['a kept file that was changed', (all) => rewrite(all.payload(all.manifest[0]!.path)), 1],
    ['a kept file that is gone', (all) => unlinkSync(all.payload(all.manifest[0]!.path)), 1],
    ['a kept file that became a link to outside', relink, 1],
    ['a file that was not recorded', (all) => writeFiles(all.payload(), { 'd000/stranger': 'x' }), 0],
    ['a directory that the source does not have', (all) => writeFiles(all.payload(), { 'own/stranger': 'x' }), 1],
    ['rows of files that were never there', phantom, 1],
    ['a source file that changed', (all) => appendFileSync(all.path(all.manifest[0]!.path), 'more'), 1],
    ['a source file that is gone', (all) => unlinkSync(all.path(all.manifest[0]!.path)), 1],
    ['a source file that is new', (all) => writeFiles(all.path(), { 'd000/new': 'new' }), 0],
  ];

  function rewrite(file: string): void {
    chmodSync(file, 0o600);
    writeFileSync(file, 'something else');
  }
  function relink(all: Attempts): void {
    const file = all.payload(all.manifest[0]!.path);
    unlinkSync(file);
    symlinkSync('/etc/passwd', file);
  }
  function phantom(all: Attempts): void {
    all.manifest.push({ ...all.manifest[0]!, path: 'd000/phantom' });
  }

  it.each(cases)('%s', async (_what, change, restarts) => {
    const attempts = new Attempts();
    await attempts.cutOff();
    change(attempts);
    await attempts.goOn();
    expect(attempts.restarts).toBe(restarts);
  });
});
