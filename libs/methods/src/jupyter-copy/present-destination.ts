import { destinationOfOtherKind, type OpenFile, type OpenTree } from '@app/files';
import { type ContentsEntry } from './client/contents-client';
import { ServerRefused } from './client/server-errors';
import { isSameTime } from './modified-time';
import { COMPARE, type KernelEntry, SEES } from './programs';
import { textOf } from './remote-path';
import { type ServerSession } from './server-session';
import { type UploadSource } from './upload-source';

/** Entries that are compared at once. */
const BATCH = 500;

/**
 * What has the name of the destination: `free` when nothing has, `replaceable` for an empty directory that a tree may
 * take the place of. Throws `destination_conflict` for something of another kind.
 */
export async function lookAtDestination(
  session: ServerSession,
  path: string,
  source: UploadSource,
  signal: AbortSignal,
): Promise<'free' | 'replaceable' | ContentsEntry> {
  const found = await session.attempt((contents) => contents.stat(path, signal), signal);
  if (!found) return 'free';
  const kind = found.type === 'directory' ? 'directory' : 'file';
  if (kind !== source.kind) throw destinationOfOtherKind(kind, source.kind);
  if (source.kind === 'file' || source.survey.files + source.survey.directories === 1) return found;
  const listing = await unlessRefused(session.attempt((contents) => contents.list(path, signal), signal));
  return listing?.length === 0 ? 'replaceable' : found;
}

/**
 * Whether what is at the destination equals the source: names and sizes, and where a kernel can be had the content, else
 * the times. Null when that cannot be told.
 */
export async function matchesSource(
  session: ServerSession,
  path: string,
  present: ContentsEntry,
  source: UploadSource,
  signal: AbortSignal,
): Promise<boolean | null> {
  const listing = source.kind === 'file' ? null : new ListingComparison(session, path, signal);
  const sizes =
    source.kind === 'file'
      ? present.size === null || present.size === source.bytes
      : await unlessRefused(listing!.run(source.tree));
  if (sizes !== true) return sizes;
  if (!(await session.hasKernel(signal, source.bytes))) {
    const times = source.kind === 'file' ? isAsOld(present, source.file) : source.links === 0 && listing!.timesAgree;
    return times || null;
  }
  if ((await session.run(SEES, { top: path }, signal)) !== true) return null;
  const compare = async (entries: KernelEntry[]) => {
    return (await session.run(COMPARE, { top: path, entries }, signal, source.bytes)) === true;
  };
  if (source.kind === 'file') {
    const { size, mtimeNs } = source.file.identity;
    const { value: sha256 } = await source.file.checksum('sha256', signal);
    return compare([{ kind: 'file', path: '', size, sha256, mtimeNs }]);
  }
  return compareTree(source.tree, compare, signal);
}

async function compareTree(
  tree: OpenTree,
  compare: (entries: KernelEntry[]) => Promise<boolean>,
  signal: AbortSignal,
): Promise<boolean> {
  let batch: KernelEntry[] = [];
  for await (const entry of tree.entries(signal)) {
    const path = textOf(entry.path);
    if (entry.type === 'link') batch.push({ kind: 'link', path, text: textOf(entry.text) });
    if (entry.type === 'file') {
      try {
        const { size, mtimeNs } = entry.file.identity;
        const { value: sha256 } = await entry.file.checksum('sha256', signal);
        batch.push({ kind: 'file', path, size, sha256, mtimeNs });
      } finally {
        await entry.file.close();
      }
    }
    if (batch.length < BATCH) continue;
    if (!(await compare(batch))) return false;
    batch = [];
  }
  return batch.length === 0 || compare(batch);
}

/** One directory of the destination: what of it the source was not seen to have yet. */
interface Listing {
  path: string;
  names: Map<string, ContentsEntry>;
}

/**
 * Compares a tree's names and sizes with the server's listings, one for each directory that the walk is in. Hidden names
 * at the destination are not seen, so what Jupyter itself leaves there makes no difference.
 */
class ListingComparison {
  /** Whether all files that were seen so far have the times of the source. */
  timesAgree = true;
  private readonly open: Listing[] = [];

  constructor(
    private readonly session: ServerSession,
    private readonly top: string,
    private readonly signal: AbortSignal,
  ) {}

  async run(tree: OpenTree): Promise<boolean> {
    await this.enter('');
    for await (const entry of tree.entries(this.signal)) {
      if (entry.type === 'file') await entry.file.close();
      const path = textOf(entry.path);
      const cut = path.lastIndexOf('/');
      if (!this.leaveUntil(path.slice(0, Math.max(cut, 0)))) return false;
      const { names } = this.open.at(-1)!;
      const found = names.get(path.slice(cut + 1));
      names.delete(path.slice(cut + 1));
      // Servers do not list links that lead nowhere; what they should be is the kernel's to see.
      if (entry.type === 'link') continue;
      if (!found) return false;
      if (entry.type === 'directory') {
        if (found.type !== 'directory') return false;
        await this.enter(path);
      } else if (found.type === 'directory') return false;
      else if (found.size !== null && found.size !== entry.file.identity.size) return false;
      else this.timesAgree &&= isAsOld(found, entry.file);
    }
    return this.leaveUntil(null);
  }

  private async enter(path: string): Promise<void> {
    const directory = path === '' ? this.top : `${this.top}/${path}`;
    const entries = await this.session.attempt((contents) => contents.list(directory, this.signal), this.signal);
    this.open.push({ path, names: new Map((entries ?? []).map((entry) => [entry.name, entry])) });
  }

  /** Leaves the directories that the walk has left; false when one of them has more than the source. */
  private leaveUntil(path: string | null): boolean {
    while (this.open.length > 0 && this.open.at(-1)!.path !== path) {
      if (this.open.pop()!.names.size > 0) return false;
    }
    return true;
  }
}

/** Whether a file has the size and the time of the source, as far as the server tells them. */
function isAsOld({ size, modified }: ContentsEntry, { identity }: OpenFile): boolean {
  return size === identity.size && isSameTime(modified, identity.mtimeNs);
}

/** Null when the server refuses to show something, such as a listing that is too long. */
async function unlessRefused<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ServerRefused) return null;
    throw error;
  }
}
