import { closeSync, mkdirSync, symlinkSync, type BigIntStats } from 'node:fs';
import {
  at,
  closingOnError,
  errnoOf,
  type Handle,
  openDirectory,
  readLink,
  statHandle,
  statName,
} from '../confined/handle';
import { type PrivateDirectory, removePrivate } from '../confined/private-directory';
import { translate, translating } from '../confined/system-errors';
import { rawPath, type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';
import { sameFile } from './compare';
import { sourceChanged } from './copy-content';
import { seal, unseal } from './ownership';
import { contentOptions, manifestRow } from './place-file';
import { closeWritten, type ContentOptions, keepTimes, placeCopy, placeLink } from './place-content';
import { publish, sealMade } from './publish';
import { Fingerprint, fingerprintTree, openTreeFile } from './fingerprint';
import { checkEntries, NotResumable } from './resume';
import { fallsTo, type Shard } from './shard';
import { checkSpace } from './space';
import { checkLimits, hasGrown, sizesMatter, surveyTree, type TreeSurvey } from './survey';
import { type ManifestRow, type PlaceTask, type ShardResult, type TreeSession } from './task-types';
import { type TreeFile, type TreeVisitor, TreeWalk, unsupported } from './tree-walk';

/** Rows that a worker reports at once. */
const REPORT_ROWS = 500;

function topOf(task: PlaceTask, session: TreeSession) {
  const root = task.storages.find((one) => one.name === session.storage)!;
  return { root, path: session.sourcePath, object: session.source };
}

/**
 * Fills one worker's share of a tree into the private directory: each worker walks the whole tree and takes the files
 * whose name falls to it, so nothing needs to be handed out and memory stays flat. Rows of the manifest are reported
 * as they come.
 */
export function fillShard(
  task: PlaceTask,
  session: TreeSession,
  share: { shard: Shard; survey: TreeSurvey },
  control: WorkerControl,
): ShardResult {
  const visitor = new ShardVisitor(task, session, share, control);
  translating('target', () => new TreeWalk(task.storages, visitor, control).run(topOf(task, session)));
  return visitor.end();
}

class ShardVisitor implements TreeVisitor<Handle> {
  private readonly shard: Shard;
  private readonly options: ContentOptions;
  private readonly fingerprint = new Fingerprint();
  private rows: ManifestRow[] = [];
  private readonly done: Omit<ShardResult, 'fingerprint'> = { files: 0, bytes: 0, clones: 0, copies: 0 };

  constructor(
    private readonly task: PlaceTask,
    private readonly session: TreeSession,
    private readonly share: { shard: Shard; survey: TreeSurvey },
    private readonly control: WorkerControl,
  ) {
    this.shard = share.shard;
    this.options = contentOptions(task, session.storage, session.areaGroup ?? undefined, false);
  }

  enter(path: RawName, name: RawName, parent: Handle | undefined): Handle {
    if (this.shard.index === 0) this.fingerprint.addDirectory(path);
    this.control.writing();
    if (parent === undefined) return this.opened(openDirectory(this.session.payloadParent, this.session.payloadName));
    try {
      mkdirSync(at(parent, name), 0o700);
    } catch (error) {
      // Another worker of this operation was here first.
      if (errnoOf(error) !== 'EEXIST') throw translate(error, 'target');
    }
    return this.opened(openFilled(parent, name));
  }

  /** A directory of an earlier attempt may be sealed already. */
  private opened(directory: Handle): Handle {
    if (this.session.resumed) translating('target', () => closingOnError(directory, unseal));
    return directory;
  }

  wants(path: RawName, name: RawName): boolean {
    return fallsTo(this.shard, path, name);
  }

  file(file: TreeFile, directory: Handle): void {
    this.control.workOn(file.path);
    if (this.options.kind === 'link') this.linkHard(file, directory);
    else this.copy(file, directory);
  }

  private linkHard(file: TreeFile, directory: Handle): void {
    const from = { parent: file.parent, name: file.sourceName, path: file.path };
    const { stat } = placeLink(from, directory, file.name, this.options, this.control);
    this.fingerprint.addFile(file.path, stat);
    this.report(manifestRow(file.path, 'file', stat, null));
  }

  private copy(file: TreeFile, directory: Handle): void {
    const content = openTreeFile(file);
    try {
      const stat = statHandle(content);
      if (!stat.isFile()) throw unsupported(file.path);
      this.fingerprint.addFile(file.path, stat);
      if (this.isKept(file, stat, directory)) return this.count(Number(stat.size));
      const placed = placeCopy(content, stat, directory, file.name, this.options, this.control);
      closeWritten(placed.handle);
      if (placed.how === 'clone') this.done.clones += 1;
      else this.noClone();
      this.report(manifestRow(file.path, 'file', placed.stat, placed.checksum));
    } finally {
      closeSync(content);
    }
  }

  /** Whether an earlier attempt brought this file. What it verified is all that is left of it by now. */
  private isKept(file: TreeFile, stat: BigIntStats, directory: Handle): boolean {
    if (!this.session.resumed) return false;
    this.control.writing();
    const there = statName(directory, file.name);
    if (!there) return false;
    if (!sameFile(stat, there)) throw new NotResumable();
    this.control.bytes(Number(stat.size));
    this.done.copies += 1;
    return true;
  }

  /** The first file that cannot be cloned settles it for the others: each vain try costs. */
  private noClone(): void {
    this.done.copies += 1;
    this.options.clone = false;
  }

  link(path: RawName, name: RawName, text: RawName, directory: Handle): void {
    if (!this.wants(path, name)) return;
    this.fingerprint.addLink(path, text);
    try {
      this.control.writing();
      const there = this.session.resumed ? statName(directory, name) : undefined;
      if (there) {
        if (!there.isSymbolicLink() || readLink(directory, name) !== text) throw new NotResumable();
        return this.count(0);
      }
      symlinkSync(rawPath(text), at(directory, name));
      this.report(manifestRow(path, 'link', statName(directory, name)!, null));
    } catch (error) {
      throw translate(error, 'target');
    }
  }

  close(directory: Handle): void {
    closeSync(directory);
  }

  private report(row: ManifestRow): void {
    this.count(row.kind === 'file' ? row.size : 0);
    this.rows.push(row);
    if (this.rows.length >= REPORT_ROWS) this.send();
  }

  private count(bytes: number): void {
    this.done.files += 1;
    this.done.bytes += bytes;
    // The limits were held against the survey, so a tree must not grow behind it.
    if (hasGrown(this.task, this.share.survey, this.done)) throw sourceChanged();
    this.control.files(1);
  }

  private send(): void {
    const rows = this.rows;
    this.rows = [];
    if (rows.length > 0) this.control.emit(rows);
  }

  end(): ShardResult {
    this.send();
    return { ...this.done, fingerprint: this.fingerprint.value };
  }
}

/** Gives the directories of a filled tree their times, owner and modes, innermost first, the top last. */
export function sealTree(task: PlaceTask, session: TreeSession, control: WorkerControl): void {
  const group = session.areaGroup ?? undefined;
  const visitor: TreeVisitor<Handle> = {
    enter(_path, name, parent) {
      control.writing();
      return parent === undefined
        ? openDirectory(session.payloadParent, session.payloadName)
        : openFilled(parent, name);
    },
    wants: () => false,
    file: () => undefined,
    link: () => undefined,
    leave(copy, source) {
      if (session.resumed) checkEntries(copy, source, control);
      const stat = translating('source', () => statHandle(source));
      control.writing();
      keepTimes(copy, stat);
      seal(copy, statHandle(copy), task.ownership, group, task.ownership.dirMode);
    },
    close: (copy) => closeSync(copy),
  };
  translating('target', () => new TreeWalk(task.storages, visitor, control).run(topOf(task, session)));
}

/** Opens a directory of the copy; where it is none, the source had something else there a moment ago. */
function openFilled(parent: Handle, name: RawName): Handle {
  try {
    return openDirectory(parent, name);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) throw sourceChanged();
    throw translate(error, 'target');
  }
}

/** Adds up one worker's share of the source before the tree is filled. */
export function surveyShard(task: PlaceTask, session: TreeSession, shard: Shard, control: WorkerControl): TreeSurvey {
  const how = { limits: task.limits, sizes: sizesMatter(task), shard };
  return surveyTree(task.storages, topOf(task, session), how, control);
}

/** One worker's share of the source's fingerprint after the tree was filled. */
export function fingerprintShard(task: PlaceTask, session: TreeSession, shard: Shard, control: WorkerControl): string {
  return fingerprintTree(task.storages, topOf(task, session), shard, control);
}

/** Throws `quota_exceeded` or `insufficient_storage` when the surveyed tree is not to be, or cannot be, staged. */
export function checkTree(task: PlaceTask, session: TreeSession, survey: TreeSurvey, control: WorkerControl): void {
  control.writing();
  checkLimits(survey.files, survey.bytes, task.limits);
  if (task.content !== 'copy' || task.cloneFrom.includes(session.storage)) return;
  checkSpace(session.base, survey.allocated, survey.files + survey.directories);
}

/** Publishes a filled, sealed and flushed tree in one step; throws `DestinationTaken` and what {@link publish} does. */
export function publishTree(task: PlaceTask, session: TreeSession, control: WorkerControl): void {
  const place = { directory: session.payloadParent, name: session.payloadName, made: session.made };
  control.writing();
  translating('target', () => sealMade(place, task.ownership, session.areaGroup ?? undefined));
  control.step();
  publish({
    private: privateOf(session),
    place,
    payload: session.payload,
    base: session.base,
    missing: session.missing,
    name: session.name,
    byRename: task.publishByRename,
  });
}

function privateOf(session: TreeSession): PrivateDirectory {
  return { handle: session.privateHandle, parent: session.privateParent, name: session.privateName };
}

/**
 * Ends a session: removes what is left in its private directory, unless that is kept for a further attempt, and gives back
 * its handles. Once only.
 */
export function closeSession(session: TreeSession, isKept: boolean, control: WorkerControl): void {
  try {
    control.writing();
    if (!isKept) removePrivate(privateOf(session), () => control.writing());
  } finally {
    const { target, sourceParent, source, base, privateParent, privateHandle, made, payload } = session;
    for (const handle of new Set([
      target,
      sourceParent,
      source,
      base,
      privateParent,
      privateHandle,
      ...made,
      payload,
    ])) {
      closeSync(handle);
    }
  }
}
