import { closeSync, constants, openSync } from 'node:fs';
import { AppError, type ErrorCode } from '@app/core';
import {
  eachEntry,
  type EntryKind,
  errnoOf,
  type Handle,
  openDirectory,
  readLink,
  reopenForReading,
  self,
  statHandle,
} from '../confined/handle';
import { type ResolvedSource, SourceResolver } from '../confined/resolve-source';
import { type RootSpec } from '../confined/root';
import { checkReadable, type StorageView } from '../confined/source-access';
import { translate } from '../confined/system-errors';
import { showPath } from '../names/path-text';
import { inTree, type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';
import { sourceChanged } from './copy-content';
import { relativeText, staysBelow } from './link-text';
import { unsupported } from './source-kind';
import { type TreeFile } from './tree-file';

/** Deepest tree that is staged: each level holds open handles, and their number is limited for the process. */
export const MAX_DEPTH = 400;

/** Why something cannot be staged: a link out of the roots, to nothing, or back up; or neither file, directory nor link. */
export type OmitReason = 'outside' | 'nowhere' | 'loop' | 'special';

/** What a walk does with each thing it finds; `D` is what the visitor keeps for a directory. */
export interface TreeVisitor<D> {
  /** A directory begins; for the top `parent` is undefined. */
  enter(path: RawName, name: RawName, parent: D | undefined, handle: Handle): D;
  /** A regular file. */
  file(file: TreeFile, directory: D): void;
  /** A link that stays inside the tree, with the text that it has in the copy. */
  link(path: RawName, name: RawName, text: RawName, directory: D): void;
  /** A directory is complete. */
  leave?(directory: D, handle: Handle): void;
  /** A directory is done with, also when the walk failed in it. */
  close?(directory: D): void;
  /** Something that cannot be staged. Without this method it ends the walk, as it must where a tree is all or nothing. */
  omit?(path: RawName, reason: OmitReason): void;
  /** False for a file that this visitor does not want to look at (another worker has it). */
  wants?(path: RawName, name: RawName): boolean;
}

interface Frame<D> {
  handle: Handle;
  path: RawName;
  /** Where the directory really lies: root and names below it. */
  root: RootSpec;
  real: RawName[];
  /** The real place of the tree, or of the linked directory that this frame lies in: links inside it stay links. */
  base: RawName[];
  data: D;
  /** Device and inode of the directories above, to notice a link that leads back up. */
  above: readonly string[];
}

interface Below {
  name: RawName;
  /** True for a link to a directory elsewhere: resolved again when its turn comes, so that no handles pile up. */
  linked: boolean;
}

/**
 * Walks a tree of the storage. Links that stay inside the tree are handed on as links; others that stay inside the
 * roots are walked as what they point to; one that leaves ends the walk with `path_outside_storage`, its path in the
 * sentence, unless the visitor omits it, and what the reader may not read with `source_forbidden`. Memory grows with depth and with the number of directories in one directory,
 * not with files.
 */
export class TreeWalk<D> {
  constructor(
    private readonly storages: StorageView,
    private readonly visitor: TreeVisitor<D>,
    private readonly control: WorkerControl,
  ) {}

  /** Walks from a resolved directory; its handles stay the caller's. */
  run(top: Pick<ResolvedSource, 'root' | 'path' | 'object'>): void {
    this.control.reading(top.root.ordinal);
    const handle = this.open('', () => openSync(self(top.object), constants.O_RDONLY | constants.O_DIRECTORY));
    const place = { root: top.root, real: top.path, base: top.path, above: [] };
    this.walk({ handle, path: '', ...place }, '', undefined);
  }

  private walk(at: Omit<Frame<D>, 'data'>, name: RawName, parent: D | undefined): void {
    try {
      this.checkReadable(at);
      const data = this.visitor.enter(at.path, name, parent, at.handle);
      try {
        this.inside({ ...at, data });
      } finally {
        this.visitor.close?.(data);
      }
    } finally {
      closeSync(at.handle);
    }
  }

  private checkReadable({ handle, path }: Pick<Frame<D>, 'handle' | 'path'>): void {
    const { reader } = this.storages;
    if (!reader) return;
    const shown = path === '' ? 'the directory' : showPath(path).text;
    this.open(path, () => checkReadable(handle, statHandle(handle), reader, shown));
  }

  private inside(frame: Frame<D>): void {
    const below: Below[] = [];
    this.control.reading(frame.root.ordinal);
    try {
      eachEntry(frame.handle, (name, kind) => {
        this.entry(frame, name, kind, below);
        // The visitor may have gone elsewhere in between.
        this.control.reading(frame.root.ordinal);
      });
    } catch (error) {
      throw readError(error, frame.path);
    }
    if (below.length > 0) this.descend(frame, below);
    this.control.reading(frame.root.ordinal);
    this.visitor.leave?.(frame.data, frame.handle);
  }

  private entry(frame: Frame<D>, name: RawName, kind: EntryKind, below: Below[]): void {
    this.control.step();
    const path = inTree(frame.path, name);
    if (kind === 'file') {
      if (this.visitor.wants?.(path, name) === false) return;
      this.visitor.file(
        { path, name, parent: frame.handle, sourceName: name, reader: this.storages.reader },
        frame.data,
      );
    } else if (kind === 'directory') below.push({ name, linked: false });
    else if (kind === 'link') this.link(frame, path, name, below);
    else this.omit(path, 'special', unsupported(path));
  }

  private omit(path: RawName, reason: OmitReason, error: AppError): void {
    if (!this.visitor.omit) throw error;
    this.visitor.omit(path, reason);
  }

  private link(frame: Frame<D>, path: RawName, name: RawName, below: Below[]): void {
    const text = readLink(frame.handle, name);
    let target: ResolvedSource | undefined;
    try {
      target = this.resolveLink(frame, path, name, text);
    } catch (error) {
      const reason = error instanceof AppError ? OMIT_REASONS[error.code] : undefined;
      if (reason === undefined) throw error;
      return this.omit(path, reason, error as AppError);
    }
    if (!target) return this.visitor.link(path, name, text, frame.data);
    try {
      if (target.root.name === frame.root.name && isBelow(target.path, frame.base)) {
        const inside = staysBelow(text, frame.real, frame.base) ? text : relativeText(frame.real, target.path);
        this.visitor.link(path, name, inside, frame.data);
      } else if (target.stat.isDirectory()) {
        below.push({ name, linked: true });
      } else if (!target.stat.isFile()) this.omit(path, 'special', unsupported(path));
      else if (this.visitor.wants?.(path, name) !== false) {
        this.control.reading(target.root.ordinal);
        const file = { path, name, parent: target.parent, sourceName: target.path.at(-1)! };
        this.visitor.file({ ...file, reader: this.storages.reader }, frame.data);
      }
    } finally {
      release(target);
    }
  }

  /** What a link leads to; undefined for one that leads nowhere but would stay inside the tree. */
  private resolveLink(frame: Frame<D>, path: RawName, name: RawName, text: RawName): ResolvedSource | undefined {
    const shown = showPath(path).text;
    const start = { absolute: false, root: frame.root, directory: frame.real, segments: [name], asSent: shown };
    try {
      return new SourceResolver(this.storages, start, this.control.touch).resolve();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (error.code === 'source_not_found' && staysBelow(text, frame.real, frame.base)) return undefined;
      throw error;
    }
  }

  private descend(frame: Frame<D>, below: Below[]): void {
    const stat = this.open(frame.path, () => statHandle(frame.handle));
    const above = [...frame.above, `${stat.dev}:${stat.ino}`];
    if (above.length >= MAX_DEPTH) {
      throw new AppError(
        'source_unsupported',
        `The source is deeper than ${MAX_DEPTH} directories at ${showPath(frame.path).text}.`,
      );
    }
    for (let next = below.pop(); next; next = below.pop()) {
      const path = inTree(frame.path, next.name);
      if (next.linked) this.stepThroughLink(frame, next.name, path, above);
      else this.stepInto(frame, next.name, path, above);
    }
  }

  private stepInto(frame: Frame<D>, name: RawName, path: RawName, above: readonly string[]): void {
    this.control.reading(frame.root.ordinal);
    const handle = this.open(path, () => openDirectory(frame.handle, name));
    const place = { root: frame.root, real: [...frame.real, name], base: frame.base };
    this.walk({ handle, path, above, ...place }, name, frame.data);
  }

  private stepThroughLink(frame: Frame<D>, name: RawName, path: RawName, above: readonly string[]): void {
    this.control.reading(frame.root.ordinal);
    const text = this.open(path, () => readLink(frame.handle, name));
    const target = this.resolveLink(frame, path, name, text);
    if (!target) throw sourceChanged(showPath(path).text);
    let handle: Handle;
    try {
      if (!target.stat.isDirectory()) throw sourceChanged(showPath(path).text);
      if (above.includes(`${target.stat.dev}:${target.stat.ino}`)) {
        const sentence = `The link ${showPath(path).text} leads to a directory that contains it.`;
        return this.omit(path, 'loop', new AppError('source_unsupported', sentence));
      }
      handle = this.open(path, () => reopenForReading(target.object));
    } finally {
      release(target);
    }
    const place = { root: target.root, real: target.path, base: target.path };
    this.walk({ handle, path, above, ...place }, name, frame.data);
  }

  /** Runs a call on what an earlier look has found. */
  private open<T>(path: RawName, call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw readError(error, path);
    }
  }
}

/** What the refusal of a link means to a visitor that goes on without it; any other error ends the walk. */
const OMIT_REASONS: Partial<Record<ErrorCode, OmitReason>> = {
  path_outside_storage: 'outside',
  source_not_found: 'nowhere',
};

/** Errors that mean: what was found a moment ago is gone, or something else stands there now. */
const CHANGED = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EINVAL']);

function readError(error: unknown, path: RawName): unknown {
  if (CHANGED.has(errnoOf(error) ?? '')) return sourceChanged(path === '' ? undefined : showPath(path).text);
  return translate(error, 'source');
}

/** Closes the handles of a resolution. */
export function release(resolved: Pick<ResolvedSource, 'object' | 'parent'>): void {
  closeSync(resolved.object);
  if (resolved.parent !== resolved.object) closeSync(resolved.parent);
}

function isBelow(path: RawName[], base: RawName[]): boolean {
  return base.every((segment, index) => path[index] === segment);
}
