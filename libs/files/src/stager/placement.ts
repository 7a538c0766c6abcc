import { type Checksum } from '../engine/hashing';
import { type LinkKind, type ManifestRow, type PlaceTask } from '../engine/task-types';
import { type DestinationPath } from '../names/path-text';
import { type RawName } from '../names/raw-name';

/** One source to be placed in a user's area. */
export interface PlaceRequest {
  operationId: string;
  username: string;
  source: { path: RawName; storage: string | undefined; asSent: string };
  destination: DestinationPath;
  /** What the caller expects of a file. */
  expected: Checksum | null;
  ifExists: 'skip' | 'fail';
}

/** How far a piece of work is. Neither count ever goes back within one attempt. */
export interface PlaceProgress {
  /** Files and kept links; null as long as it is not known. */
  filesTotal: number | null;
  filesDone: number;
  bytesTotal: number | null;
  bytesDone: number;
  /** The file that is worked on just now, relative to the source; null for a single file, or when not known. */
  currentPath: RawName | null;
}

/** What goes with a placement. */
export interface PlaceHooks {
  /** Its abortion ends the work and leaves nothing behind; the promise rejects with the signal's reason. */
  signal: AbortSignal;
  /** Receives a tree's manifest in parts, before anything is published. */
  onManifest: (rows: ManifestRow[]) => Promise<void>;
  /** Called when a further attempt begins: what `onManifest` received so far is void. */
  onRestart: () => Promise<void>;
  /** Receives a sentence for the log at each step, with the numbers that go with it. */
  note: (message: string, fields?: Record<string, unknown>) => void;
  /** Called before anything becomes visible (for what took a second or longer); when it rejects, nothing does. */
  beforePublish: () => Promise<void>;
  /** Receives how far it is, a few times a second while it moves, and at its end. */
  onProgress: (progress: PlaceProgress) => void;
  /**
   * Rows that an earlier attempt of this operation handed to `onManifest`: these files were verified, and may still lie
   * in its private directory. Null: there is none, what lies there is thrown away. A tree goes on from them if they are
   * all there and their sources are the same, and does not report them again; else it calls `onRestart` and begins anew.
   */
  earlier: (() => AsyncIterable<ManifestRow[]>) | null;
  /** Asked when a tree fails: true leaves what was verified in the private directory, for a further attempt. */
  keeps: (error: unknown) => boolean;
  /**
   * True: should this process die before the end is recorded, a further attempt follows. What is published leaves a
   * receipt for it, which tells that attempt what is its operation's own; `LeftOvers.dropReceipts` removes it.
   */
  receipt: boolean;
  /** What this attempt's own places are called. Default: as the operation, and no attempt before had others. */
  privateNames?: PrivateNames;
}

/** What the places are called in which the attempts of an operation build: its id, or that with something behind it. */
export interface PrivateNames {
  /** Nobody else works there meanwhile. */
  own: string;
  /** Of attempts before, which may still be alive. */
  earlier: string[];
}

/** How a placement ended. */
export interface Placement {
  outcome: 'staged' | 'already_present';
  storage: string;
  kind: 'file' | 'directory';
  /** Below the user area. */
  stagedPath: RawName;
  files: number | null;
  bytes: number | null;
  link: LinkKind | null;
  checksum: Checksum | null;
  /** For `already_present`: whether names, sizes and times equal the source's; null when that cannot be told. */
  matchesSource: boolean | null;
  /** For a file that was there already: what its checksum may be found by. */
  present: { device: string; inode: string; size: number; mtimeNs: string } | null;
  /** Rows of the manifest that were not handed to `onManifest` (a single file's). */
  manifest: ManifestRow[];
  /** True when there is a receipt, to be dropped as soon as the end is recorded. */
  receipt?: true;
}

/** What a placement tells of its receipt. */
export function receiptOf({ receipt }: Pick<PlaceTask, 'receipt'>): Pick<Placement, 'receipt'> {
  return receipt ? { receipt } : {};
}

/** Something that an operation staged in a user's area and that is to be removed again. */
export interface ReleaseRequest {
  operationId: string;
  username: string;
  /** Below the user area. */
  path: RawName[];
  kind: 'file' | 'directory';
  /** `hard`: the files are the storage's own, whose size and time may have changed since; only their identity counts. */
  link: LinkKind | null;
  /** The manifest; a single file's row is called by its name. May be called more than once. */
  rows: () => AsyncIterable<ManifestRow[]>;
}
