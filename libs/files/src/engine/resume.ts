import { closeSync, unlinkSync } from 'node:fs';
import { at, eachEntry, errnoOf, type Handle, openDirectory, statName } from '../confined/handle';
import { openExisting, type PrivateDirectory } from '../confined/private-directory';
import { translating } from '../confined/system-errors';
import { type DestinationSpot } from '../confined/user-area';
import { type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';
import { identityOf, IdentitySet, type SharedIdentities } from './identity-set';
import { unseal } from './ownership';
import { PAYLOAD, type PayloadPlace } from './publish';
import { type TreeSession } from './task-types';

/** Thrown when what an earlier attempt left cannot be gone on from: all of it is thrown away then. */
export class NotResumable extends Error {
  constructor() {
    super('What an earlier attempt left cannot be gone on from');
    this.name = 'NotResumable';
  }
}

/** What an earlier attempt built, found again. */
export interface Resumed {
  own: PrivateDirectory;
  parents: PayloadPlace;
  payload: Handle;
}

/**
 * Finds what an earlier attempt of an operation left in its private directory, as it would be built again now; undefined
 * when there is nothing, or it is built in another way. Whether its content is what was verified is {@link pruneTree}'s.
 */
export function findEarlier(target: Handle, spot: DestinationSpot, operationId: string): Resumed | undefined {
  const own = openExisting(target, spot.base, operationId);
  if (!own) return undefined;
  const made: Handle[] = [];
  try {
    let directory = own.handle;
    for (const [index, segment] of spot.missing.entries()) {
      directory = openDirectory(directory, index === 0 ? PAYLOAD : segment);
      made.push(directory);
    }
    const name = made.length > 0 ? spot.name : PAYLOAD;
    return { own, parents: { directory, name, made }, payload: openDirectory(directory, name) };
  } catch (error) {
    for (const handle of [...made, own.handle, own.parent]) if (handle !== spot.base) closeSync(handle);
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/**
 * Removes from what an earlier attempt built all files and links that were not verified, as the identities of its
 * manifest tell. Throws {@link NotResumable} unless all that was verified is there.
 */
export function pruneTree(session: TreeSession, identities: SharedIdentities, control: WorkerControl): void {
  const known = IdentitySet.from(identities);
  control.writing();
  const kept = translating('target', () => prune(session.payloadParent, session.payloadName, '', known, control));
  if (kept !== known.size) throw new NotResumable();
}

function prune(parent: Handle, name: RawName, path: RawName, known: IdentitySet, control: WorkerControl): number {
  const handle = openDirectory(parent, name);
  let kept = 0;
  try {
    unseal(handle);
    const below: RawName[] = [];
    eachEntry(handle, (entry, kind) => {
      control.step();
      const inner = path === '' ? entry : `${path}/${entry}`;
      if (kind === 'directory') below.push(entry);
      else if (isKnown(handle, entry, inner, known)) kept += 1;
      else unlinkSync(at(handle, entry));
    });
    for (const entry of below) kept += prune(handle, entry, path === '' ? entry : `${path}/${entry}`, known, control);
    return kept;
  } finally {
    closeSync(handle);
  }
}

function isKnown(directory: Handle, name: RawName, path: RawName, known: IdentitySet): boolean {
  const stat = statName(directory, name)!;
  const [device, inode] = [String(stat.dev), String(stat.ino)];
  return known.has(identityOf({ path, size: Number(stat.size), mtimeNs: String(stat.mtimeNs), device, inode }));
}

/** Throws {@link NotResumable} when a directory of the copy has other entries than its source. */
export function checkEntries(copy: Handle, source: Handle, control: WorkerControl): void {
  control.writing();
  const there = countEntries(copy);
  control.reading();
  if (there !== countEntries(source)) throw new NotResumable();
}

function countEntries(directory: Handle): number {
  let count = 0;
  eachEntry(directory, () => void (count += 1));
  return count;
}
