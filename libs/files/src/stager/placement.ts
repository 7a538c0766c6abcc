import { type Checksum } from '../engine/hashing';
import { type LinkKind, type ManifestRow } from '../engine/task-types';
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
}
