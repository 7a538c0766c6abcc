import { type RawName } from '../names/raw-name';
import { type CompactStore } from './compact-store';
import { type SteadyFile } from './steady-file';

/** What is told of each entry: neither owners nor set-id and sticky bits, which mean nothing elsewhere. */
export interface EntryFacts {
  /** Path in the archive: its first segment is the archive's one directory, no slash at either end. */
  path: RawName;
  /** Permission bits, 0777 at most. */
  mode: number;
  mtimeNs: bigint;
}

/** One format of archive, written to a sink entry by entry. What a file or sink throws ends the archive as it is. */
export interface ArchiveWriter {
  /** A name as this format has it: the same bytes, or a form that each reader takes. */
  nameFor(raw: RawName): RawName;
  directory(entry: EntryFacts): void;
  /** A symbolic link; `text` is what it says. */
  link(entry: EntryFacts, text: RawName): void;
  /** A file of the storage, read to its end and checked to have held still. */
  file(entry: EntryFacts, content: SteadyFile): void;
  /** A file made up on the way. */
  made(entry: EntryFacts, content: CompactStore): void;
  /** What comes after the last entry. Once only. */
  end(): void;
}
