import { closeSync } from 'node:fs';
import { type Handle, statName } from '../confined/handle';
import { openExisting, type PrivatePlace } from '../confined/private-directory';
import { openRoot } from '../confined/root';
import { translating } from '../confined/system-errors';
import { type DestinationSpot, locateDestination } from '../confined/user-area';
import { lastName } from '../names/path-text';
import { type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';
import { manifestRow } from './place-file';
import { flushDirectory, PAYLOAD } from './publish';
import { publishedIdentity, readReceipt, type Receipt } from './receipt';
import { type PlacedResult, type PlaceTask } from './task-types';

/**
 * What an earlier attempt of this operation published and did not come to record, as its receipt tells; undefined when none
 * published anything, or something else stands there by now. Needs no source: that may be gone.
 */
export function findPublished(task: PlaceTask, control: WorkerControl): PlacedResult | undefined {
  const path = destinationOf(task);
  if (task.earlierRows === null || path === undefined) return undefined;
  const target = openRoot(task.target, control.touch);
  try {
    control.writing();
    return translating('target', () => {
      for (const privateName of [task.privateName, ...task.earlierNames]) {
        const receipt = readReceipt(target, privateName);
        // The rows of a tree may be gone, where the whole host died.
        if (!receipt || (receipt.isTree && receipt.files !== task.earlierRows)) continue;
        const published = lookFor(receipt, { ...task, privateName }, target, path);
        if (published) return published;
      }
      return undefined;
    });
  } finally {
    closeSync(target);
  }
}

/** Undefined where the source's own name, which only resolving it tells, is part of it. */
function destinationOf({ source, destination }: PlaceTask): RawName[] | undefined {
  if (!destination.intoDirectory) return destination.segments;
  const name = lastName(source.raw);
  return name === undefined ? undefined : [...destination.segments, name];
}

/** What the receipt of one attempt tells; `task` has that one's private name. */
function lookFor(receipt: Receipt, task: PlaceTask, target: Handle, path: RawName[]): PlacedResult | undefined {
  const spot = locateDestination(target, task.destination.username, path, true);
  try {
    const stat = spot.present;
    if (!stat || publishedIdentity(stat) !== receipt.identity) return undefined;
    // A hard link is known by its source: as long as ours is not gone from where it was made, the other may be anybody's.
    if (receipt.link === 'hard' && !receipt.isTree && hasPayload(task, target, spot)) return undefined;
    flushDirectory(spot.base);
    const { storage, kind, files, bytes, link, checksum, isTree } = receipt;
    const rows = isTree ? [] : [manifestRow('', link === 'symbolic' ? 'link' : 'file', stat, checksum)];
    const facts = { storage, kind, files, bytes, link, checksum, manifest: rows };
    return { type: 'placed', isEarlier: true, ...facts, stagedPath: path.join('/') };
  } finally {
    if (spot.base !== target) closeSync(spot.base);
  }
}

function hasPayload(place: PrivatePlace, target: Handle, spot: DestinationSpot): boolean {
  const own = openExisting(target, spot.base, place);
  if (!own) return false;
  try {
    return statName(own.handle, PAYLOAD) !== undefined;
  } finally {
    closeSync(own.handle);
    if (own.parent !== spot.base) closeSync(own.parent);
  }
}
