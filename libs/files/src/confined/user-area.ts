import { closeSync, type BigIntStats } from 'node:fs';
import { AppError } from '@app/core';
import { closeAll, errnoOf, type Handle, openDirectory, statHandle, statName } from './handle';
import { type RawName } from '../names/raw-name';
import { destinationConflict, translate } from './system-errors';

/** How far a destination exists: the deepest directory there is, held open, and what is missing below it. */
export interface DestinationSpot {
  /** The deepest existing directory on the way, open for reading. */
  base: Handle;
  /** Directories to be made below `base`, outermost first. */
  missing: RawName[];
  /** The final name. */
  name: RawName;
  /** The state of the final name; undefined when it is free. */
  present: BigIntStats | undefined;
  /** The group of the user area; undefined when the area is still to be made. */
  areaGroup: number | undefined;
}

/** The error for a link on the way to a destination. */
function linkInArea(): AppError {
  return new AppError(
    'path_outside_user_area',
    'The destination leads through a symbolic link; links inside the user area are never followed. Name the directory itself.',
  );
}

/**
 * Walks from the target root to a destination, one handle after the other, and never through a symbolic link: whatever
 * the user does to names meanwhile, what is held stays the directory that was found. The caller closes `base`.
 */
export function locateDestination(
  target: Handle,
  username: RawName,
  path: RawName[],
  createAreas: boolean,
): DestinationSpot {
  const onTheWay = [username, ...path.slice(0, -1)];
  const name = path.at(-1)!;
  const opened: Handle[] = [];
  try {
    let base = target;
    let areaGroup: number | undefined;
    for (const [index, segment] of onTheWay.entries()) {
      const next = openStep(base, segment);
      if (next === undefined) {
        if (index === 0 && !createAreas) throw areaMissing(username);
        return { base: keep(opened, target), missing: onTheWay.slice(index), name, present: undefined, areaGroup };
      }
      opened.push(next);
      base = next;
      if (index === 0) areaGroup = Number(statHandle(next).gid);
    }
    const present = statName(base, name);
    return { base: keep(opened, target), missing: [], name, present, areaGroup };
  } catch (error) {
    closeAll(opened);
    throw translate(error, 'target');
  }
}

/** Opens the area itself for reading; undefined when the user has none. */
export function openArea(target: Handle, username: RawName): Handle | undefined {
  try {
    return openStep(target, username);
  } catch (error) {
    throw translate(error, 'target');
  }
}

/** Opens one directory of an area; undefined when it does not exist. */
export function openStep(parent: Handle, segment: RawName): Handle | undefined {
  try {
    return openDirectory(parent, segment);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return undefined;
    if (errno !== 'ENOTDIR' && errno !== 'ELOOP') throw error;
    if (statName(parent, segment)?.isSymbolicLink()) throw linkInArea();
    throw destinationConflict('A file stands where the destination needs a directory. Choose another destination.');
  }
}

function areaMissing(username: RawName): AppError {
  return new AppError(
    'user_area_missing',
    `The user ${username} has no area here. Ask the operators of this site to create it.`,
  );
}

/** Closes all but the last opened handle; the target root itself is handed on as a handle of its own. */
function keep(opened: Handle[], target: Handle): Handle {
  const base = opened.pop();
  for (const handle of opened.splice(0)) closeSync(handle);
  return base ?? target;
}
