import { AppError } from '@app/core';
import { type PrivateNames, type RawName } from '@app/files';
import { ServerDown, ServerRefused } from './client/server-errors';
import { REMOVE, REMOVE_EMPTY } from './programs';
import { textOf } from './remote-path';
import { type ServerSession } from './server-session';

/** Time for all that tidies up after a failure. */
const CLEAN_UP_MS = 10_000;
/** What was asked for must come to an end before it is known how: no other signal ends it. */
const PUBLISH_MS = 60_000;

/**
 * Where one operation's result is built: a visible name beside the destination (the server hides nothing for us, and
 * refuses hidden names), with the directories on the way to it. Becomes the destination in one step, or goes away.
 */
export class StagingPlace {
  /** The destination. */
  readonly path: string;
  /** Where the result is built. */
  readonly temporary: string;
  /** Where attempts before built it that may still be alive: they have lost the operation. */
  private readonly earlier: string[];
  /** The directory of both; empty where the contents begin. */
  readonly parent: string;
  /** Directories on the way that are not there, the first to be made first. */
  private missing: string[] = [];
  /** Directories that were made, deepest first. */
  private readonly made: string[] = [];

  constructor(
    private readonly session: ServerSession,
    names: readonly RawName[],
    private readonly kind: 'file' | 'directory',
    privateNames: PrivateNames,
    private readonly note: (message: string, fields?: Record<string, unknown>) => void,
  ) {
    this.path = textOf(names.join('/'));
    this.parent = textOf(names.slice(0, -1).join('/'));
    this.temporary = this.below(this.parent, temporaryName(privateNames.own));
    this.earlier = privateNames.earlier.map((name) => this.below(this.parent, temporaryName(name)));
  }

  private below(directory: string, name: string): string {
    return directory === '' ? name : `${directory}/${name}`;
  }

  /** Whether there is a way to the destination already. Throws `destination_conflict` when a file is in it. */
  async isReachable(signal: AbortSignal): Promise<boolean> {
    this.missing = await missingDirectories(this.session, this.parent, signal);
    return this.missing.length === 0;
  }

  /** Removes what earlier attempts of the same operation left, if they failed, were killed or lost it. */
  async removeLeft(signal: AbortSignal): Promise<void> {
    for (const path of [this.temporary, ...this.earlier]) {
      const left = await this.session.attempt((contents) => contents.stat(path, signal), signal);
      if (!left) continue;
      this.note('What an earlier attempt left is removed', { left: path });
      await this.remove(path, left.type === 'directory', [], signal);
    }
  }

  /** Makes the directories on the way. */
  async prepare(signal: AbortSignal): Promise<void> {
    for (const directory of this.missing) {
      this.made.unshift(directory);
      await this.session.attempt((contents) => contents.makeDirectory(directory, signal), signal);
    }
  }

  /**
   * Makes the result appear. `exists`: something has the name already. `replaceEmpty`: what has it is a directory that
   * was empty. Once it has begun it comes to an end: no signal could tell on which side of it an operation ended.
   */
  async publish(replaceEmpty: boolean): Promise<'published' | 'exists'> {
    const signal = AbortSignal.timeout(PUBLISH_MS);
    if (replaceEmpty) await this.removeEmpty(signal);
    let tries = 0;
    return this.session.attempt(async (contents) => {
      tries += 1;
      try {
        if ((await contents.rename(this.temporary, this.path, signal)) === 'renamed') return 'published';
        return tries > 1 && (await this.isPublished(signal)) ? 'published' : 'exists';
      } catch (error) {
        if (error instanceof ServerDown || !(await this.isPublished(signal))) throw error;
        return 'published';
      }
    }, signal);
  }

  /** Whether a rename was made whose answer did not come (the server died with it, or was too slow). */
  private async isPublished(signal: AbortSignal): Promise<boolean> {
    const contents = await this.session.contents(signal);
    const [old, now] = [await contents.stat(this.temporary, signal), await contents.stat(this.path, signal)];
    return old === null && now !== null;
  }

  /** Without a kernel the server itself sees to it that nothing but an empty directory goes. */
  private async removeEmpty(signal: AbortSignal): Promise<void> {
    if (await this.session.hasKernel(signal)) await this.session.run(REMOVE_EMPTY, { top: this.path }, signal);
    else await this.removeOne(this.path, signal).catch(keepRefusal);
  }

  /**
   * Removes all that this operation made, since it failed. Never rejects; what cannot be removed is told in the log, by
   * its name.
   */
  async discard(): Promise<void> {
    const signal = AbortSignal.timeout(CLEAN_UP_MS);
    this.session.forgetRevivals();
    try {
      await this.remove(this.temporary, this.kind === 'directory', this.made, signal);
    } catch (error) {
      this.note('What was begun could not be removed from the Jupyter server', {
        left: this.temporary,
        reason: error instanceof Error ? error.message : undefined,
      });
    }
  }

  private async remove(top: string, isDirectory: boolean, parents: string[], signal: AbortSignal): Promise<void> {
    const { session } = this;
    // The kernel can remove what is sealed, and leaves nothing in a trash.
    if (await session.hasKernel(signal)) {
      await session.run(REMOVE, { top, parents }, signal);
      return;
    }
    if (isDirectory) await this.removeTree(top, signal);
    else await this.removeOne(top, signal);
    for (const parent of parents) {
      if ((await session.attempt((contents) => contents.list(parent, signal), signal))?.length) return;
      await this.removeOne(parent, signal).catch(keepRefusal);
    }
  }

  private async removeTree(directory: string, signal: AbortSignal): Promise<void> {
    const entries = await this.session.attempt((contents) => contents.list(directory, signal), signal);
    for (const { name, type } of entries ?? []) {
      if (type === 'directory') await this.removeTree(this.below(directory, name), signal);
      else await this.removeOne(this.below(directory, name), signal);
    }
    await this.removeOne(directory, signal);
  }

  private removeOne(path: string, signal: AbortSignal): Promise<void> {
    return this.session.attempt((contents) => contents.remove(path, signal), signal);
  }
}

/**
 * The directories down to `path` that are not there, the first to be made first. Throws `destination_conflict` when a
 * file is in the way.
 */
export async function missingDirectories(session: ServerSession, path: string, signal: AbortSignal): Promise<string[]> {
  const names = path === '' ? [] : path.split('/');
  const directories = names.map((_name, index) => names.slice(0, index + 1).join('/'));
  // Not from below: asked for something below a file, a server fails.
  for (const [index, directory] of directories.entries()) {
    const found = await session.attempt((contents) => contents.stat(directory, signal), signal);
    if (found && found.type !== 'directory') throw fileInTheWay(directory);
    if (!found) return directories.slice(index);
  }
  return [];
}

/** Visible, since the server hides nothing for us. */
function temporaryName(name: string): string {
  return `staging-${name}.part`;
}

function fileInTheWay(path: string): AppError {
  return new AppError('destination_conflict', `${path} is a file, no directory. Choose another destination.`);
}

function keepRefusal(error: unknown): void {
  if (!(error instanceof ServerRefused)) throw error;
}
