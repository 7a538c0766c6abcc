import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { type StagingContext } from '../contract/staging-method';
import { describePlans, describeReleases } from './describe-foresight';
import { type MethodHarness, MethodScene, namesBelow, OLD } from './method-scene';

/**
 * The promises of the contract, held against a real method on real files: each method's spec calls this. What is special
 * to a method stands in its own spec.
 */
export function describeStagingMethod(name: string, harness: MethodHarness): void {
  const { destination = 'user_area' } = harness;
  describe(`${name} as a staging method`, () => {
    let scene: MethodScene;
    beforeEach(async () => (scene = await MethodScene.open(harness)));
    afterEach(() => scene.site.close());

    it('has the name under which it is known, and a sentence for those who choose', () => {
      expect(scene.method.name).toBe(name);
      expect(scene.method.description).toMatch(/^[A-Z].{10,}\.$/);
      expect(scene.method.capabilities.destination).toBe(destination);
      expect(scene.method.requires).toBeUndefined();
    });

    describeSuccess(() => scene);
    describeRefusals(() => scene);
    describeCancelling(() => scene);
    if (destination === 'none') describeDelivery(() => scene);
    else {
      describeReadOnly(() => scene);
      describeRepeats(() => scene);
      describeTreeRefusals(() => scene);
      describeDestinations(() => scene);
      describePublishing(() => scene);
    }
    if (destination === 'user_area') describeLinksInTheWay(() => scene);
    if (harness.tells?.includes('plan')) describePlans(() => scene);
    if (harness.tells?.includes('release')) describeReleases(() => scene);

    it('plans and releases exactly as its spec says', () => {
      const can = (['plan', 'release'] as const).filter((what) => scene.method[what] !== undefined);
      expect(can).toEqual(harness.tells ?? []);
    });
  });
}

function describeSuccess(scene: () => MethodScene): void {
  it.each([
    ['a file', 'obs/night one.fits', Buffer.from('SIMPLE  =                    T')],
    ['an empty file', 'empty', Buffer.alloc(0)],
    ['a file of several chunks', 'large', Buffer.alloc(2_500_000, 'abc')],
    ['a name with a newline', 'two\nlines', Buffer.from('x')],
  ])('brings %s whole', async (_what, source, content) => {
    scene().source(source, content);
    const outcome = await scene().stage(source, 'in/result');
    const told = { outcome: 'staged', kind: 'file', storage: 'default', files: 1, bytes: content.length };
    expect(outcome).toMatchObject({ ...told, stagedPath: scene().stagedPath('in/result') });
    expect(readFileSync(scene().result('in/result')).equals(content)).toBe(true);
    expect(outcome.manifest).toMatchObject([{ kind: 'file', size: content.length }]);
  });

  it('brings a tree whole, and tells how many files and bytes it has', async () => {
    for (let index = 0; index < 150; index += 1) scene().source(`tree/${index % 7}/file ${index}`, `content ${index}`);
    const rows: unknown[] = [];
    const onManifest: StagingContext['onManifest'] = (part) => Promise.resolve(void rows.push(...part));
    const outcome = await scene().stage('tree', 'copy', {}, { onManifest });
    const stagedPath = scene().stagedPath('copy');
    expect(outcome).toMatchObject({ outcome: 'staged', kind: 'directory', files: 150, bytes: 1540, stagedPath });
    expect(namesBelow(scene().result('copy'))).toEqual(namesBelow(path.join(scene().site.storage, 'tree')));
    expect(readFileSync(scene().result('copy/3/file 10'), 'utf8')).toBe('content 10');
    if (stagedPath !== null) expect([...rows, ...outcome.manifest]).toHaveLength(150);
  });

  it('accepts the checksum that the caller expects', async () => {
    scene().source('file', 'hello');
    const expected = { algorithm: 'md5', value: '5D41402ABC4B2A76B9719D911017C592' } as const;
    await expect(scene().stage('file', 'out', { expected })).resolves.toMatchObject({ outcome: 'staged' });
  });
}

/** What lies where its user works is theirs to read, with its time. */
function describeReadOnly(scene: () => MethodScene): void {
  it('leaves files read-only, with the time of their source', async () => {
    scene().source('file', 'hello');
    scene().source('tree/inner/file', 'hello');
    await scene().stage('file', 'in/result');
    await scene().stage('tree', 'in/tree');
    for (const name of ['in/result', 'in/tree/inner/file']) {
      const { mode, mtimeMs } = statSync(scene().result(name));
      expect(mode & 0o022).toBe(0);
      expect(mtimeMs).toBe(OLD.getTime());
    }
  });
}

function describeRepeats(scene: () => MethodScene): void {
  it('finds what is there already and leaves it alone', async () => {
    scene().source('file', 'hello');
    await scene().stage('file', 'out');
    const before = statSync(scene().result('out'), { bigint: true });
    const again = await scene().stage('file', 'out');
    expect(again).toMatchObject({ outcome: 'already_present', matchesSource: true, stagedPath: 'out' });
    expect(statSync(scene().result('out'), { bigint: true })).toEqual({
      ...before,
      // Whoever compares may have read it.
      atime: expect.anything(),
      atimeNs: expect.anything(),
      atimeMs: expect.anything(),
    });
  });

  it('tells that what is there differs from the source', async () => {
    scene().source('file', 'hello');
    mkdirSync(scene().result(''), { recursive: true });
    writeFileSync(scene().result('out'), 'something else');
    await expect(scene().stage('file', 'out')).resolves.toMatchObject({
      outcome: 'already_present',
      matchesSource: false,
    });
    expect(readFileSync(scene().result('out'), 'utf8')).toBe('something else');
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

function describeRefusals(scene: () => MethodScene): void {
  it('refuses a source that does not exist, in the words of the contract', async () => {
    const error = await scene().refuses('source_not_found', scene().stage('no/such', 'out'), 'out');
    expect(error.message).toBe('Source path does not exist: no/such');
  });

  it.each(['../areas', '/etc/passwd', '/no/such/place', 'link'])('refuses %s outside the storage', async (source) => {
    symlinkSync('/etc', path.join(scene().site.storage, 'link'));
    await scene().refuses('path_outside_storage', scene().stage(source, 'out'), 'out');
  });

  it('refuses a FIFO without waiting for it', async () => {
    execFileSync('mkfifo', [path.join(scene().site.storage, 'pipe')]);
    await scene().refuses('source_unsupported', scene().stage('pipe', 'out'), 'out');
  });

  it('refuses content with another checksum than the caller expects', async () => {
    scene().source('file', 'hello');
    const expected = { algorithm: 'sha256', value: '0'.repeat(64) } as const;
    await scene().refuses('checksum_mismatch', scene().stage('file', 'out', { expected }), 'out');
  });

  it('refuses a checksum for a directory', async () => {
    scene().source('tree/file', 'x');
    const expected = { algorithm: 'md5', value: '0'.repeat(32) } as const;
    await scene().refuses('validation_failed', scene().stage('tree', 'out', { expected }), 'out');
  });
}

/** A tree that is placed is all or nothing. */
function describeTreeRefusals(scene: () => MethodScene): void {
  it('refuses a tree with a link that leaves, and names the link', async () => {
    scene().source('tree/file', 'x');
    symlinkSync('/etc/passwd', path.join(scene().site.storage, 'tree/way out'));
    const error = await scene().refuses('path_outside_storage', scene().stage('tree', 'out'), 'out');
    expect(error.message).toContain('way out');
  });

  it('refuses a tree with a FIFO in it', async () => {
    mkdirSync(path.join(scene().site.storage, 'tree'));
    execFileSync('mkfifo', [path.join(scene().site.storage, 'tree/pipe')]);
    await scene().refuses('source_unsupported', scene().stage('tree', 'out'), 'out');
  });
}

function describeDestinations(scene: () => MethodScene): void {
  it.each(['../escape', 'a/../../escape', '/escape'])('refuses the destination %s', async (destination) => {
    scene().source('file', 'x');
    await scene().refuses('path_outside_user_area', scene().stage('file', destination), 'escape');
    expect(existsSync(path.join(scene().site.areas, 'escape'))).toBe(false);
  });

  it('refuses a destination of another kind', async () => {
    scene().source('tree/file', 'x');
    mkdirSync(scene().result('directory/full'), { recursive: true });
    writeFileSync(scene().result('taken'), '');
    await scene().refuses('destination_conflict', scene().stage('tree/file', 'directory'), 'directory');
    await scene().refuses('destination_conflict', scene().stage('tree', 'taken'), 'taken');
  });
}

/** Elsewhere the user's own server decides what a name means. */
function describeLinksInTheWay(scene: () => MethodScene): void {
  it('never follows a link in the user area', async () => {
    scene().source('file', 'x');
    mkdirSync(scene().result(''), { recursive: true });
    symlinkSync(scene().site.directory, scene().result('link'));
    await scene().refuses('path_outside_user_area', scene().stage('file', 'link/out'), 'link/out');
    await scene().refuses('destination_conflict', scene().stage('file', 'link'), 'link');
  });
}

const REASON = Object.assign(new Error('cancelled by the test'), { code: 'cancelled by the test' });

function describeCancelling(scene: () => MethodScene): void {
  it('does nothing when it is cancelled before it begins', async () => {
    scene().source('file', 'x');
    const attempt = scene().stage('file', 'out', {}, { signal: AbortSignal.abort(REASON) });
    await scene().refuses(REASON.code, attempt, 'out');
  });
}

/** What becomes visible does so at once, and only if it may. */
function describePublishing(scene: () => MethodScene): void {
  it('leaves nothing when it is cancelled in the middle', async () => {
    for (let index = 0; index < 2000; index += 1) scene().source(`tree/${index}`, 'x');
    const controller = new AbortController();
    const onManifest: StagingContext['onManifest'] = () => Promise.resolve(controller.abort(REASON));
    const attempt = scene().stage('tree', 'out', {}, { signal: controller.signal, onManifest });
    await scene().refuses(REASON.code, attempt, 'out');
  });

  it.each(['file', 'tree'])('shows nothing of a %s when it may not publish', async (source) => {
    scene().source('file', 'x');
    scene().source('tree/file', 'x');
    const beforePublish = () => Promise.reject(REASON);
    const attempt = scene().stage(source, 'out', {}, { beforePublish });
    // What is small may be there before the question is asked.
    if (source === 'file' && scene().method.capabilities.destination === 'user_area') await attempt;
    else await scene().refuses(REASON.code, attempt, 'out');
  });
}

/** What is handed to whoever waits for it. */
function describeDelivery(scene: () => MethodScene): void {
  it.each(['file', 'tree'])('hands a %s over once, and tells what was taken', async (source) => {
    scene().source('file', 'hello');
    scene().source('tree/file', 'hello');
    const kinds: string[] = [];
    const deliver: StagingContext['deliver'] = (delivery) => {
      kinds.push(delivery.source.kind);
      return Promise.resolve(3);
    };
    const outcome = await scene().stage(source, 'out', {}, { deliver });
    expect(kinds).toEqual([source === 'file' ? 'file' : 'directory']);
    expect(outcome).toMatchObject({ outcome: 'staged', done: { bytes: 3 } });
  });

  it('keeps a source for later when nobody waits, and says until when', async () => {
    scene().source('file', 'hello');
    const outcome = await scene().stage('file', 'out', {}, { deliver: null });
    expect(outcome).toMatchObject({ outcome: 'staged', files: 1, bytes: 5, done: { files: 0, bytes: 0 } });
    expect(outcome.expiresAt!.getTime()).toBeGreaterThan(Date.now());
    expect(existsSync(scene().result('out'))).toBe(false);
  });

  it('ends with what the receiver throws, and gives the source back', async () => {
    scene().source('file', 'hello');
    const before = openHandles();
    const attempt = scene().stage('file', 'out', {}, { deliver: () => Promise.reject(REASON) });
    await scene().refuses(REASON.code, attempt, 'out');
    expect(openHandles()).toEqual(before);
  });
}

/** What this process holds open below a storage of a test. */
function openHandles(): string[] {
  const targets = readdirSync('/proc/self/fd').map((handle) => {
    try {
      return readlinkSync(`/proc/self/fd/${handle}`);
    } catch {
      return ''; // the handle of this very listing
    }
  });
  return targets.filter((target) => target.includes('/storage/')).sort();
}
