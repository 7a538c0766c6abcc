import { closeSync, symlinkSync, unlinkSync, type BigIntStats } from 'node:fs';
import { at, errnoOf, type Handle, readLink, statHandle } from '../confined/handle';
import { withStagingDirectory } from '../confined/private-directory';
import { openRoot, type RootSpec } from '../confined/root';
import { translating } from '../confined/system-errors';
import { type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';
import { type PlacedResult, type PlaceTask } from './task-types';

/** What a placement came to, as far as its end is recorded by it. */
export interface PlacedFacts extends Pick<PlacedResult, 'storage' | 'kind' | 'files' | 'bytes' | 'link' | 'checksum'> {
  /** True where the manifest was handed over already. */
  isTree: boolean;
}

/**
 * What an attempt is about to publish, and by what it is known afterwards. It outlives a process that dies before it has
 * recorded the end, so that a further attempt of the operation knows its own work from what somebody else put there. Each
 * attempt has its own, called as its private directory is: one that is alive although another has begun disturbs no other's.
 */
export interface Receipt extends PlacedFacts {
  identity: string;
}

const SUFFIX = '.receipt';
/** Errors of symlink(2) where the file system has no symbolic links. */
const NO_SYMLINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/**
 * What a published object is known by. Not by its device, whose number another host or another start may tell otherwise: it
 * lies on the target's file system in any case.
 */
export function publishedIdentity(stat: BigIntStats): string {
  // The size of a directory is the file system's own business.
  return [stat.ino, stat.mtimeNs, stat.isDirectory() ? '-' : stat.size].join(' ');
}

/** Publishes with a receipt, where the task asks for one; what was not published has none. */
export function leavingReceipt(
  task: Pick<PlaceTask, 'receipt' | 'privateName'>,
  target: Handle,
  facts: PlacedFacts,
  payload: Handle,
  publish: () => void,
): void {
  if (!task.receipt) return publish();
  const { storage, kind, files, bytes, link, checksum, isTree } = facts;
  translating('target', () => {
    const identity = publishedIdentity(statHandle(payload));
    writeReceipt(target, task.privateName, { storage, kind, files, bytes, link, checksum, isTree, identity });
  });
  try {
    publish();
  } catch (error) {
    try {
      removeReceipt(target, task.privateName);
    } catch {
      // Why it was not published says more.
    }
    throw error;
  }
}

function receiptName(privateName: string): RawName {
  return `${privateName}${SUFFIX}`;
}

/** What the private directory is called to which a name in `.staging` is the receipt; undefined for other names. */
export function privateNameOfReceipt(name: RawName): string | undefined {
  return name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : undefined;
}

/**
 * Writes a receipt, in place of an earlier one of this name: as the text of a symbolic link, which comes to be in one
 * step and whole. Where the file system has none, nothing is written, and a further attempt finds what it finds.
 */
function writeReceipt(target: Handle, privateName: string, receipt: Receipt): void {
  const text = JSON.stringify(receipt);
  withStagingDirectory(target, (staging) => {
    const name = receiptName(privateName);
    try {
      symlinkSync(text, at(staging, name));
    } catch (error) {
      const errno = errnoOf(error) ?? '';
      if (NO_SYMLINKS.has(errno)) return;
      if (errno !== 'EEXIST') throw error;
      unlinkSync(at(staging, name));
      symlinkSync(text, at(staging, name));
    }
  });
}

/** The receipt of an attempt; undefined when there is none. */
export function readReceipt(target: Handle, privateName: string): Receipt | undefined {
  return withStagingDirectory(target, (staging) => {
    try {
      const raw = readLink(staging, receiptName(privateName));
      return JSON.parse(Buffer.from(raw, 'latin1').toString('utf8')) as Receipt;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EINVAL') return undefined;
      throw error;
    }
  });
}

/** Removes the receipt of an attempt; idempotent. */
export function removeReceipt(target: Handle, privateName: string): void {
  withStagingDirectory(target, (staging) => removeFrom(staging, privateName));
}

function removeFrom(staging: Handle, privateName: string): void {
  try {
    unlinkSync(at(staging, receiptName(privateName)));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** Removes the receipts of attempts whose operations' ends are recorded: nobody needs them any more. Idempotent. */
export function dropReceipts({ target, names }: { target: RootSpec; names: string[] }, control: WorkerControl): void {
  const root = openRoot(target, control.touch);
  try {
    translating('target', () =>
      withStagingDirectory(root, (staging) => {
        for (const name of names) {
          control.step();
          removeFrom(staging, name);
        }
      }),
    );
  } finally {
    closeSync(root);
  }
}
