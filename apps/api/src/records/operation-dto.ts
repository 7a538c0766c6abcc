import { type Algorithm } from '@app/files';
import { type StagingFile, type StagingRecord } from '@app/records';
import { type ManifestFileDto } from './dto/manifest.dto';
import { type OperationDto } from './dto/operation.dto';

/**
 * A record as callers see it: the fields of the contract, in its order; null where this version has nothing to say.
 * `downloadUrl` is for whoever made the operation, in the answer to that alone.
 */
export function operationDto(record: StagingRecord, downloadUrl: string | null = null): OperationDto {
  const { checksumAlgorithm: algorithm, checksumValue: value } = record;
  return {
    id: record.id,
    method: record.method,
    username: record.username,
    requested_by: record.requestedBy,
    storage: record.storage,
    local_path_on_storage: record.localPathOnStorage,
    relative_path: record.relativePath,
    staged_path: record.stagedPath,
    name_encoding: record.nameEncoding,
    kind: record.kind,
    status: record.status,
    outcome: record.outcome,
    error_code: record.errorCode,
    error_reason: record.errorReason,
    retryable: record.retryable,
    warning: record.warning,
    files_total: record.filesTotal,
    files_done: record.filesDone,
    bytes_total: record.bytesTotal,
    bytes_done: record.bytesDone,
    checksum: algorithm && value ? { algorithm: algorithm as Algorithm, value } : null,
    link: record.link,
    matches_source: record.matchesSource,
    attempts: record.attempts,
    label: record.label,
    batch_id: record.batchId,
    server: record.server,
    ...LATER,
    download_url: downloadUrl,
    created_at: time(record.createdAt),
    started_at: time(record.startedAt),
    finished_at: time(record.finishedAt),
    released_at: time(record.releasedAt),
    expires_at: time(record.expiresAt),
  };
}

/** Facts of an operation under way, which no method of this version tells. */
const LATER = { bytes_per_second: null, eta_seconds: null, current_path: null, wait_reason: null };

function time(date: Date | null): string | null {
  return date?.toISOString() ?? null;
}

/** A line of a manifest as callers see it. */
export function manifestFileDto(file: StagingFile): ManifestFileDto {
  return {
    path: file.path,
    name_encoding: file.nameEncoding,
    kind: file.kind,
    size: file.size,
    mtime_ns: file.mtimeNs,
    device: file.device,
    inode: file.inode,
    algorithm: file.algorithm,
    checksum: file.checksum,
    status: file.status,
    error_code: file.errorCode,
  };
}
