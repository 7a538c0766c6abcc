import { closeSync, type BigIntStats } from 'node:fs';
import { AppError } from '@app/core';
import { closeAll, errnoOf, type Handle, openObject, readLink, statHandle } from './handle';
import { segmentsOf } from '../names/path-text';
import { type RawName } from '../names/raw-name';
import { hostSegments, openRoot, type RootSpec, type Touch } from './root';
import { checkReadable, checkSearchable, type StorageView } from './source-access';
import { translate } from './system-errors';

/** Links followed in one resolution before it counts as a loop, as Linux does (path_resolution(7)). */
const MAX_LINKS = 40;

/** Errors that mean: there is no such thing. EINVAL: a link that was replaced between two looks; it is gone. */
const MISSING = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EINVAL']);

/** Where a resolution begins. */
export interface SourcePath {
  /** An absolute path of the host; else relative to `directory` in `root`. */
  absolute: boolean;
  root: RootSpec;
  /** Real directories below the root to begin in; empty for the root itself. */
  directory: RawName[];
  segments: RawName[];
  /** How the caller wrote it, for messages. */
  asSent: string;
}

/** What a path names in the end: held by handles, so that it stays the same object whatever happens to its names. */
export interface ResolvedSource {
  root: RootSpec;
  /** The real names from the root down; empty for the root itself. */
  path: RawName[];
  /** Directory that holds the object; equal to `object` for the root itself. */
  parent: Handle;
  /** The object itself, held without opening it. */
  object: Handle;
  stat: BigIntStats;
}

/** The error for a path that names nothing (contract: exactly this text). */
export function sourceNotFound(asSent: string, cause?: unknown): AppError {
  return new AppError('source_not_found', `Source path does not exist: ${asSent}`, { cause });
}

/** The error for a path that lands outside every root; it tells nothing of what is there. */
export function outsideStorage(asSent: string): AppError {
  return new AppError('path_outside_storage', `The path leads out of the storage: ${asSent}`);
}

/**
 * Walks a path of the storage one segment at a time, each by the handle of the directory before it, following symbolic
 * links as long as they stay inside the roots. Outside of every root nothing is ever asked of the file system, so the
 * answer there is the same whether something exists or not. What the reader may not pass through or read is refused on
 * the way. The caller closes `parent` and `object`.
 */
export class SourceResolver {
  private readonly pending: RawName[];
  private readonly handles: Handle[] = [];
  private names: RawName[] = [];
  private root: RootSpec | undefined;
  private outside: RawName[] = [];
  private linksLeft = MAX_LINKS;

  constructor(
    private readonly storages: StorageView,
    private readonly start: SourcePath,
    private readonly touch: Touch,
  ) {
    this.pending = [...start.directory, ...start.segments].reverse();
  }

  /**
   * Throws `path_outside_storage`, `source_not_found`, `source_forbidden`, `storage_unavailable`; leaves no handle open
   * when it throws.
   */
  resolve(): ResolvedSource {
    try {
      if (this.start.absolute) this.arriveOutside([]);
      else this.enter(this.start.root);
      for (let segment = this.pending.pop(); segment !== undefined; segment = this.pending.pop()) {
        if (this.root) this.stepInside(segment);
        else this.stepOutside(segment);
      }
      if (!this.root) throw outsideStorage(this.start.asSent);
      return this.take(this.root);
    } catch (error) {
      this.leave();
      throw this.explain(error);
    }
  }

  private take(root: RootSpec): ResolvedSource {
    const object = this.handles.at(-1)!;
    const stat = statHandle(object);
    checkReadable(object, stat, this.storages.reader, this.start.asSent);
    const parent = this.handles.at(-2) ?? object;
    closeAll(this.handles.splice(0).slice(0, -2));
    return { root, path: this.names, parent, object, stat };
  }

  private enter(root: RootSpec): void {
    this.root = root;
    this.names = [];
    this.handles.push(openRoot(root, this.touch));
  }

  private leave(): void {
    closeAll(this.handles.splice(0));
    this.root = undefined;
  }

  /** Goes on by names alone; a root is entered as soon as its own path is reached. */
  private arriveOutside(path: RawName[]): void {
    this.leave();
    this.outside = path;
    const root = this.storages.roots.find((one) => one.aliases.some((alias) => samePath(alias, path)));
    if (root) this.enter(root);
  }

  private stepOutside(segment: RawName): void {
    this.arriveOutside(segment === '..' ? this.outside.slice(0, -1) : [...this.outside, segment]);
  }

  private stepInside(segment: RawName): void {
    const directory = this.handles.at(-1)!;
    const stat = statHandle(directory);
    if (!stat.isDirectory()) throw sourceNotFound(this.start.asSent);
    checkSearchable(directory, stat, this.storages.reader, this.start.asSent);
    if (segment === '..') return this.stepUp();
    const handle = openObject(directory, segment);
    this.handles.push(handle);
    if (!statHandle(handle).isSymbolicLink()) {
      this.names.push(segment);
      return;
    }
    closeSync(this.handles.pop()!);
    this.follow(readLink(directory, segment));
  }

  private stepUp(): void {
    if (this.names.length === 0) {
      const home = this.root!.aliases.at(-1)!;
      this.arriveOutside(home.slice(0, -1));
      return;
    }
    closeSync(this.handles.pop()!);
    this.names.pop();
  }

  private follow(text: RawName): void {
    if (this.linksLeft-- === 0) throw sourceNotFound(this.start.asSent);
    this.pending.push(...segmentsOf(text).reverse());
    if (text.startsWith('/')) this.arriveOutside([]);
  }

  private explain(error: unknown): unknown {
    const told = MISSING.has(errnoOf(error) ?? '')
      ? sourceNotFound(this.start.asSent, error)
      : translate(error, 'source');
    // What is missing or closed on the way must not tell the inside from the outside: "gone/../../etc" is outside all
    // the same.
    const tells = told instanceof AppError && (told.code === 'source_not_found' || told.code === 'source_forbidden');
    return tells && this.leavesByName() ? outsideStorage(this.start.asSent) : told;
  }

  private leavesByName(): boolean {
    const base = this.start.absolute ? [] : [...this.start.root.aliases[0]!, ...this.start.directory];
    const path: RawName[] = [...base];
    for (const segment of this.start.segments) {
      if (segment === '..') path.pop();
      else path.push(segment);
    }
    return !this.storages.roots.some((root) =>
      root.aliases.some((alias) => samePath(alias, path.slice(0, alias.length))),
    );
  }
}

function samePath(one: RawName[], other: RawName[]): boolean {
  return one.length === other.length && one.every((segment, index) => segment === other[index]);
}

/** The storage of a name, or the first; throws `validation_failed` for one that the site does not have. */
export function storageNamed(roots: readonly RootSpec[], name: string | undefined): RootSpec {
  const root = name === undefined ? roots[0] : roots.find((one) => one.name === name);
  if (root) return root;
  const message = `is not a storage of this site (${roots.map((one) => one.name).join(', ')})`;
  throw new AppError('validation_failed', `storage ${message}.`, { errors: [{ field: 'storage', message }] });
}

/** Reads `local_path_on_storage`: absolute, or relative to the named or the first storage. */
export function sourcePath(
  roots: readonly RootSpec[],
  raw: RawName,
  storage: string | undefined,
  asSent: string,
): SourcePath {
  const root = storageNamed(roots, storage);
  return { absolute: raw.startsWith('/'), root, directory: [], segments: segmentsOf(raw), asSent };
}

/** The aliases of a root: as configured, and with the links of its own path resolved (the latter last). */
export function aliasesOf(configured: string, real: string): RawName[][] {
  return configured === real ? [hostSegments(real)] : [hostSegments(configured), hostSegments(real)];
}
