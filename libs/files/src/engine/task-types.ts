import { type Handle } from '../confined/handle';
import { type RootSpec } from '../confined/root';
import { type StorageView } from '../confined/source-access';
import { type RawName } from '../names/raw-name';
import { type SharedIdentities } from './identity-set';
import { type Algorithm, type Checksum } from './hashing';
import { type Ownership } from './ownership';
import { type TreeLimits } from './survey';

/** How data gets to its destination. */
export type ContentKind = 'copy' | 'link' | 'symlink';

/** What a worker needs to know to place one source at one destination. Plain data. */
export interface PlaceTask {
  operationId: string;
  /** What the private directory is called, and those of attempts before that had other ones. */
  privateName: string;
  earlierNames: string[];
  storages: StorageView;
  target: RootSpec;
  source: { raw: RawName; storage: string | undefined; asSent: string };
  destination: { username: RawName; segments: RawName[]; intoDirectory: boolean };
  content: ContentKind;
  /** For symbolic links: each storage as users see it. */
  linkPrefixes: Record<string, RawName>;
  algorithm: Algorithm | null;
  expected: Checksum | null;
  ownership: Ownership;
  ifExists: 'skip' | 'fail';
  createAreas: boolean;
  limits: TreeLimits;
  /** Storages whose files can be cloned to the target. */
  cloneFrom: string[];
  publishByRename: boolean;
  /** Build beside the destination: the last try found another file system there. */
  besideDestination: boolean;
  /** What an earlier attempt of a copied tree verified, to go on from; null: begin anew. */
  resume: SharedIdentities | null;
  /** Leave a receipt of what is published. */
  receipt: boolean;
  /** Rows that earlier attempts of the operation handed over; null for a first attempt. */
  earlierRows: number | null;
}

/** One row of the manifest, as a worker reports it; numbers beyond 2^53 as digits. */
export interface ManifestRow {
  path: RawName;
  kind: 'file' | 'link';
  size: number;
  mtimeNs: string;
  device: string;
  inode: string;
  checksum: Checksum | null;
}

/** The kind of link between result and source; null for a plain copy. */
export type LinkKind = 'hard' | 'symbolic' | 'clone';

/** The source as it was found. */
export interface FoundSource {
  storage: string;
  kind: 'file' | 'directory';
}

/** The end of a placement that needed one worker only. */
export interface PlacedResult extends FoundSource {
  type: 'placed';
  /** True when an earlier attempt had published it. */
  isEarlier: boolean;
  files: number;
  bytes: number;
  /** Where it lies, below the user area. */
  stagedPath: RawName;
  link: LinkKind | null;
  checksum: Checksum | null;
  manifest: ManifestRow[];
}

/** The destination was there already. */
export interface PresentResult extends FoundSource {
  type: 'present';
  stagedPath: RawName;
  /** Whether it equals the source; null when that cannot be told. */
  matches: boolean | null;
  /** Device and inode of a present file, to look its checksum up in an earlier manifest. */
  device: string;
  inode: string;
  size: number;
  mtimeNs: string;
}

/** A tree that is surveyed and has its private directory: to be filled by several workers. */
export interface TreeSession extends FoundSource {
  type: 'tree';
  stagedPath: RawName;
  /** Handles, open in the whole process; given back by the task `close`. */
  target: Handle;
  sourceParent: Handle;
  source: Handle;
  sourcePath: RawName[];
  base: Handle;
  privateParent: Handle;
  privateHandle: Handle;
  privateName: RawName;
  payloadParent: Handle;
  payloadName: RawName;
  made: Handle[];
  payload: Handle;
  missing: RawName[];
  name: RawName;
  areaGroup: number | null;
  /** True when it holds what an earlier attempt built. */
  resumed: boolean;
}

export type PlaceResult = PlacedResult | PresentResult | TreeSession;

/** What one of several workers did of a tree. */
export interface ShardResult {
  /** Files and kept links. */
  files: number;
  bytes: number;
  /** Of the source as it was read. */
  fingerprint: string;
  clones: number;
  copies: number;
}

/** What a worker needs to know to remove what an operation staged. Plain data. */
export interface ReleaseTask {
  target: RootSpec;
  operationId: string;
  username: RawName;
  /** Below the user area. */
  path: RawName[];
  /** True for one thing without entries: a file, or a symbolic link to whatever. */
  isSingle: boolean;
  /** True when the files are the storage's own, whose size and time may have changed. */
  isHard: boolean;
  identities: SharedIdentities;
}
