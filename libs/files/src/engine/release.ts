import { closeSync, fchmodSync, fsyncSync, linkSync, mkdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { AppError } from '@app/core';
import { at, errnoOf, type Handle, openDirectory, placeOf, statHandle, statName } from '../confined/handle';
import { nameInArea, openOwn, withStagingDirectory } from '../confined/private-directory';
import { openRoot } from '../confined/root';
import { translating } from '../confined/system-errors';
import { type DestinationSpot, locateDestination } from '../confined/user-area';
import { showPath } from '../names/path-text';
import { type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';
import { PAYLOAD } from './publish';
import { StagedContent } from './staged-content';
import { type ReleaseTask } from './task-types';

/** How a release ended: removed, or left in its place since it is not, or not only, what was staged. */
export type Release =
  | { released: true; files: number; bytes: number }
  /** `reason` is a sentence for the user: what differs, or was added. */
  | { released: false; reason: string };

/** Names that are tried for what cannot go back to its own. */
const MAX_NAMES = 1000;
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/**
 * Removes what an operation staged: moves it out of sight, compares it with the manifest, and either deletes it, entry by
 * entry as the manifest knows them, or puts it back. A kill at any moment leaves what a further call goes on from: in
 * `<id>.release` what is not compared yet, in `<id>.released` what was found to be equal. What the manifest does not
 * know is never deleted, whenever it was put there.
 */
export function release(task: ReleaseTask, control: WorkerControl): Release {
  const root = openRoot(task.target, control.touch);
  try {
    control.writing();
    const spot = locate(task, root);
    if (typeof spot === 'string') return { released: false, reason: spot };
    try {
      return translating('target', () => releaseAt(task, root, spot, control));
    } finally {
      if (spot.base !== root) closeSync(spot.base);
    }
  } finally {
    closeSync(root);
  }
}

/** Where it was staged; a sentence where the way there is not one of directories any more. */
function locate({ username, path }: ReleaseTask, root: Handle): DestinationSpot | string {
  try {
    return locateDestination(root, username, path, true);
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'storage_unavailable') throw error;
    return 'the directories that lead to it were replaced by something else.';
  }
}

function releaseAt(task: ReleaseTask, root: Handle, spot: DestinationSpot, control: WorkerControl): Release {
  return withStagingDirectory(root, (staging) => {
    const isNear = spot.missing.length > 0 || placeOf(staging) === placeOf(spot.base);
    const parent = isNear ? staging : spot.base;
    const prefix = isNear ? task.operationId : nameInArea(task.operationId);
    return new Releasing(task, spot, { parent, held: `${prefix}.release`, equal: `${prefix}.released` }, control).run();
  });
}

interface PrivatePlace {
  parent: Handle;
  /** Directory that holds what is to be compared. */
  held: RawName;
  /** Directory that holds what was compared, and is deleted. */
  equal: RawName;
}

class Releasing {
  private readonly content: StagedContent;

  constructor(
    task: ReleaseTask,
    private readonly spot: DestinationSpot,
    private readonly place: PrivatePlace,
    control: WorkerControl,
  ) {
    this.content = new StagedContent(task, control);
  }

  run(): Release {
    const { parent, held, equal } = this.place;
    if (statName(parent, equal)) return this.delete();
    if (!statName(parent, held) && !this.isThere()) return { released: true, files: 0, bytes: 0 };
    const directory = this.openHeld();
    try {
      if (!statName(directory, PAYLOAD) && !this.take(directory)) {
        rmdirSync(at(parent, held));
        return { released: true, files: 0, bytes: 0 };
      }
      const difference = this.content.difference(directory, PAYLOAD);
      if (difference !== null) return this.putBack(directory, held, difference);
    } finally {
      closeSync(directory);
    }
    renameSync(at(parent, held), at(parent, equal));
    fsyncSync(parent);
    return this.delete();
  }

  private isThere(): boolean {
    return this.spot.missing.length === 0 && statName(this.spot.base, this.spot.name) !== undefined;
  }

  private openHeld(): Handle {
    const { parent, held } = this.place;
    try {
      mkdirSync(at(parent, held), 0o700);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    return openOwn(parent, held);
  }

  /** Moves what stands at the destination out of sight; false when nothing does. */
  private take(directory: Handle): boolean {
    if (this.spot.missing.length > 0) return false;
    const { base, name } = this.spot;
    try {
      moveDirectory({ from: base, fromName: name, to: directory, toName: PAYLOAD });
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
    fsyncSync(base);
    return true;
  }

  /** Deletes what the manifest knows. What somebody added meanwhile goes back to the user. */
  private delete(): Release {
    const { parent, equal } = this.place;
    const directory = openOwn(parent, equal);
    try {
      const deleted = this.content.delete(directory, PAYLOAD);
      if (statName(directory, PAYLOAD)) {
        return this.putBack(directory, equal, 'something was added while it was removed; only that is left.');
      }
      rmdirSync(at(parent, equal));
      return { released: true, ...deleted };
    } finally {
      closeSync(directory);
    }
  }

  /** Puts what was taken back in one step, beside its place where that is taken by now. */
  private putBack(directory: Handle, own: RawName, difference: string): Release {
    const { missing, name } = this.spot;
    if (missing.length > 0) {
      const reason = `${difference} Its directory is gone, so that it is kept aside; ask the operators of this site.`;
      return { released: false, reason };
    }
    const back = this.freeName(directory, name);
    fsyncSync(this.spot.base);
    rmdirSync(at(this.place.parent, own));
    const where = back === name ? '' : ` It is called ${showPath(back).text} now, since its name was taken meanwhile.`;
    return { released: false, reason: `${difference}${where}` };
  }

  private freeName(directory: Handle, name: RawName): RawName {
    for (let index = 0; index < MAX_NAMES; index += 1) {
      const candidate = index === 0 ? name : `${name.slice(0, 200)}.restored${index === 1 ? '' : `-${index}`}`;
      if (moveBack(directory, this.spot.base, candidate)) return candidate;
    }
    throw new Error('no name is free for what is put back');
  }
}

/** False when the name is taken. */
function moveBack(directory: Handle, base: Handle, name: RawName): boolean {
  if (statName(directory, PAYLOAD)!.isDirectory()) {
    // An empty directory would give way to rename(2): it is somebody's all the same.
    if (statName(base, name)) return false;
    moveDirectory({ from: directory, fromName: PAYLOAD, to: base, toName: name });
    return true;
  }
  try {
    linkSync(at(directory, PAYLOAD), at(base, name));
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    if (!NO_LINKS.has(errnoOf(error) ?? '')) throw error;
    if (statName(base, name)) return false;
    renameSync(at(directory, PAYLOAD), at(base, name));
    return true;
  }
  unlinkSync(at(directory, PAYLOAD));
  return true;
}

interface Move {
  from: Handle;
  fromName: RawName;
  to: Handle;
  toName: RawName;
}

/**
 * Renames; a directory of the service's own that is sealed is opened for that moment, since rename(2) changes its "..".
 */
function moveDirectory({ from, fromName, to, toName }: Move): void {
  const rename = () => renameSync(at(from, fromName), at(to, toName));
  try {
    return rename();
  } catch (error) {
    if (errnoOf(error) !== 'EACCES' || !statName(from, fromName)?.isDirectory()) throw error;
  }
  const handle = openDirectory(from, fromName);
  try {
    const mode = Number(statHandle(handle).mode & 0o7777n);
    fchmodSync(handle, 0o700);
    try {
      rename();
    } finally {
      fchmodSync(handle, mode);
    }
  } finally {
    closeSync(handle);
  }
}
