import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '@app/core';
import { type Checksum, type OpenFile, type OpenTree, RootRegistry, SourceReader } from '@app/files';
import { type StagingContext, type StagingMethod, type StagingOperation, type StagingOutcome } from '@app/staging';
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
    const source = await this.reader.open(operation.source, context.signal);
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
  if (source.kind === 'directory') {
    if (expected) throw checksumOfDirectory();
    return null;
  }
  if (!expected) return knownChecksum(source.identity);
  const found = await source.checksum(expected.algorithm, signal);
  if (plainHex(found.value) !== plainHex(expected.value)) throw notAsExpected(found, expected);
  await source.refuseChanged();
  return found;
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

/** Catalogues write digits in either case, and leave leading zeros out. */
function plainHex(value: string): string {
  return value.toLowerCase().replace(/^0+/, '');
}

function checksumOfDirectory(): AppError {
  const message = 'is for files; the source is a directory';
  return new AppError('validation_failed', `checksum ${message}.`, { errors: [{ field: 'checksum', message }] });
}

function notAsExpected(found: Checksum, expected: Checksum): AppError {
  return new AppError(
    'checksum_mismatch',
    `The source has the ${expected.algorithm} checksum ${found.value}, not the expected ${expected.value}; nothing was sent. Check the catalogue's value, or tell the operators of this site.`,
    { retryable: false },
  );
}
