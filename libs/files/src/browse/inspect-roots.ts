import {
  closeSync,
  constants,
  copyFileSync,
  fchownSync,
  linkSync,
  openSync,
  readFileSync,
  realpathSync,
  statfsSync,
  unlinkSync,
} from 'node:fs';
import { at, errnoOf, type Handle, placeOf, self, statHandle } from '../confined/handle';
import { openStagingDirectory } from '../confined/private-directory';
import { openRoot, type RootSpec } from '../confined/root';
import { type WorkerControl } from '../pool/control';

/** The state of one root. */
export interface RootInspection {
  device: string;
  /** Path with its own links resolved. */
  realPath: string;
  freeBytes: number;
  totalBytes: number;
  readOnly: boolean;
}

/** What the target's file system and the service's rights allow. */
export interface TargetProbe {
  hardLinks: boolean;
  clones: boolean;
  /** Whether files can be given to other users. */
  chown: boolean;
}

/** What is possible between one storage and the target. */
export interface PairProbe {
  storage: string;
  hardLink: boolean;
  clone: boolean;
  note: string | null;
}

/** Opens a root with all its checks and says what it is. */
export function inspectRoot(root: RootSpec, control: WorkerControl): RootInspection {
  const handle = openRoot(root, control.touch);
  try {
    const space = statfsSync(self(handle));
    return {
      device: String(statHandle(handle).dev),
      realPath: realpathSync(root.path),
      freeBytes: space.bavail * space.bsize,
      totalBytes: space.blocks * space.bsize,
      readOnly: mountOptions(handle).includes('ro'),
    };
  } finally {
    closeSync(handle);
  }
}

/** The mount options of what a handle lies on (proc(5), mountinfo). */
function mountOptions(handle: Handle): string[] {
  return mountLine(handle)?.options ?? [];
}

function mountLine(handle: Handle): { options: string[]; source: string } | undefined {
  const id = placeOf(handle).split(':')[0];
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const fields = line.split(' ');
    if (fields[0] !== id) continue;
    const rest = fields.slice(fields.indexOf('-') + 1);
    return { options: [...(fields[5] ?? '').split(','), ...(rest[2] ?? '').split(',')], source: rest[1] ?? '' };
  }
  return undefined;
}

/** Tries in the service's own directory what the target's file system can do; leaves nothing behind. */
export function probeTarget(target: RootSpec, control: WorkerControl): TargetProbe {
  const root = openRoot(target, control.touch);
  try {
    const staging = openStagingDirectory(root);
    try {
      return tryAll(staging);
    } finally {
      closeSync(staging);
    }
  } finally {
    closeSync(root);
  }
}

function tryAll(staging: Handle): TargetProbe {
  const base = `probe-${process.pid}-${Date.now()}`;
  const names = [base, `${base}-link`, `${base}-clone`] as const;
  const file = openSync(at(staging, names[0]), constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    return {
      hardLinks: works(() => linkSync(at(staging, names[0]), at(staging, names[1]))),
      clones: works(() =>
        copyFileSync(
          at(staging, names[0]),
          at(staging, names[2]),
          constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE,
        ),
      ),
      chown: works(() => fchownSync(file, 65_534, 65_534)),
    };
  } finally {
    closeSync(file);
    for (const name of names) works(() => unlinkSync(at(staging, name)));
  }
}

function works(call: () => void): boolean {
  try {
    call();
    return true;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

/** Tells by mounts and devices what is possible between a storage and the target, without writing to the storage. */
export function probePair(
  task: { storage: RootSpec; target: RootSpec; probe: TargetProbe },
  control: WorkerControl,
): PairProbe {
  const storage = openRoot(task.storage, control.touch);
  try {
    const target = openRoot(task.target, control.touch);
    try {
      const hardLink = task.probe.hardLinks && placeOf(storage) === placeOf(target);
      const sameSource = statHandle(storage).dev === statHandle(target).dev || sameMountSource(storage, target);
      const clone = task.probe.clones && sameSource;
      return {
        storage: task.storage.name,
        hardLink,
        clone,
        note: hardLink ? null : 'on another file system or mount than the user areas',
      };
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(storage);
  }
}

/** btrfs gives each subvolume a device number of its own, yet clones between them. */
function sameMountSource(one: Handle, other: Handle): boolean {
  const source = mountLine(one)?.source ?? '';
  return source.startsWith('/dev/') && source === mountLine(other)?.source;
}
