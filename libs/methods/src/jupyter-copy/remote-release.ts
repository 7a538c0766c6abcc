import { AppError } from '@app/core';
import { type ManifestRow, type RawName, type Release } from '@app/files';
import { type ReleaseContext, type StagedOperation } from '@app/staging';
import { type ContentsClient, type ContentsEntry } from './client/contents-client';
import { member } from './client/json-value';
import { ServerRefused } from './client/server-errors';
import { isSameTime } from './modified-time';
import { SEES } from './programs';
import { COMMIT, COMPARE_ROWS, COUNT_ALL, DELETE_ROWS, PRUNE, PUT_BACK, TAKE } from './release-programs';
import { textOf } from './remote-path';
import { type ServerSession } from './server-session';
import { missingDirectories } from './staging-place';

/** Time to put something back after a failure. */
const PUT_BACK_MS = 10_000;
/** Names that are tried when the place of something was taken meanwhile. */
const MAX_NAMES = 20;

const GONE: Release = { released: true, files: 0, bytes: 0 };

/**
 * Removes from a user's server what one operation staged there, if it still equals the manifest. It gets another name
 * beside its place first, so that nobody who knows it by its path changes it meanwhile. Each step may be done again, also
 * by another process: the names are the operation's, and tell how far an earlier one came.
 */
export class RemoteRelease {
  private readonly path: string;
  private readonly parent: string;
  /** Its name while it is compared. */
  private readonly taken: string;
  /** Its name once all was compared: what has it is deleted. */
  private readonly removed: string;
  private readonly signal: AbortSignal;

  constructor(
    private readonly session: ServerSession,
    names: readonly RawName[],
    private readonly staged: Pick<StagedOperation, 'kind'> & { operation: { id: string } },
    private readonly context: ReleaseContext,
  ) {
    this.signal = context.signal;
    this.path = textOf(names.join('/'));
    this.parent = textOf(names.slice(0, -1).join('/'));
    const temporary = `${this.parent === '' ? '' : `${this.parent}/`}staging-${staged.operation.id}`;
    this.taken = `${temporary}.release`;
    this.removed = `${temporary}.released`;
  }

  /** Resolves with how it ended. Rejects with the signal's reason; what was taken by then waits for the next call. */
  async run(): Promise<Release> {
    const found = await this.find();
    if (found === null) return GONE;
    const { session, signal } = this;
    const seesIt = (await session.hasKernel(signal)) && (await session.run(SEES, { top: found }, signal)) === true;
    return seesIt ? this.byKernel() : session.attempt((contents) => this.byContents(contents), signal);
  }

  /** The name that it has now; null when it is not there any more. */
  private async find(): Promise<string | null> {
    const { session, signal } = this;
    try {
      if ((await missingDirectories(session, this.parent, signal)).length > 0) return null;
    } catch (error) {
      if (error instanceof AppError && error.code === 'destination_conflict') return null;
      throw error;
    }
    for (const name of [this.removed, this.taken, this.path]) {
      if (await session.attempt((contents) => contents.stat(name, signal), signal)) return name;
    }
    return null;
  }

  private async byKernel(): Promise<Release> {
    const state = await this.program(TAKE);
    if (state === 'gone') return GONE;
    if (state === 'other') return left(otherKind(this.path));
    if (state === 'stuck') return left(`${this.path} may not be moved there, and so not be removed.`);
    if (state === 'taken') {
      const difference = await this.comparison();
      if (difference !== null) return left(difference + beside(this.path, await this.putBack(this.signal)));
      await this.program(COMMIT);
      this.context.note('What was staged is as the manifest has it, and is deleted', { path: this.path });
    }
    return this.delete();
  }

  /** What differs, in a sentence; null when nothing does. When it cannot be told, all is put back. */
  private async comparison(): Promise<string | null> {
    try {
      return await this.compare();
    } catch (error) {
      if (!this.signal.aborted) await this.putBack(AbortSignal.timeout(PUT_BACK_MS)).catch(() => undefined);
      throw error;
    }
  }

  private async compare(): Promise<string | null> {
    let files = 0;
    for await (const rows of this.context.rows()) {
      files += rows.length;
      const differs = await this.program(COMPARE_ROWS, rows);
      if (typeof differs === 'string') return differing(differs === '' ? this.path : differs);
    }
    if (this.staged.kind === 'file') return files === 1 ? null : noManifest();
    const found = await this.program(COUNT_ALL);
    if (found === null) return 'A part of it cannot be looked at.';
    const added = member(found, 'added');
    if (typeof added === 'string') return `${added} was added to it.`;
    return member(found, 'files') === files ? null : 'Something was added to it.';
  }

  private async delete(): Promise<Release> {
    let [files, bytes] = [0, 0];
    for await (const rows of this.context.rows()) {
      await this.program(DELETE_ROWS, rows);
      files += rows.length;
      for (const { kind, size } of rows) bytes += kind === 'file' ? size : 0;
    }
    const kept = await this.program(PRUNE);
    if (typeof kept === 'string') this.context.note('Something was added meanwhile; it stays', { left: kept });
    return { released: true, files, bytes };
  }

  private async putBack(signal: AbortSignal): Promise<string> {
    const place = await this.program(PUT_BACK, [], signal);
    return typeof place === 'string' ? place : this.path;
  }

  private program(code: string, rows: ManifestRow[] = [], signal = this.signal): Promise<unknown> {
    const { path, taken, removed } = this;
    const plain = rows.map((row) => ({ path: textOf(row.path), kind: row.kind, size: row.size, mtimeNs: row.mtimeNs }));
    return this.session.run(code, { path, taken, removed, kind: this.staged.kind, rows: plain }, signal);
  }

  /** Without a kernel: a file's size and time can be seen; of a tree not what is hidden, nor can it be unsealed. */
  private async byContents(contents: ContentsClient): Promise<Release> {
    const found = await this.find();
    if (found === null) return GONE;
    if (this.staged.kind === 'directory') return this.leaveTree(contents, found);
    const row = await this.onlyRow();
    if (!row) return left(noManifest());
    const isAsStaged = async (name: string) => isSame(await contents.stat(name, this.signal), row);
    if (found === this.path) {
      if (!(await isAsStaged(found))) return left(differing(this.path));
      if ((await contents.rename(found, this.taken, this.signal)) === 'exists') return left(differing(this.path));
    }
    const name = found === this.path ? this.taken : found;
    if (!(await isAsStaged(name))) return left(differing(this.path) + (await this.putBackByContents(contents, name)));
    try {
      await contents.remove(name, this.signal);
    } catch (error) {
      if (!(error instanceof ServerRefused)) throw error;
      return left(`${error.message}${await this.putBackByContents(contents, name)}`);
    }
    return { released: true, files: 1, bytes: row.size };
  }

  private async leaveTree(contents: ContentsClient, found: string): Promise<Release> {
    const why =
      "The user's Jupyter server has no Python kernel, without which no directory can be compared and removed.";
    if (found === this.removed) return left(`${why} A part of it was removed already; the rest lies at ${found}.`);
    return left(why + (found === this.taken ? await this.putBackByContents(contents, found) : ''));
  }

  /** Puts back what was taken; returns the sentence that tells where it is, when that is not its place. */
  private async putBackByContents(contents: ContentsClient, name: string): Promise<string> {
    const further = Array.from(
      { length: MAX_NAMES },
      (_none, index) => `.restored${index === 0 ? '' : `-${index + 1}`}`,
    );
    for (const end of ['', ...further]) {
      const place = this.path + end;
      if ((await contents.rename(name, place, this.signal)) === 'renamed') return beside(this.path, place);
    }
    return beside(this.path, name);
  }

  private async onlyRow(): Promise<ManifestRow | undefined> {
    const all: ManifestRow[] = [];
    for await (const rows of this.context.rows()) all.push(...rows.slice(0, 2));
    return all.length === 1 ? all[0] : undefined;
  }
}

function isSame(found: ContentsEntry | null, { size, mtimeNs }: ManifestRow): boolean {
  return found !== null && found.type !== 'directory' && found.size === size && isSameTime(found.modified, mtimeNs);
}

function left(reason: string): Release {
  return { released: false, reason };
}

function otherKind(path: string): string {
  return `${path} is something else now than was staged.`;
}

function differing(path: string): string {
  return `${path} is not as it was staged.`;
}

function noManifest(): string {
  return 'What was staged is not recorded any more.';
}

function beside(path: string, place: string): string {
  return place === path ? '' : ` Its place was taken meanwhile, so that it lies at ${place}.`;
}
