import { mkdirSync } from 'node:fs';
import { AppError } from '@app/core';
import { type PairProbe, type RootInspection, type TargetProbe } from '../browse/inspect-roots';
import { aliasesOf, storageNamed } from '../confined/resolve-source';
import { hostSegments, nameOfRoot, type RootSpec } from '../confined/root';
import { STORAGE_RETRY_SECONDS, storageUnavailable } from '../confined/system-errors';
import { segmentsOf } from '../names/path-text';
import { type RawName } from '../names/raw-name';
import { type WorkerPool } from '../pool/worker-pool';
import { type FilesOptions } from './files-options';

/** The state of one root for operators and readiness checks. */
export interface RootState {
  /** The storage's name; null for the root of the user areas. */
  storage: string | null;
  path: string;
  available: boolean;
  /** Why it is not available. */
  problem: string | null;
  freeBytes: number | null;
  totalBytes: number | null;
  readOnly: boolean | null;
  /** What can be linked and cloned from it to the user areas; null for the target, or when not known yet. */
  pair: PairProbe | null;
}

/**
 * The roots of the site. What is learned of each when it answers first (its device, its real path, what can be linked
 * and cloned) is kept: a device that changes later means that something else is mounted there.
 */
export class RootRegistry {
  readonly target: RootSpec;
  readonly storages: RootSpec[];
  private probe: TargetProbe | undefined;
  /** Why the last try to find that out failed. */
  private failure: AppError | undefined;
  private readonly pairs = new Map<string, PairProbe>();

  constructor(
    private readonly pool: WorkerPool,
    private readonly options: FilesOptions,
  ) {
    const spec = (name: string, path: string, ordinal: number): RootSpec => {
      return { name, path, ordinal, marker: options.marker, aliases: [hostSegments(path)] };
    };
    this.target = spec('user areas', options.target, 0);
    this.storages = options.storages.map(({ name, path }, index) => spec(name, path, index + 1));
  }

  /** How messages call the roots, by their numbers. */
  static names(options: FilesOptions): string[] {
    return [null, ...options.storages.map(({ name }) => name)].map(nameOfRoot);
  }

  /**
   * What the target's file system and the service's rights allow. Where the target was away so far, it is looked at
   * now, and `storage_unavailable` is thrown when it still is.
   */
  async targetProbe(): Promise<TargetProbe> {
    const problem = this.probe ? null : (await this.inspect())[0]!.problem;
    if (this.probe) return this.probe;
    if (problem === null) throw this.failure ?? storageUnavailable('The storage of the user areas', 'it was lost');
    throw new AppError('storage_unavailable', problem, { retryAfterSeconds: STORAGE_RETRY_SECONDS });
  }

  /** Makes the roots that may be made. Throws what mkdir(2) does. */
  create(): void {
    for (const path of this.options.createWhenMissing) mkdirSync(path, { recursive: true });
  }

  /** The storages whose files can be cloned into user areas. */
  get cloneFrom(): string[] {
    return [...this.pairs.values()].filter((pair) => pair.clone).map((pair) => pair.storage);
  }

  /** The storages whose files can be linked into user areas. */
  get linkFrom(): string[] {
    return [...this.pairs.values()].filter((pair) => pair.hardLink).map((pair) => pair.storage);
  }

  /** Throws `validation_failed` for the name of a storage that the site does not have; undefined is its first. */
  checkName(storage: string | undefined): void {
    storageNamed(this.storages, storage);
  }

  /** Numbers of the roots that a request for a source touches, as far as its names tell. */
  touchedBy(raw: RawName, storage: string | undefined): number[] {
    const segments = segmentsOf(raw);
    const isIn = (root: RootSpec) =>
      root.aliases.some((alias) => alias.every((segment, index) => segments[index] === segment));
    const root = raw.startsWith('/') ? this.storages.find(isIn) : storageNamed(this.storages, storage);
    return root ? [root.ordinal] : [];
  }

  /**
   * Looks at each root now. Never throws for one that is away, but throws an Error when user areas and a storage lie
   * inside one another: users would be served each other's areas as the storage.
   */
  async inspect(): Promise<RootState[]> {
    const target = await this.look(this.target);
    const storages = await Promise.all(this.storages.map((root) => this.look(root)));
    if (target.available) await this.probeAll(storages);
    return [target, ...storages.map((state) => ({ ...state, pair: this.pairs.get(state.storage!) ?? null }))];
  }

  private async look(root: RootSpec): Promise<RootState> {
    const state = { storage: root.ordinal === 0 ? null : root.name, path: root.path, pair: null };
    try {
      const found = await this.pool.run('inspectRoot', root, { roots: [root.ordinal] });
      this.learn(root, found);
      const { freeBytes, totalBytes, readOnly } = found;
      return { ...state, available: true, problem: null, freeBytes, totalBytes, readOnly };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const unknown = { freeBytes: null, totalBytes: null, readOnly: null };
      return { ...state, available: false, problem: error.message, ...unknown };
    }
  }

  private learn(root: RootSpec, found: RootInspection): void {
    if (root.device !== undefined) return;
    root.aliases = aliasesOf(root.path, found.realPath);
    this.refuseNesting();
    // Last: what is refused now is refused at each further look.
    root.device = found.device;
  }

  private refuseNesting(): void {
    const areas = this.target.aliases.at(-1)!;
    for (const storage of this.storages) {
      const data = storage.aliases.at(-1)!;
      const shorter = areas.length < data.length ? areas : data;
      const longer = shorter === areas ? data : areas;
      if (shorter.every((segment, index) => longer[index] === segment)) {
        throw new Error(`TARGET_STORAGE_PATH and the storage "${storage.name}" lie inside one another`);
      }
    }
  }

  private async probeAll(states: RootState[]): Promise<void> {
    try {
      this.probe ??= await this.pool.run('probeTarget', this.target, { roots: [0] });
      for (const [index, storage] of this.storages.entries()) {
        if (this.pairs.has(storage.name) || !states[index]!.available) continue;
        const task = { storage, target: this.target, probe: this.probe };
        this.pairs.set(storage.name, await this.pool.run('probePair', task, { roots: [0, storage.ordinal] }));
      }
    } catch (error) {
      // A root that went away between two looks: the next look tells, and probes what is still unknown.
      if (!(error instanceof AppError)) throw error;
      this.failure = error;
    }
  }
}
