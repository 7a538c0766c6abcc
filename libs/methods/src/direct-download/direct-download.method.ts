import { Inject, Injectable } from '@nestjs/common';
import {
  type Checksum,
  type OpenFile,
  type OpenTree,
  RootRegistry,
  SourceReader,
  type SourceRequest,
} from '@app/files';
import {
  type StagingContext,
  type StagingMethod,
  type StagingOperation,
  type StagingOutcome,
  type StagingPlan,
} from '@app/staging';
import { DIRECT_DOWNLOAD_OPTIONS, type DirectDownloadOptions } from './direct-download.options';

/** How much a source has. */
interface Amount {
  files: number;
  bytes: number;
}

/**
 * Hands a file, or a directory as an archive, to the caller: at once where one waits, else by a link that works for a
 * while. Nothing is written anywhere, so `if_exists` has no meaning here.
 */
@Injectable()
export class DirectDownloadMethod implements StagingMethod {
  readonly name = 'direct_download';
  readonly aliases = ['direct_dowload'];
  readonly description = 'Downloads the data: a file as it is, a directory as an archive.';
  readonly capabilities = { destination: 'none' } as const;

  constructor(
    private readonly reader: SourceReader,
    private readonly roots: RootRegistry,
    @Inject(DIRECT_DOWNLOAD_OPTIONS) private readonly options: DirectDownloadOptions,
  ) {}

  async stage(operation: StagingOperation, context: StagingContext): Promise<StagingOutcome> {
    const source = await this.reader.open(requestOf(operation), context.signal);
    try {
      const checksum = await checksumOf(source, operation, context);
      const amount = await amountOf(source, context.signal);
      await context.beforePublish();
      const outcome = outcomeOf(source, this.storageOf(operation, source), amount, checksum);
      if (!context.deliver) return this.keptForLater(outcome);
      const { signal } = context;
      const bytes = await context.deliver({ operationId: operation.id, source, checksum, signal });
      return { ...outcome, done: { files: amount.files, bytes } };
    } finally {
      await source.close();
    }
  }

  async plan(operation: StagingOperation, signal: AbortSignal): Promise<StagingPlan> {
    const source = await this.reader.open(requestOf(operation), signal);
    try {
      const { files, bytes } = await amountOf(source, signal);
      const nothing = { stagedPath: null, matchesSource: null, spaceNeeded: null, spaceFree: null };
      return {
        storage: this.storageOf(operation, source),
        kind: source.kind,
        action: 'download',
        files,
        bytes,
        ...nothing,
      };
    } finally {
      await source.close();
    }
  }

  private keptForLater(outcome: StagingOutcome): StagingOutcome {
    const expiresAt = new Date(Date.now() + this.options.linkTtlMs);
    return { ...outcome, done: { files: 0, bytes: 0 }, expiresAt };
  }

  /** Where the path of the request begins, for whoever resolves it again: a link in it may lead to another storage. */
  private storageOf({ source: { path, storage } }: StagingOperation, found: OpenFile | OpenTree): string {
    return path.startsWith('/') ? found.storage : (storage ?? this.roots.storages[0]!.name);
  }
}

/** Of a file: what the caller expects, once that was compared, or else what an earlier operation recorded. */
async function checksumOf(
  source: OpenFile | OpenTree,
  { expected }: StagingOperation,
  { signal, knownChecksum }: StagingContext,
): Promise<Checksum | null> {
  const verified = await source.verify(expected, signal);
  return verified ?? (source.kind === 'file' ? knownChecksum(source.identity) : null);
}

function requestOf({ source, username }: StagingOperation): SourceRequest {
  return { ...source, username };
}

/** How much the caller will get. Throws `quota_exceeded` for a tree beyond the site's limits. */
function amountOf(source: OpenFile | OpenTree, signal: AbortSignal): Promise<Amount> {
  if (source.kind === 'directory') return source.countArchive(signal);
  return Promise.resolve({ files: 1, bytes: source.identity.size });
}

function outcomeOf(
  source: OpenFile | OpenTree,
  storage: string,
  amount: Amount,
  checksum: Checksum | null,
): StagingOutcome {
  return {
    outcome: 'staged',
    storage,
    kind: source.kind,
    stagedPath: null,
    files: amount.files,
    bytes: amount.bytes,
    link: null,
    checksum,
    matchesSource: null,
    present: null,
    manifest: source.kind === 'file' ? [{ path: source.name, kind: 'file', ...source.identity, checksum }] : [],
  };
}
