import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createFiles, type Files } from '../create-files';
import { readDestination, readPath } from '../names/path-text';
import { type FilesOptions } from '../stager/files-options';
import { type PlaceHooks, type Placement, type PlaceRequest } from '../stager/placement';

/** A site in a temporary folder: real files, real workers, one storage and one root of user areas. */
export interface TestSite extends Omit<Files, 'leftOvers'> {
  directory: string;
  storage: string;
  areas: string;
  /** A request for a plain path; details may be overridden. */
  request(source: string, destination: string, overrides?: Partial<PlaceRequest>): PlaceRequest;
  /** Hooks that agree to everything and keep nothing; details may be overridden. */
  hooks(overrides?: Partial<PlaceHooks>): PlaceHooks;
  copy(source: string, destination: string, overrides?: Partial<PlaceRequest>): Promise<Placement>;
  link(source: string, destination: string, overrides?: Partial<PlaceRequest>): Promise<Placement>;
  /** Names in the service's private directory: empty when nothing was left behind. */
  leftOvers(): string[];
  close(): Promise<void>;
}

let counter = 0;

/** An operation id of the right form that no other request of this process has. */
function nextId(): string {
  counter += 1;
  return `01900000-0000-7000-8000-${counter.toString(16).padStart(12, '0')}`;
}

const MEMORY_FOLDER = '/dev/shm';
/** Containers often have very little. */
const ENOUGH_BYTES = 512 * 1024 ** 2;

/** A folder in memory where the host has a large one: for thousands of small runs in which no disk matters. */
export function memoryFolder(): string {
  try {
    accessSync(MEMORY_FOLDER, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = statfsSync(MEMORY_FOLDER);
    return bavail * bsize >= ENOUGH_BYTES ? MEMORY_FOLDER : tmpdir();
  } catch {
    return tmpdir();
  }
}

/** Makes a site, in a folder of its own below `where`; `options` overrides what the defaults say. The caller closes it. */
export async function createTestSite(options: Partial<FilesOptions> = {}, where = tmpdir()): Promise<TestSite> {
  const directory = realpathSync(mkdtempSync(path.join(where, 'site-')));
  const storage = options.storages?.[0]?.path ?? path.join(directory, 'storage');
  const areas = options.target ?? path.join(directory, 'areas');
  mkdirSync(storage, { recursive: true });
  mkdirSync(areas, { recursive: true });
  const remove = () => {
    // What was staged is read-only, also for the owner who removes it; links are not followed.
    spawnSync('chmod', ['-R', 'u+rwX', directory]);
    rmSync(directory, { recursive: true, force: true });
  };
  const files = await createFiles({ ...testOptions(storage, areas), ...options }).catch((error: unknown) => {
    remove();
    throw error;
  });
  const request: TestSite['request'] = (source, destination, overrides = {}) => ({
    operationId: nextId(),
    username: 'jane',
    source: { path: readPath('local_path_on_storage', source, null), storage: undefined, asSent: source },
    destination: readDestination(destination),
    expected: null,
    ifExists: 'skip',
    ...overrides,
  });
  const hooks: TestSite['hooks'] = (overrides = {}) => ({
    signal: new AbortController().signal,
    onManifest: () => Promise.resolve(),
    onRestart: () => Promise.resolve(),
    note: () => undefined,
    beforePublish: () => Promise.resolve(),
    onProgress: () => undefined,
    earlier: null,
    keeps: () => false,
    receipt: false,
    ...overrides,
  });
  return {
    ...files,
    directory,
    storage,
    areas,
    request,
    hooks,
    copy: (...args) => files.stager.copy(request(...args), hooks()),
    link: (...args) => files.stager.link(request(...args), hooks()),
    leftOvers: () => readdirSync(path.join(areas, '.staging')),
    async close() {
      await files.close();
      remove();
    },
  };
}

/** What a site is like unless a test wants it otherwise. */
export function testOptions(storage: string, areas: string): FilesOptions {
  return {
    storages: [{ name: 'default', path: storage }],
    target: areas,
    createWhenMissing: [],
    marker: undefined,
    timeoutMs: 30_000,
    workers: 2,
    streams: 4,
    createAreas: true,
    algorithm: 'xxh3',
    linkFallback: 'error',
    linkPrefixes: {},
    sourceAccess: 'service',
    limits: { maxFiles: 0, maxBytes: 0 },
    ownership: { minUid: 1000, unmapped: { kind: 'service' }, fileMode: 0o400, dirMode: 0o500 },
    userMapFile: undefined,
  };
}
