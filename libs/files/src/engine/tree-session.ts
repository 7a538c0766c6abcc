import { errnoOf, type Handle, openDirectory } from '../confined/handle';
import { type PrivateDirectory } from '../confined/private-directory';
import { type ResolvedSource } from '../confined/resolve-source';
import { translate } from '../confined/system-errors';
import { type RawName } from '../names/raw-name';
import { sourceChanged } from './copy-content';
import { NotResumable } from './resume';
import { type PlaceTask, type TreeSession } from './task-types';

/** Where walks over the source of a session begin. */
export function topOf(task: PlaceTask, session: TreeSession): Pick<ResolvedSource, 'root' | 'path' | 'object'> {
  const root = task.storages.roots.find((one) => one.name === session.storage)!;
  return { root, path: session.sourcePath, object: session.source };
}

/** The private directory of a session; its handles stay the session's. */
export function privateOf(session: TreeSession): PrivateDirectory {
  return { handle: session.privateHandle, parent: session.privateParent, name: session.privateName };
}

/**
 * Opens a directory of the copy; where it is none, the source had something else there: a moment ago, or when an earlier
 * attempt read it.
 */
export function openFilled(session: TreeSession, parent: Handle, name: RawName): Handle {
  try {
    return openDirectory(parent, name);
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) throw translate(error, 'target');
    throw session.resumed ? new NotResumable() : sourceChanged();
  }
}
