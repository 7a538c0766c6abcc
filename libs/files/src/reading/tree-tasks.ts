import { type ArchiveFormat, writeArchive } from '../archive/archive';
import { closingOnError, type Handle, statHandle } from '../confined/handle';
import { type RootSpec } from '../confined/root';
import { type StorageView } from '../confined/source-access';
import { translating } from '../confined/system-errors';
import { fingerprintTree } from '../engine/fingerprint';
import { openTreeFile, type TreeFile } from '../engine/tree-file';
import { surveyTree, type TreeLimits, type TreeSurvey } from '../engine/survey';
import { type TreeVisitor, TreeWalk } from '../engine/tree-walk';
import { unsupported } from '../engine/source-kind';
import { type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';
import { asFile, type HeldHandle, modeOf, type OpenedFile } from './source-tasks';
import { SlotSink } from './slot-sink';

/** Names an open directory of a storage, which is walked. */
export interface TreeTask extends HeldHandle {
  storages: StorageView;
  /** The real names from the root down. */
  realPath: RawName[];
}

/** One entry of a tree, as a worker tells it. A file comes open; its handle is the receiver's to close. */
export type WalkedEntry =
  | { type: 'directory'; path: RawName; mode: number; mtimeNs: string }
  | { type: 'link'; path: RawName; text: RawName }
  | { type: 'file'; path: RawName; opened: OpenedFile };

/** What a tree says of one of its entries, which nobody has opened. */
export type NamedEntry = { type: 'directory' | 'file'; path: RawName } | { type: 'link'; path: RawName; text: RawName };

/** Names that are told at once. */
const NAMES_AT_ONCE = 500;

/** Entries that are told ahead of the reader: each may be an open file. */
const ENTRIES_AHEAD = 8;

const WHOLE = { index: 0, of: 1, byDirectory: false };

/** The tree's top as a walk wants it. */
export function topOf(task: TreeTask): { root: RootSpec; path: RawName[]; object: Handle } {
  const root = task.storages.roots.find((one) => one.ordinal === task.root)!;
  return { root, path: task.realPath, object: task.handle };
}

/** Counts a tree and takes its fingerprint. Throws `quota_exceeded` beyond the limits, and what a walk throws. */
export function surveySource(
  task: TreeTask & { limits: TreeLimits },
  control: WorkerControl,
): TreeSurvey & { fingerprint: string } {
  const top = topOf(task);
  return translating('source', () => {
    const survey = surveyTree(task.storages, top, { limits: task.limits, sizes: true, shard: WHOLE }, control);
    return { ...survey, fingerprint: fingerprintTree(task.storages, top, WHOLE, control) };
  });
}

/** The fingerprint of a tree as it is now; throws what a walk throws. */
export function fingerprintSource(task: TreeTask, control: WorkerControl): string {
  return translating('source', () => fingerprintTree(task.storages, topOf(task), WHOLE, control));
}

/** Counts what an archive of a tree would hold. Throws `quota_exceeded` beyond the limits, and what a walk throws. */
export function countArchive(task: TreeTask & { limits: TreeLimits }, control: WorkerControl): TreeSurvey {
  const how = { limits: task.limits, sizes: true, shard: WHOLE, omitting: true };
  return translating('source', () => surveyTree(task.storages, topOf(task), how, control));
}

/**
 * Reports each entry of a tree but its top, parents before children, files open; waits while the receiver has some
 * unread. What was reported is the receiver's also when the walk fails. Throws what a walk throws.
 */
export function walkEntries(task: TreeTask, control: WorkerControl): void {
  const emit = (entry: WalkedEntry) => control.emit(entry, ENTRIES_AHEAD);
  const visitor: TreeVisitor<void> = {
    enter(path, _name, _parent, handle) {
      if (path === '') return;
      const stat = statHandle(handle);
      emit({ type: 'directory', path, mode: modeOf(stat), mtimeNs: String(stat.mtimeNs) });
    },
    file: (file) => emit({ type: 'file', path: file.path, opened: openEntry(file, control) }),
    link: (path, _name, text) => emit({ type: 'link', path, text }),
  };
  translating('source', () => new TreeWalk(task.storages, visitor, control).run(topOf(task)));
}

/** Reports what is in a tree in parts, parents before children, without opening its files; throws what a walk throws. */
export function walkNames(task: TreeTask, control: WorkerControl): void {
  const names: NamedEntry[] = [];
  const tell = () => control.emit(names.splice(0));
  const add = (entry: NamedEntry) => {
    names.push(entry);
    if (names.length >= NAMES_AT_ONCE) tell();
  };
  const visitor: TreeVisitor<void> = {
    enter: (path) => (path === '' ? undefined : add({ type: 'directory', path })),
    file: ({ path }) => add({ type: 'file', path }),
    link: (path, _name, text) => add({ type: 'link', path, text }),
  };
  translating('source', () => new TreeWalk(task.storages, visitor, control).run(topOf(task)));
  if (names.length > 0) tell();
}

/** Asks for a tree as an archive, in which everything lies below `name`. */
export interface ArchiveTask extends TreeTask {
  name: RawName;
  format: ArchiveFormat;
  slots: readonly [SharedArrayBuffer, SharedArrayBuffer];
}

/** Writes a tree's archive into two slots in turn, reporting each as `FilledSlot`; throws what {@link writeArchive} does. */
export function archiveSource(task: ArchiveTask, control: WorkerControl): void {
  const top = { ...topOf(task), name: task.name };
  writeArchive(task.storages, top, task.format, new SlotSink(task.slots, control), control);
}

function openEntry(file: TreeFile, control: WorkerControl): OpenedFile {
  return closingOnError(openTreeFile(file), (handle) => {
    const stat = translating('source', () => statHandle(handle));
    if (!stat.isFile()) throw unsupported(file.path);
    return asFile({ handle, root: control.storageRead }, stat);
  });
}
