import { closeSync, rmdirSync, unlinkSync, type BigIntStats } from 'node:fs';
import { at, eachEntry, errnoOf, type Handle, openDirectory, statHandle, statName } from '../confined/handle';
import { showPath } from '../names/path-text';
import { inTree, type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';
import { identifiedBy, identityOf, IdentitySet, inodeIdentityOf } from './identity-set';
import { unseal } from './ownership';
import { type ReleaseTask } from './task-types';

const WRITE_BITS = 0o222n;

/** What was deleted. */
export interface Deleted {
  files: number;
  bytes: number;
}

/** What an operation staged, held against its manifest: by handles, and without following any link. */
export class StagedContent {
  private readonly identities: IdentitySet;
  private found = 0;
  /** Something cannot be written to. */
  private isSealed = false;
  /** The first empty directory that can be written to. */
  private openEmpty: RawName | null = null;
  private readonly deleted: Deleted = { files: 0, bytes: 0 };

  constructor(
    private readonly task: Pick<ReleaseTask, 'path' | 'isSingle' | 'isHard' | 'identities'>,
    private readonly control: WorkerControl,
  ) {
    this.identities = IdentitySet.from(task.identities);
  }

  /** The first difference from the manifest, as a sentence; null when there is none. */
  difference(parent: Handle, name: RawName): string | null {
    const stat = statName(parent, name)!;
    if (this.task.isSingle) return this.knows(this.ownName, stat) ? null : 'another thing stands at its place.';
    if (!stat.isDirectory()) return 'another thing stands at its place.';
    this.found = 0;
    this.isSealed = false;
    this.openEmpty = null;
    // Directories have no rows. What is empty and can be written to, where others are sealed, was not staged like that.
    const stranger = this.firstStranger(parent, name, '') ?? (this.isSealed ? this.openEmpty : null);
    if (stranger !== null) return `${showPath(stranger).text} was changed or added.`;
    const missing = this.identities.size - this.found;
    return missing === 0 ? null : `${missing} of its files are gone, or lie elsewhere.`;
  }

  private get ownName(): RawName {
    return this.task.path.at(-1)!;
  }

  private knows(path: RawName, stat: BigIntStats): boolean {
    if (!stat.isFile() && !stat.isSymbolicLink()) return false;
    const row = identifiedBy(path, stat);
    // A kept link of a tree of hard links is the operation's own, and known as such.
    return this.identities.has(this.task.isHard ? inodeIdentityOf(row) : identityOf(row));
  }

  private find(path: RawName, stat: BigIntStats): boolean {
    if (!this.knows(path, stat)) return false;
    this.found += 1;
    if (stat.isFile() && isReadOnly(stat)) this.isSealed = true;
    return true;
  }

  private firstStranger(parent: Handle, name: RawName, path: RawName): RawName | null {
    let stranger: RawName | null = null;
    const below: RawName[] = [];
    const handle = openDirectory(parent, name);
    try {
      let isEmpty = true;
      eachEntry(handle, (entry, kind) => {
        this.control.step();
        isEmpty = false;
        const inner = inTree(path, entry);
        if (kind === 'directory') below.push(entry);
        else if (!this.find(inner, statName(handle, entry)!)) stranger = inner;
        return stranger === null;
      });
      if (isReadOnly(statHandle(handle))) this.isSealed = true;
      else if (isEmpty && path !== '') this.openEmpty ??= path;
      for (const entry of below) stranger ??= this.firstStranger(handle, entry, inTree(path, entry));
      return stranger;
    } finally {
      closeSync(handle);
    }
  }

  /**
   * Deletes what the manifest knows, each entry as it is at that moment, and directories that are empty then. What it
   * does not know stays.
   */
  delete(parent: Handle, name: RawName): Deleted {
    const stat = statName(parent, name);
    if (stat && this.task.isSingle) this.deleteEntry(parent, name, this.ownName);
    else if (stat?.isDirectory()) this.deleteDirectory(parent, name, '');
    return this.deleted;
  }

  private deleteEntry(parent: Handle, name: RawName, path: RawName): void {
    const stat = statName(parent, name);
    if (!stat || !this.knows(path, stat)) return;
    unlinkSync(at(parent, name));
    this.deleted.files += 1;
    if (stat.isFile()) this.deleted.bytes += Number(stat.size);
  }

  private deleteDirectory(parent: Handle, name: RawName, path: RawName): void {
    const handle = openDirectory(parent, name);
    try {
      unseal(handle);
      const below: RawName[] = [];
      eachEntry(handle, (entry, kind) => {
        this.control.step();
        if (kind === 'directory') below.push(entry);
        else this.deleteEntry(handle, entry, inTree(path, entry));
      });
      for (const entry of below) this.deleteDirectory(handle, entry, inTree(path, entry));
    } finally {
      closeSync(handle);
    }
    try {
      rmdirSync(at(parent, name));
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '')) throw error;
    }
  }
}

function isReadOnly({ mode }: BigIntStats): boolean {
  return (mode & WRITE_BITS) === 0n;
}
