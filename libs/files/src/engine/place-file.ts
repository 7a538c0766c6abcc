import { closeSync, symlinkSync, type BigIntStats } from 'node:fs';
import { at, closingOnError, errnoOf, type Handle, reopenForReading, statHandle, statName } from '../confined/handle';
import { type PrivateDirectory } from '../confined/private-directory';
import { type ResolvedSource } from '../confined/resolve-source';
import { translate } from '../confined/system-errors';
import { type DestinationSpot } from '../confined/user-area';
import { rawPath } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';
import { symbolicTarget } from './compare';
import { sourceChanged } from './copy-content';
import { type Checksum } from './hashing';
import { identifiedBy } from './identity-set';
import { checkSource, type ContentOptions, holdPlaced, placeCopy, placeLink, type PlacedFile } from './place-content';
import { type PayloadPlace, publish, sealMade } from './publish';
import { leavingReceipt } from './receipt';
import { type FoundSource, type ManifestRow, type PlacedResult, type PlaceTask } from './task-types';

/** Everything that placing one file (or one symbolic link) needs. */
export interface FilePlacement {
  task: PlaceTask;
  source: ResolvedSource;
  target: Handle;
  spot: DestinationSpot;
  own: PrivateDirectory;
  parents: PayloadPlace;
  control: WorkerControl;
}

type Placed = Omit<PlacedFile, 'how'> & { how: PlacedFile['how'] | 'symbolic'; handle: Handle };

/** Builds one file in the private directory, verifies and seals it, and publishes it in one step. */
export function placeFile(placement: FilePlacement, found: FoundSource & { stagedPath: string }): PlacedResult {
  const { task, source, target, spot, own, parents, control } = placement;
  if (task.content !== 'symlink') control.expect(1, Number(source.stat.size));
  const placed = build(placement);
  const result = describe(placed, found);
  try {
    control.writing();
    sealMade(parents, task.ownership, spot.areaGroup);
    control.askToPublish();
    const { base, missing, name } = spot;
    const payload = placed.handle;
    const publication = { private: own, place: parents, payload, base, missing, name, byRename: task.publishByRename };
    leavingReceipt(task, target, { ...result, isTree: false }, payload, () => publish(publication));
  } finally {
    closeSync(placed.handle);
  }
  control.files(1);
  return result;
}

function build(placement: FilePlacement): Placed {
  switch (placement.task.content) {
    case 'copy':
      return copy(placement);
    case 'link':
      return link(placement);
    case 'symlink':
      return symlink(placement);
  }
}

function describe({ stat, checksum, how }: Placed, found: FoundSource & { stagedPath: string }): PlacedResult {
  const symbolic = how === 'symbolic';
  return {
    type: 'placed',
    isEarlier: false,
    ...found,
    files: 1,
    bytes: symbolic ? 0 : Number(stat.size),
    link: how === 'copy' ? null : how,
    checksum,
    manifest: [manifestRow('', symbolic ? 'link' : 'file', stat, checksum)],
  };
}

function copy({ task, source, spot, parents, control }: FilePlacement): Placed {
  const content = reopen(source, control);
  try {
    const before = statHandle(content);
    const options = contentOptions(task, source.root.name, spot.areaGroup, true);
    const placed = placeCopy(content, before, parents.directory, parents.name, options, control);
    control.reading();
    closingOnError(placed.handle, () => {
      const after = statHandle(content);
      if (after.size !== before.size || after.mtimeNs !== before.mtimeNs) throw sourceChanged();
    });
    return placed;
  } catch (error) {
    throw translate(error, 'source');
  } finally {
    closeSync(content);
  }
}

function link({ task, source, spot, parents, control }: FilePlacement): Placed {
  const { parent, path, stat } = source;
  const options = contentOptions(task, source.root.name, spot.areaGroup, true);
  // The very object that was resolved, so it was found readable there.
  const from = { parent, name: path.at(-1)!, stat, path: '', reader: null };
  const placed = placeLink(from, parents.directory, parents.name, options, control);
  const checksum = checkLinked(task, source, control);
  return { ...placed, checksum, handle: holdPlaced(parents.directory, parents.name) };
}

function symlink({ task, source, parents, control }: FilePlacement): Placed {
  const checksum = checkLinked(task, source, control);
  control.writing();
  symlinkSync(rawPath(symbolicTarget(task, source)), at(parents.directory, parents.name));
  const stat = statName(parents.directory, parents.name)!;
  return { how: 'symbolic', stat, checksum, handle: holdPlaced(parents.directory, parents.name) };
}

function checkLinked(task: PlaceTask, source: ResolvedSource, control: WorkerControl): PlacedFile['checksum'] {
  if (!task.expected) return null;
  const content = reopen(source, control);
  try {
    return checkSource(content, task.expected, control);
  } finally {
    closeSync(content);
  }
}

function reopen(source: ResolvedSource, control: WorkerControl): Handle {
  control.reading(source.root.ordinal);
  try {
    return reopenForReading(source.object);
  } catch (error) {
    // Somebody holds it open to write to it, and has a lease on that (fcntl(2)).
    if (errnoOf(error) === 'EAGAIN') throw sourceChanged();
    throw translate(error, 'source');
  }
}

/** What each file of a task needs; `storage` is where it comes from. */
export function contentOptions(
  task: PlaceTask,
  storage: string,
  areaGroup: number | undefined,
  flush: boolean,
): ContentOptions {
  const { algorithm, expected, ownership } = task;
  const clone = task.cloneFrom.includes(storage);
  return { kind: task.content === 'link' ? 'link' : 'copy', algorithm, expected, clone, flush, ownership, areaGroup };
}

/** One file or link of the manifest. */
export function manifestRow(
  path: string,
  kind: 'file' | 'link',
  stat: BigIntStats,
  checksum: Checksum | null,
): ManifestRow {
  return { ...identifiedBy(path, stat), kind, checksum };
}
