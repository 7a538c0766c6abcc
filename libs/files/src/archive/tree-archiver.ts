import { type BigIntStats } from 'node:fs';
import { type Handle, statHandle, statName } from '../confined/handle';
import { translating } from '../confined/system-errors';
import { sourceChanged } from '../engine/copy-content';
import { type OmitReason, type TreeVisitor } from '../engine/tree-walk';
import { type TreeFile } from '../engine/tree-file';
import { showPath } from '../names/path-text';
import { isPlainName, type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';
import { type ArchiveWriter, type EntryFacts } from './archive-writer';
import { OmittedList } from './omitted-list';
import { SteadyFile } from './steady-file';

/** A directory whose entries are being written. */
interface OpenDirectory {
  handle: Handle;
  /** Its path in the archive, and below the tree's top. */
  archived: RawName;
  path: RawName;
  stat: BigIntStats;
  isTop: boolean;
}

const PERMISSION_BITS = 0o777n;

/** Turns what a walk finds into the entries of an archive. */
export class TreeArchiver implements TreeVisitor<OpenDirectory> {
  private readonly omitted = new OmittedList();
  private top: OpenDirectory | undefined;

  constructor(
    private readonly name: RawName,
    private readonly writer: ArchiveWriter,
    private readonly control: WorkerControl,
  ) {}

  enter(path: RawName, name: RawName, parent: OpenDirectory | undefined, handle: Handle): OpenDirectory {
    const stat = translating('source', () => statHandle(handle));
    const archived = parent ? this.pathIn(parent, name) : this.nameOf(this.name);
    const directory = { handle, archived, path, stat, isTop: parent === undefined };
    this.top ??= directory;
    this.writer.directory(factsOf(archived, stat));
    return directory;
  }

  file(file: TreeFile, directory: OpenDirectory): void {
    SteadyFile.with(file, this.control, (content) => {
      this.writer.file(factsOf(this.pathIn(directory, file.name), content.stat), content);
    });
    this.control.files(1);
  }

  link(path: RawName, name: RawName, text: RawName, directory: OpenDirectory): void {
    const stat = translating('source', () => statName(directory.handle, name));
    if (!stat?.isSymbolicLink()) throw sourceChanged(showPath(path).text);
    const archivedText = text.split('/').map((segment) => this.writer.nameFor(segment));
    this.writer.link(factsOf(this.pathIn(directory, name), stat), archivedText.join('/'));
    this.control.files(1);
  }

  omit(path: RawName, reason: OmitReason): void {
    this.omitted.add(path, reason);
  }

  /** A directory that lost or got an entry meanwhile may be archived without something that was there all the time. */
  leave(directory: OpenDirectory, handle: Handle): void {
    const now = translating('source', () => statHandle(handle));
    if (now.mtimeNs === directory.stat.mtimeNs) return;
    throw sourceChanged(directory.isTop ? undefined : showPath(directory.path).text);
  }

  /** After the walk: the list of what was left out, if anything was, and the archive's end. */
  end(): void {
    const { content, name } = this.omitted;
    if (this.top && content.size > 0) {
      // The directory's own time, so that the same tree always makes the same archive.
      const { archived, stat } = this.top;
      this.writer.made({ path: `${archived}/${name}`, mode: 0o644, mtimeNs: stat.mtimeNs }, content);
    }
    this.writer.end();
  }

  private pathIn(directory: OpenDirectory, name: RawName): RawName {
    if (directory.isTop) this.omitted.see(name);
    return `${directory.archived}/${this.nameOf(name, directory.handle)}`;
  }

  /** The name of an entry: one plain segment, and one that no other entry of its directory `beside` has. */
  private nameOf(name: RawName, beside?: Handle): RawName {
    const archived = this.writer.nameFor(name);
    if (!isPlainName(name) || !isPlainName(archived)) throw new Error('not a plain name for an archive');
    if (archived === name || beside === undefined) return archived;
    // What the format writes otherwise may be the true name of a neighbour; a blank never comes out of the encoding.
    let free = archived;
    for (let number = 2; translating('source', () => statName(beside, free)); number += 1) {
      free = `${archived} (${number})`;
    }
    return free;
  }
}

function factsOf(path: RawName, stat: BigIntStats): EntryFacts {
  return { path, mode: Number(stat.mode & PERMISSION_BITS), mtimeNs: stat.mtimeNs };
}
