import { closeSync, unlinkSync, type BigIntStats } from 'node:fs';
import { at, eachEntry, errnoOf, type Handle, openDirectory, statName } from '../confined/handle';
import { openExisting, type PrivateDirectory, type PrivatePlace } from '../confined/private-directory';
import { translating } from '../confined/system-errors';
import { type DestinationSpot } from '../confined/user-area';
import { inTree, type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';
import { identifiedBy, identityOf, IdentitySet, type SharedIdentities } from './identity-set';
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
export function findEarlier(target: Handle, spot: DestinationSpot, how: PrivatePlace): Resumed | undefined {
  const own = openExisting(target, spot.base, how);
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

/** What of a tree is there already. */
export interface Kept {
  /** Files, links and directories. */
  entries: number;
  /** Bytes that they take on disk. */
  allocated: number;
}

/**
 * Removes from what an earlier attempt built all files and links that were not verified, as the identities of its
 * manifest tell. Throws {@link NotResumable} unless all that was verified is there.
 */
export function pruneTree(session: TreeSession, identities: SharedIdentities, control: WorkerControl): Kept {
  const pruning = new Pruning(IdentitySet.from(identities), control);
  control.writing();
  translating('target', () => pruning.directory(session.payloadParent, session.payloadName, ''));
  return pruning.result();
}

class Pruning {
  private files = 0;
  private readonly kept: Kept = { entries: 0, allocated: 0 };

  constructor(
    private readonly verified: IdentitySet,
    private readonly control: WorkerControl,
  ) {}

  directory(parent: Handle, name: RawName, path: RawName): void {
    const handle = openDirectory(parent, name);
    try {
      unseal(handle);
      this.kept.entries += 1;
      const below: RawName[] = [];
      eachEntry(handle, (entry, kind) => {
        this.control.step();
        if (kind === 'directory') below.push(entry);
        else this.entry(handle, entry, inTree(path, entry));
      });
      for (const entry of below) this.directory(handle, entry, inTree(path, entry));
    } finally {
      closeSync(handle);
    }
  }

  private entry(directory: Handle, name: RawName, path: RawName): void {
    const stat = statName(directory, name)!;
    if (!isVerified(stat, path, this.verified)) return unlinkSync(at(directory, name));
    this.files += 1;
    this.kept.entries += 1;
    this.kept.allocated += Number(stat.blocks) * 512;
  }

  result(): Kept {
    if (this.files !== this.verified.size) throw new NotResumable();
    return this.kept;
  }
}

/** Whether something is what an earlier attempt verified at this place of the tree. */
export function isVerified(stat: BigIntStats, path: RawName, verified: IdentitySet): boolean {
  return verified.has(identityOf(identifiedBy(path, stat)));
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
