import { setMaxListeners } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { readPath } from '../names/path-text';
import { type OpenFile } from '../stager/open-file';
import { type OpenTree } from '../stager/open-tree';
import { type TestSite } from './test-site';

/** What this process holds open below a folder, as paths of the host. */
export function handlesBelow(folder: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((handle) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${handle}`);
      return target === folder || target.startsWith(`${folder}/`) ? [target] : [];
    } catch {
      // Closed meanwhile, as the handle by which the list itself was read.
      return [];
    }
  });
}

/** A signal that is never aborted; any number of readers may listen to it. */
export const never = new AbortController().signal;
setMaxListeners(0, never);

/** Opens what is known to be a file. */
export async function openFile(site: TestSite, source: string, signal = never): Promise<OpenFile> {
  const found = await openSource(site, source, signal);
  if (found.kind !== 'file') throw new Error(`${source} is a directory`);
  return found;
}

/** Opens what is known to be a directory. */
export async function openTree(site: TestSite, source: string, signal = never): Promise<OpenTree> {
  const found = await openSource(site, source, signal);
  if (found.kind !== 'directory') throw new Error(`${source} is a file`);
  return found;
}

/** Opens a source of a test's site; the caller closes it. */
export function openSource(site: TestSite, source: string, signal = never): Promise<OpenFile | OpenTree> {
  const path = readPath('local_path_on_storage', source, null);
  return site.reader.open({ path, storage: undefined, asSent: source, username: 'jane' }, signal);
}

/** All that a stream of pieces gives, each copied before the next is asked for. */
export async function collect(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const piece of pieces) parts.push(Buffer.from(piece));
  return Buffer.concat(parts);
}
