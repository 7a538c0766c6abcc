import { type StorageRoot } from '@app/core';
import { type OwnershipOptions } from '../accounts/ownership-policy';
import { type Algorithm } from '../engine/hashing';
import { type TreeLimits } from '../engine/survey';

/** What the file library needs to know of the site. */
export interface FilesOptions {
  /** The storages; the first is the default. */
  storages: StorageRoot[];
  /** The directory that holds one area per user. */
  target: string;
  /** Of the above: directories that may be made when they are missing. */
  createWhenMissing: string[];
  /** Name of a file that must exist in each root; undefined: none. */
  marker: string | undefined;
  /** Time without any answer of a storage after which it counts as unavailable, in milliseconds. */
  timeoutMs: number;
  /** Threads that move data. */
  workers: number;
  /** Threads that read sources for those who take them as a stream; a tree under way holds one for as long as it is read. */
  streams: number;
  createAreas: boolean;
  /** What copies are verified with; null for none. */
  algorithm: Algorithm | null;
  /** What is done where no hard link can be made. */
  linkFallback: 'error' | 'copy' | 'symlink';
  /** Each storage as users see it, for symbolic links: by name of the storage. */
  linkPrefixes: Record<string, string>;
  limits: TreeLimits;
  /** `user`: only what the user whom it is for could read by the storage's permissions. */
  sourceAccess: 'service' | 'user';
  ownership: OwnershipOptions;
  /** File with a line `name:uid:gid` a user; undefined: the host's accounts only. */
  userMapFile: string | undefined;
}
