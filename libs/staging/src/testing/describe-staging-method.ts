import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { type AppError } from '@app/core';
import { createTestSite, type TestSite } from '@app/files/testing';
import {
  type StagingContext,
  type StagingMethod,
  type StagingOperation,
  type StagingOutcome,
} from '../contract/staging-method';

/** What the suite needs to know of a method. */
export interface MethodHarness {
  /** Makes the method on a fresh site with real files. */
  create(site: TestSite): StagingMethod;
}

/** Older than any test, so that times tell a kept one from a new one. */
const OLD = new Date('2001-02-03T04:05:06Z');

/** One site with one method, and short words for what the cases do with them. */
class Scene {
  private constructor(
    readonly site: TestSite,
    readonly method: StagingMethod,
  ) {}

  static async open(harness: MethodHarness): Promise<Scene> {
    const site = await createTestSite();
    return new Scene(site, harness.create(site));
  }

  /** Writes a file of the storage, with the directories that it needs. */
  source(name: string, content: string | Buffer): void {
    const file = path.join(this.site.storage, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content, { mode: 0o644 });
    utimesSync(file, OLD, OLD);
  }

  area(name: string): string {
    return path.join(this.site.areas, 'jane', name);
  }

  operation(source: string, destination: string, details: Partial<StagingOperation> = {}): StagingOperation {
    const { operationId: id, ...rest } = this.site.request(source, destination);
    return { id, ...rest, ...details };
  }

  stage(
    source: string,
    destination: string,
    details: Partial<StagingOperation> = {},
    context: Partial<StagingContext> = {},
  ): Promise<StagingOutcome> {
    return this.method.stage(this.operation(source, destination, details), this.site.hooks(context));
  }

  /** Expects a failure with this code, and that nothing of it is left anywhere. */
  async refuses(code: string, attempt: Promise<StagingOutcome>, destination: string): Promise<AppError> {
    const before = existsSync(this.area(destination));
    const error = await attempt.then(
      () => undefined,
      (reason: unknown) => reason as AppError,
    );
    expect(error?.code).toBe(code);
    expect(this.site.leftOvers()).toEqual([]);
    expect(existsSync(this.area(destination))).toBe(before);
    return error!;
  }
}

/**
 * The promises of the contract, held against a real method on real files: each method's spec calls this. What is special
 * to a method stands in its own spec.
 */
export function describeStagingMethod(name: string, harness: MethodHarness): void {
  describe(`${name} as a staging method`, () => {
    let scene: Scene;
    beforeEach(async () => (scene = await Scene.open(harness)));
    afterEach(() => scene.site.close());

    it('has the name under which it is known, and a sentence for those who choose', () => {
      expect(scene.method.name).toBe(name);
      expect(scene.method.description).toMatch(/^[A-Z].{10,}\.$/);
    });

    describeSuccess(() => scene);
    describeRepeats(() => scene);
    describeRefusals(() => scene);
    describeDestinations(() => scene);
    describeCancelling(() => scene);
  });
}

function describeSuccess(scene: () => Scene): void {
  it.each([
    ['a file', 'obs/night one.fits', Buffer.from('SIMPLE  =                    T')],
    ['an empty file', 'empty', Buffer.alloc(0)],
    ['a file of several chunks', 'large', Buffer.alloc(2_500_000, 'abc')],
    ['a name with a newline', 'two\nlines', Buffer.from('x')],
  ])('brings %s whole and read-only', async (_what, source, content) => {
    scene().source(source, content);
    const outcome = await scene().stage(source, 'in/result');
    expect(outcome).toMatchObject({
      outcome: 'staged',
      kind: 'file',
      storage: 'default',
      stagedPath: 'in/result',
      files: 1,
    });
    expect(outcome.bytes).toBe(content.length);
    expect(readFileSync(scene().area('in/result')).equals(content)).toBe(true);
    expect(statSync(scene().area('in/result')).mode & 0o022).toBe(0);
    expect(statSync(scene().area('in/result')).mtimeMs).toBe(OLD.getTime());
  });

  it('brings a tree whole, and tells how many files and bytes it has', async () => {
    for (let index = 0; index < 150; index += 1) scene().source(`tree/${index % 7}/file ${index}`, `content ${index}`);
    const rows: unknown[] = [];
    const onManifest: StagingContext['onManifest'] = (part) => Promise.resolve(void rows.push(...part));
    const outcome = await scene().stage('tree', 'copy', {}, { onManifest });
    expect(outcome).toMatchObject({ outcome: 'staged', kind: 'directory', files: 150, stagedPath: 'copy' });
    expect(namesBelow(scene().area('copy'))).toEqual(namesBelow(path.join(scene().site.storage, 'tree')));
    expect(readFileSync(scene().area('copy/3/file 10'), 'utf8')).toBe('content 10');
    expect([...rows, ...outcome.manifest]).toHaveLength(150);
  });

  it('accepts the checksum that the caller expects', async () => {
    scene().source('file', 'hello');
    const expected = { algorithm: 'md5', value: '5D41402ABC4B2A76B9719D911017C592' } as const;
    await expect(scene().stage('file', 'out', { expected })).resolves.toMatchObject({ outcome: 'staged' });
  });
}

function describeRepeats(scene: () => Scene): void {
  it('finds what is there already and leaves it alone', async () => {
    scene().source('file', 'hello');
    await scene().stage('file', 'out');
    const before = statSync(scene().area('out'), { bigint: true });
    const again = await scene().stage('file', 'out');
    expect(again).toMatchObject({ outcome: 'already_present', matchesSource: true, stagedPath: 'out' });
    expect(statSync(scene().area('out'), { bigint: true })).toEqual({
      ...before,
      atimeNs: expect.anything(),
      atimeMs: expect.anything(),
    });
  });

  it('tells that what is there differs from the source', async () => {
    scene().source('file', 'hello');
    mkdirSync(scene().area(''), { recursive: true });
    writeFileSync(scene().area('out'), 'something else');
    await expect(scene().stage('file', 'out')).resolves.toMatchObject({
      outcome: 'already_present',
      matchesSource: false,
    });
    expect(readFileSync(scene().area('out'), 'utf8')).toBe('something else');
  });

  it('refuses what is there already when the caller asks for that', async () => {
    scene().source('file', 'hello');
    await scene().stage('file', 'out');
    await scene().refuses('already_exists', scene().stage('file', 'out', { ifExists: 'fail' }), 'out');
  });

  it('stages once when two ask for one destination at once', async () => {
    scene().source('file', Buffer.alloc(3_000_000, 'x'));
    const both = await Promise.all([scene().stage('file', 'out'), scene().stage('file', 'out')]);
    expect(both.map((one) => one.outcome).sort()).toEqual(['already_present', 'staged']);
  });
}

function describeRefusals(scene: () => Scene): void {
  it('refuses a source that does not exist, in the words of the contract', async () => {
    const error = await scene().refuses('source_not_found', scene().stage('no/such', 'out'), 'out');
    expect(error.message).toBe('Source path does not exist: no/such');
  });

  it.each(['../areas', '/etc/passwd', '/no/such/place', 'link'])('refuses %s outside the storage', async (source) => {
    symlinkSync('/etc', path.join(scene().site.storage, 'link'));
    await scene().refuses('path_outside_storage', scene().stage(source, 'out'), 'out');
  });

  it('refuses a tree with a link that leaves, and names the link', async () => {
    scene().source('tree/file', 'x');
    symlinkSync('/etc/passwd', path.join(scene().site.storage, 'tree/way out'));
    const error = await scene().refuses('path_outside_storage', scene().stage('tree', 'out'), 'out');
    expect(error.message).toContain('way out');
  });

  it('refuses a FIFO without waiting for it, also inside a tree', async () => {
    mkdirSync(path.join(scene().site.storage, 'tree'));
    execFileSync('mkfifo', [path.join(scene().site.storage, 'tree/pipe')]);
    await scene().refuses('source_unsupported', scene().stage('tree/pipe', 'out'), 'out');
    await scene().refuses('source_unsupported', scene().stage('tree', 'out'), 'out');
  });

  it('refuses content with another checksum than the caller expects', async () => {
    scene().source('file', 'hello');
    const expected = { algorithm: 'sha256', value: '0'.repeat(64) } as const;
    await scene().refuses('checksum_mismatch', scene().stage('file', 'out', { expected }), 'out');
  });
}

function describeDestinations(scene: () => Scene): void {
  it.each(['../escape', 'a/../../escape', '/escape'])('refuses the destination %s', async (destination) => {
    scene().source('file', 'x');
    await scene().refuses('path_outside_user_area', scene().stage('file', destination), 'escape');
    expect(existsSync(path.join(scene().site.areas, 'escape'))).toBe(false);
  });

  it('never follows a link in the user area', async () => {
    scene().source('file', 'x');
    mkdirSync(scene().area(''), { recursive: true });
    symlinkSync(scene().site.directory, scene().area('link'));
    await scene().refuses('path_outside_user_area', scene().stage('file', 'link/out'), 'link/out');
    await scene().refuses('destination_conflict', scene().stage('file', 'link'), 'link');
  });

  it('refuses a destination of another kind', async () => {
    scene().source('tree/file', 'x');
    mkdirSync(scene().area('directory/full'), { recursive: true });
    writeFileSync(scene().area('taken'), '');
    await scene().refuses('destination_conflict', scene().stage('tree/file', 'directory'), 'directory');
    await scene().refuses('destination_conflict', scene().stage('tree', 'taken'), 'taken');
  });
}

function describeCancelling(scene: () => Scene): void {
  const reason = Object.assign(new Error('cancelled by the test'), { code: 'cancelled by the test' });

  it('does nothing when it is cancelled before it begins', async () => {
    scene().source('file', 'x');
    const attempt = scene().stage('file', 'out', {}, { signal: AbortSignal.abort(reason) });
    await scene().refuses(reason.code, attempt, 'out');
  });

  it('leaves nothing when it is cancelled in the middle', async () => {
    for (let index = 0; index < 2000; index += 1) scene().source(`tree/${index}`, 'x');
    const controller = new AbortController();
    const onManifest: StagingContext['onManifest'] = () => Promise.resolve(controller.abort(reason));
    const attempt = scene().stage('tree', 'out', {}, { signal: controller.signal, onManifest });
    await scene().refuses(reason.code, attempt, 'out');
  });

  it('shows nothing when it may not publish', async () => {
    scene().source('tree/file', 'x');
    const beforePublish = () => Promise.reject(reason);
    await scene().refuses(reason.code, scene().stage('tree', 'out', {}, { beforePublish }), 'out');
  });
}

function namesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true }).map(String).sort();
}
