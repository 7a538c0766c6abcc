import { AppError } from '@app/core';
import { alreadyExists, destinationRestless, type ManifestRow, type PrivateNames, type RawName } from '@app/files';
import { type StagingContext, type StagingOperation, type StagingOutcome } from '@app/staging';
import { type ContentsEntry } from './client/contents-client';
import { ServerRefused } from './client/server-errors';
import { mtimeNsOf } from './modified-time';
import { type JupyterOptions } from './jupyter-copy.options';
import { lookAtDestination, matchesSource } from './present-destination';
import { FREE_SPACE, SEES } from './programs';
import { Seal } from './seal';
import { type ServerSession } from './server-session';
import { StagingPlace } from './staging-place';
import { type OnFailure } from './tidying';
import { TreeUpload, uploadWithChecksum } from './tree-upload';
import { UploadProgress } from './upload-progress';
import { refuseChanged, type UploadSource } from './upload-source';

/** How often a destination that comes and goes is looked at again. */
const MAX_TRIES = 5;

/** What was built at the temporary place. */
interface Built {
  warning: string | undefined;
  manifest: ManifestRow[];
  checksum: StagingOutcome['checksum'];
}

/** One operation, once its server runs: looks, builds beside the destination, verifies, seals, and makes it appear. */
export class RemoteStaging {
  private readonly place: StagingPlace;
  private readonly signal: AbortSignal;
  private readonly progress: UploadProgress;

  constructor(
    private readonly session: ServerSession,
    private readonly source: UploadSource,
    private readonly names: readonly RawName[],
    private readonly operation: StagingOperation,
    private readonly context: StagingContext,
    private readonly options: Pick<JupyterOptions, 'fileMode' | 'dirMode' | 'requireReadOnly'>,
  ) {
    this.signal = context.signal;
    this.progress = new UploadProgress(context.onProgress, source);
    this.place = new StagingPlace(
      session,
      names,
      source.kind,
      context.privateNames ?? ownNames(operation),
      context.note,
    );
  }

  /**
   * Stages, or tells what is there. Rejects with the first failure; then nothing of it is left, as far as that can be.
   * `failed` is called before that is tidied up.
   */
  async run(failed: OnFailure): Promise<StagingOutcome> {
    const { signal, source, session } = this;
    const found = await this.findDestination();
    if (typeof found !== 'string') return this.alreadyPresent(found);
    const hasKernel = await session.hasKernel(signal, source.bytes);
    if (!hasKernel) this.refuseWithoutKernel();
    try {
      await this.place.prepare(signal);
      if (hasKernel) await this.refuseLackOfSpace(source.bytes);
      const built = await this.build();
      await refuseChanged(source, signal);
      await this.context.beforePublish();
      signal.throwIfAborted();
      const present = await this.publish(found);
      if (!present) return this.staged(built);
      await this.place.discard();
      await this.context.onRestart();
      return await this.alreadyPresent(present);
    } catch (error) {
      failed(error, () => session.isSlow());
      await this.place.discard();
      throw error;
    } finally {
      this.progress.stop();
    }
  }

  private async findDestination(): Promise<'free' | 'replaceable' | ContentsEntry> {
    if (!(await this.place.isReachable(this.signal))) return 'free';
    await this.place.removeLeft(this.signal);
    return this.look();
  }

  private look(): Promise<'free' | 'replaceable' | ContentsEntry> {
    return lookAtDestination(this.session, this.place.path, this.source, this.signal);
  }

  private async build(): Promise<Built> {
    const { context, source, progress } = this;
    context.note('Upload begins', { kind: source.kind, files: source.files, bytes: source.bytes });
    progress.begin();
    try {
      const built = source.kind === 'file' ? await this.buildFile(source) : await this.buildTree(source);
      progress.finish();
      context.note(built.warning ?? 'Uploaded, verified by sha256 and sealed', { bytes: source.bytes });
      return built;
    } catch (error) {
      progress.stop();
      throw await this.explained(error).catch(() => error);
    }
  }

  private async buildFile({ file, checksum: expected }: Extract<UploadSource, { kind: 'file' }>): Promise<Built> {
    const { place, session, signal, progress } = this;
    const { size, mtimeNs } = file.identity;
    const upload = uploadWithChecksum(session, place.temporary, file, { signal, progress });
    const { checksum: sha256, modified } = await upload;
    const seal = await this.sealOf();
    const entry = { kind: 'file', path: '', size, sha256: sha256.value, mtimeNs } as const;
    await seal?.apply([entry], size, signal);
    const checksum = expected ?? sha256;
    // Without a kernel the file keeps the time at which it was written.
    const mtime = seal ? mtimeNs : mtimeNsOf(modified, mtimeNs);
    const row = { path: this.names.at(-1)!, kind: 'file', size, mtimeNs: mtime, device: '0', inode: '0' } as const;
    return { warning: this.warningOf(seal), manifest: [{ ...row, checksum: sha256 }], checksum };
  }

  private async buildTree(source: Extract<UploadSource, { kind: 'directory' }>): Promise<Built> {
    const { place, session, signal, context } = this;
    await session.attempt((contents) => contents.makeDirectory(place.temporary, signal), signal);
    const seal = await this.sealOf();
    if (!seal && source.links > 0) throw linksWithoutKernel();
    const onRows = (rows: ManifestRow[]) => context.onManifest(rows);
    await new TreeUpload(session, place.temporary, source, seal, onRows, this.progress, signal).run();
    return { warning: this.warningOf(seal), manifest: [], checksum: null };
  }

  /** The seal for what is at the temporary place by now; null where no kernel sees it. */
  private async sealOf(): Promise<Seal | null> {
    const { place, session, signal } = this;
    if (!(await session.hasKernel(signal, this.source.bytes))) return null;
    if ((await session.run(SEES, { top: place.temporary }, signal)) === true) {
      return new Seal(session, place.temporary, this.options);
    }
    this.context.note('The kernel does not see what was uploaded');
    session.giveKernelUp();
    this.refuseWithoutKernel();
    return null;
  }

  private warningOf(seal: Seal | null): string | undefined {
    if (!seal)
      return "The user's Jupyter server has no kernel: only sizes were verified, and the data is not read-only.";
    if (seal.isReadOnly) return undefined;
    if (this.options.requireReadOnly) throw cannotSeal();
    return "The file system of the user's Jupyter server does not keep permissions: the data is not read-only.";
  }

  private refuseWithoutKernel(): void {
    const { source } = this;
    if (source.kind === 'directory' && source.links > 0) throw linksWithoutKernel();
    if (this.options.requireReadOnly) throw cannotSeal();
  }

  private async refuseLackOfSpace(needed: number): Promise<void> {
    const free = await this.session.run(FREE_SPACE, { top: this.place.parent }, this.signal);
    if (typeof free === 'number' && free < needed) throw noSpace();
  }

  /** A server that failed to write says little: whether its disk is full is asked of the kernel. */
  private async explained(error: unknown): Promise<unknown> {
    const { session, signal, place } = this;
    if (!(error instanceof ServerRefused) || error.status < 500) return error;
    if (!(await session.hasKernel(signal))) return error;
    const left = await session.run(FREE_SPACE, { top: place.parent }, signal);
    return typeof left === 'number' && left < LEAST_FREE ? noSpace() : error;
  }

  /** Makes the result appear, unless something else took the name meanwhile, which comes back then. */
  private async publish(found: 'free' | 'replaceable'): Promise<ContentsEntry | null> {
    let seen: 'free' | 'replaceable' | ContentsEntry = found;
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      if (typeof seen !== 'string') return seen;
      if ((await this.place.publish(seen === 'replaceable')) === 'published') return null;
      seen = await this.look();
    }
    throw destinationRestless('The destination keeps changing.');
  }

  private async alreadyPresent(present: ContentsEntry): Promise<StagingOutcome> {
    if (this.operation.ifExists === 'fail') throw alreadyExists();
    const matches = await matchesSource(this.session, this.place.path, present, this.source, this.signal);
    this.context.note('It is there already', { matches_source: matches });
    const nothing = { files: null, bytes: null, checksum: null, manifest: [] };
    return { ...this.facts('already_present'), ...nothing, matchesSource: matches };
  }

  private staged({ warning, manifest, checksum }: Built): StagingOutcome {
    const { files, bytes } = this.source;
    return { ...this.facts('staged'), files, bytes, checksum, manifest, matchesSource: null, warning };
  }

  private facts(outcome: StagingOutcome['outcome']) {
    const { source } = this;
    const { storage } = source.kind === 'file' ? source.file : source.tree;
    return { outcome, storage, kind: source.kind, stagedPath: this.names.join('/'), link: null, present: null };
  }
}

/** A disk with less than this is full for whoever wants to write a chunk to it. */
const LEAST_FREE = 16 * 1024 ** 2;

function noSpace(): AppError {
  return new AppError(
    'insufficient_storage',
    "The disk of the user's Jupyter server has not enough space. Remove what is not needed there, then try again.",
  );
}

function cannotSeal(): AppError {
  return new AppError(
    'jupyter_rejected',
    "This site wants results that are verified and read-only, which the user's Jupyter server cannot make them (has it a Python kernel?).",
  );
}

function linksWithoutKernel(): AppError {
  return new AppError(
    'source_unsupported',
    "The source holds symbolic links, which cannot be made at the user's Jupyter server since it has no Python kernel.",
  );
}

function ownNames({ id }: StagingOperation): PrivateNames {
  return { own: id, earlier: [] };
}
