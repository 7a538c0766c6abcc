import { Injectable } from '@nestjs/common';
import { AppError, Settings } from '@app/core';
import {
  type Algorithm,
  type ArchiveFormat,
  type Checksum,
  type OpenFile,
  type OpenTree,
  readPath,
  SourceReader,
} from '@app/files';
import { ManifestRepository, OperationRepository, type StagingFile, StagingRecord } from '@app/records';
import { OperationCancelled, OperationWatch } from '@app/staging';
import { DownloadTokens } from './download-token';
import { Transfers } from './transfers';

/** The method whose operations have links. */
const METHOD = 'direct_download';

/** What a link leads to. Whoever got it closes the source. */
export interface OpenedLink {
  record: StagingRecord;
  source: OpenFile | OpenTree;
  checksum: Checksum | null;
}

/** What a token that names no operation is compared with, so that it takes as long as any other. */
const NOBODY = Object.assign(new StagingRecord(), {
  id: '00000000-0000-7000-8000-000000000000',
  username: '',
  localPathOnStorage: '',
});

/** The links under which the results of `direct_download` can be had for a while. */
@Injectable()
export class DownloadLinks {
  private readonly tokens: DownloadTokens;
  private readonly publicUrl: string;
  private readonly ttlMs: number;

  constructor(
    settings: Settings,
    private readonly records: OperationRepository,
    private readonly manifest: ManifestRepository,
    private readonly reader: SourceReader,
    private readonly transfers: Transfers,
    private readonly watch: OperationWatch,
  ) {
    this.tokens = new DownloadTokens(settings.get('DOWNLOAD_SECRET'));
    this.publicUrl = settings.get('PUBLIC_URL') ?? '';
    this.ttlMs = settings.get('DOWNLOAD_URL_TTL_SECONDS') * 1000;
  }

  /** The link of an operation, which works until its record expires; null for one that has none. */
  urlOf(record: StagingRecord, format: ArchiveFormat): string | null {
    const { expiresAt, kind } = record;
    if (record.method !== METHOD || record.status !== 'success' || !expiresAt) return null;
    const query = kind === 'directory' && format !== 'zip' ? `?archive=${format}` : '';
    return `${this.publicUrl}/downloads/${this.tokens.sign(record, expiresAt)}${query}`;
  }

  /**
   * Makes the record of a successful operation live on, and so a link that {@link urlOf} tells. Throws `not_found` for
   * operations that never have one, or not yet, and `already_ended` for those that ended otherwise.
   */
  async renew(record: StagingRecord): Promise<Date> {
    if (record.method !== METHOD || ['queued', 'running'].includes(record.status)) throw noLink();
    const expiresAt = new Date(Date.now() + this.ttlMs);
    const isRenewed = record.status === 'success' && (await this.records.changeSuccess(record.id, { expiresAt }));
    if (!isRenewed) throw notSuccessful().ofOperation(record.id);
    record.expiresAt = expiresAt;
    return expiresAt;
  }

  /**
   * Ends the links of an operation, and its transfers under way, those in other processes within moments; the record
   * becomes `cancelled`. False when it has no link that works.
   */
  async revoke(record: StagingRecord, reason: OperationCancelled): Promise<boolean> {
    if (!isWorking(record)) return false;
    const end = { status: 'cancelled', outcome: null, errorReason: reason.message, retryable: true } as const;
    if (!(await this.records.changeSuccess(record.id, end))) return false;
    Object.assign(record, end);
    this.transfers.cut(record.id, reason);
    this.watch.changed(record.id);
    // As of everything that did not end well.
    await this.manifest.removeOf(record.id);
    return true;
  }

  /**
   * Opens what a token leads to. Throws `link_invalid`, whatever is wrong with it; `source_changed` when the file is no
   * longer the one that the operation saw; and what {@link SourceReader.open} throws.
   */
  async open(token: string, signal: AbortSignal): Promise<OpenedLink> {
    const record = await this.recordOf(token);
    const { localPathOnStorage: asSent, nameEncoding, storage, username } = record;
    const path = readPath('local_path_on_storage', asSent, nameEncoding);
    const source = await this.reader.open({ path, storage: storage ?? undefined, asSent, username }, signal);
    try {
      const checksum = await this.checkSame(record, source);
      return { record, source, checksum };
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  private async recordOf(token: string): Promise<StagingRecord> {
    const claim = this.tokens.read(token);
    const record = claim && (await this.records.find(claim.operationId));
    const isGenuine = claim !== null && this.tokens.isGenuine(claim, record ?? NOBODY);
    if (!record || !isGenuine || claim.expiresAt.getTime() <= Date.now() || !isWorking(record)) throw linkInvalid();
    return record;
  }

  /** The checksum of a file that is still the one that the operation saw; null for a directory. */
  private async checkSame(record: StagingRecord, source: OpenFile | OpenTree): Promise<Checksum | null> {
    if (source.kind !== record.kind) throw replaced();
    if (source.kind === 'directory') return null;
    const { items } = await this.manifest.page(record.id, { limit: 1 });
    if (!items[0] || !isSame(items[0], source)) throw replaced();
    const { checksumAlgorithm: algorithm, checksumValue: value } = record;
    return algorithm === null || value === null ? null : { algorithm: algorithm as Algorithm, value };
  }
}

function isWorking({ method, status, expiresAt }: StagingRecord): boolean {
  return method === METHOD && status === 'success' && expiresAt !== null && expiresAt.getTime() > Date.now();
}

/** Not by the device, whose number another mount of the same file system changes. */
function isSame(seen: StagingFile, { identity }: OpenFile): boolean {
  return seen.inode === identity.inode && seen.size === identity.size && seen.mtimeNs === identity.mtimeNs;
}

function linkInvalid(): AppError {
  return new AppError('link_invalid', 'This download link does not work, or not any more. Ask for a new one.');
}

function notSuccessful(): AppError {
  return new AppError('already_ended', 'The operation did not end well, so there is nothing to download.');
}

function noLink(): AppError {
  return new AppError('not_found', 'This operation has nothing to download.');
}

function replaced(): AppError {
  const message = 'The source is no longer the one that this link was made for. Stage it again for a new link.';
  return new AppError('source_changed', message, { retryable: false });
}
