import { closeSync, mkdirSync, symlinkSync, type BigIntStats } from 'node:fs';
import { AppError } from '@app/core';
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
import { translate, translating } from '../confined/system-errors';
import { rawPath, type RawName } from '../names/raw-name';
import { CancelledError, type WorkerControl } from '../pool/control';
import { sameFile } from './compare';
import { sourceChanged } from './copy-content';
import { Fingerprint } from './fingerprint';
import { openTreeFile, type TreeFile } from './tree-file';
import { IdentitySet } from './identity-set';
import { unseal } from './ownership';
import { closeWritten, type ContentOptions, placeCopy, placeLink } from './place-content';
import { contentOptions, manifestRow } from './place-file';
import { isVerified, NotResumable } from './resume';
import { fallsTo, type Shard } from './shard';
import { hasGrown, type TreeSurvey } from './survey';
import { type ManifestRow, type PlaceTask, type ShardResult, type TreeSession } from './task-types';
import { openFilled, topOf } from './tree-session';
import { type TreeVisitor, TreeWalk } from './tree-walk';
import { unsupported } from './source-kind';

/** Rows that a worker reports at once. */
const REPORT_ROWS = 500;

/** Rows of large files are reported sooner: what is not reported is not gone on from. */
const REPORT_AFTER_MS = 1000;

/**
 * Fills one worker's share of a tree into the private directory: each worker walks the whole tree and takes the files
 * whose name falls to it, so nothing needs to be handed out and memory stays flat. Rows of the manifest are reported
 * as they come; what an earlier attempt brought is counted, not reported. Throws {@link NotResumable} when that is not
 * what the source has now.
 */
export function fillShard(
  task: PlaceTask,
  session: TreeSession,
  share: { shard: Shard; survey: TreeSurvey },
  control: WorkerControl,
): ShardResult {
  const visitor = new ShardVisitor(task, session, share, control);
  try {
    translating('target', () => new TreeWalk(task.storages, visitor, control).run(topOf(task, session)));
  } catch (error) {
    if (mayPass(error)) visitor.sendRest();
    throw error;
  }
  return visitor.end();
}

/** Whether a further attempt may go on: the service stops, another worker failed, or a mount does not answer. */
function mayPass(error: unknown): boolean {
  return error instanceof CancelledError || (error instanceof AppError && error.code === 'storage_unavailable');
}

class ShardVisitor implements TreeVisitor<Handle> {
  private readonly shard: Shard;
  private readonly options: ContentOptions;
  private readonly fingerprint = new Fingerprint();
  /** What an earlier attempt verified; null when nothing of it is there. */
  private readonly verified: IdentitySet | null;
  private rows: ManifestRow[] = [];
  private sentAt = Date.now();
  private readonly done: Omit<ShardResult, 'fingerprint'> = { files: 0, bytes: 0, clones: 0, copies: 0 };

  constructor(
    private readonly task: PlaceTask,
    private readonly session: TreeSession,
    private readonly share: { shard: Shard; survey: TreeSurvey },
    private readonly control: WorkerControl,
  ) {
    this.shard = share.shard;
    this.options = contentOptions(task, session.storage, session.areaGroup ?? undefined, false);
    this.verified = session.resumed ? IdentitySet.from(task.resume!) : null;
  }

  enter(path: RawName, name: RawName, parent: Handle | undefined): Handle {
    if (this.shard.index === 0) this.fingerprint.addDirectory(path);
    this.control.writing();
    if (parent === undefined) return this.opened(openDirectory(this.session.payloadParent, this.session.payloadName));
    try {
      mkdirSync(at(parent, name), 0o700);
    } catch (error) {
      // Another worker of this operation was here first, or an earlier attempt.
      if (errnoOf(error) !== 'EEXIST') throw translate(error, 'target');
    }
    return this.opened(openFilled(this.session, parent, name));
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
    const { parent, sourceName: name, path, reader } = file;
    const from = { parent, name, path, reader };
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

  /** Whether an earlier attempt brought this file. */
  private isKept(file: TreeFile, stat: BigIntStats, directory: Handle): boolean {
    const there = this.verifiedAt(directory, file.path, file.name);
    if (!there) return false;
    if (!sameFile(stat, there)) throw new NotResumable();
    this.control.bytes(Number(stat.size));
    this.done.copies += 1;
    return true;
  }

  /**
   * What an earlier attempt brought to a place; undefined where that is empty. What was not verified can be there only
   * when a call that hung in that attempt has returned behind the look at all of it.
   */
  private verifiedAt(directory: Handle, path: RawName, name: RawName): BigIntStats | undefined {
    if (!this.verified) return undefined;
    this.control.writing();
    const there = statName(directory, name);
    if (there && !isVerified(there, path, this.verified)) throw new NotResumable();
    return there;
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
      const there = this.verifiedAt(directory, path, name);
      if (there) {
        if (!there.isSymbolicLink() || readLink(directory, name) !== text) throw new NotResumable();
        return this.count(0);
      }
      this.control.writing();
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
    if (this.rows.length >= REPORT_ROWS || Date.now() - this.sentAt >= REPORT_AFTER_MS) this.send();
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
    this.sentAt = Date.now();
    if (rows.length > 0) this.control.emit(rows);
  }

  /** When the fill fails: what was verified so far is not to be done again by a further attempt. */
  sendRest(): void {
    if (this.task.content !== 'copy') return;
    try {
      this.send();
    } catch {
      // It is sent, and the failure is told already.
    }
  }

  end(): ShardResult {
    this.send();
    return { ...this.done, fingerprint: this.fingerprint.value };
  }
}
