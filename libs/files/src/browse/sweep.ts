import { closeSync } from 'node:fs';
import { eachEntry, errnoOf, type Handle } from '../confined/handle';
import { nameInArea, openOwn, removePrivate, withStagingDirectory } from '../confined/private-directory';
import { openRoot, type RootSpec } from '../confined/root';
import { openArea, openStep } from '../confined/user-area';
import { privateNameOfReceipt, removeReceipt } from '../engine/receipt';
import { type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';

/** An operation's id; behind it the number of the attempt that began the directory, where it was not the first. */
const OWN_NAME = /^([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})(?:\.[1-9]\d{0,8})?$/;

/**
 * Lists the operations that have a private directory or a receipt in `.staging`; other names there are nobody's business.
 */
export function listPrivate(target: RootSpec, control: WorkerControl): string[] {
  const root = openRoot(target, control.touch);
  try {
    return withStagingDirectory(root, (staging) => {
      const ids = new Set<string>();
      eachEntry(staging, (name, kind) => {
        control.step();
        const own = kind === 'link' ? privateNameOfReceipt(name) : name;
        const id = own === undefined || (kind !== 'directory' && kind !== 'link') ? undefined : OWN_NAME.exec(own)?.[1];
        if (id !== undefined) ids.add(id);
      });
      return [...ids];
    });
  } finally {
    closeSync(root);
  }
}

/** A dead operation and where it may have left a private directory. */
export interface SweepTask {
  target: RootSpec;
  /** What its private directories are called, and so its receipts. */
  names: string[];
  /** The way to its destination, when known: a private directory may lie in any directory of it. */
  destination: { username: RawName; segments: RawName[] } | null;
  /** Its end is recorded, so that its receipts are not needed either. */
  hasEnded: boolean;
}

/** Removes what a dead operation left; what is not a directory of the service's alone stays. Idempotent. */
export function sweepPrivate(task: SweepTask, control: WorkerControl): void {
  const root = openRoot(task.target, control.touch);
  try {
    if (task.hasEnded) for (const name of task.names) removeReceipt(root, name);
    withStagingDirectory(root, (staging) => {
      for (const name of task.names) removeIfOwn(staging, name, control);
    });
    if (task.destination) sweepArea(root, task.destination, task.names.map(nameInArea), control);
  } finally {
    closeSync(root);
  }
}

function sweepArea(
  root: Handle,
  { username, segments }: NonNullable<SweepTask['destination']>,
  names: RawName[],
  control: WorkerControl,
): void {
  const opened: Handle[] = [];
  try {
    let next = openArea(root, username);
    for (let index = 0; next !== undefined; index += 1) {
      opened.push(next);
      for (const name of names) removeIfOwn(next, name, control);
      const segment = segments[index];
      next = segment === undefined || segment === '..' ? undefined : openStep(next, segment);
    }
  } catch (error) {
    // A file or a link on the way: the operation never got further than this either.
    if (errnoOf(error) !== undefined) throw error;
  } finally {
    for (const handle of opened) closeSync(handle);
  }
}

function removeIfOwn(parent: Handle, name: RawName, control: WorkerControl): void {
  let handle: Handle;
  try {
    handle = openOwn(parent, name);
  } catch {
    return; // missing, or not the service's own
  }
  try {
    removePrivate({ handle, parent, name }, () => control.step());
  } finally {
    closeSync(handle);
  }
}
