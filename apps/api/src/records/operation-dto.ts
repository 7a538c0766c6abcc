import { type Algorithm } from '@app/files';
import { type AttemptEntry, type StagingFile, type StagingRecord } from '@app/records';
import { type LiveFacts } from '@app/staging';
import { type ManifestFileDto } from './dto/manifest.dto';
import { type AttemptDto } from './dto/attempt.dto';
import { type OperationDto } from './dto/operation.dto';

/**
 * A record as callers see it: the fields of the contract, in its order, and what is known of it just now. `downloadUrl`
 * is for whoever made the operation, in the answer to that alone.
 */
export function operationDto(record: StagingRecord, live: LiveFacts, downloadUrl: string | null): OperationDto {
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
    files_total: live.filesTotal,
    files_done: live.filesDone,
    bytes_total: live.bytesTotal,
    bytes_done: live.bytesDone,
    checksum: algorithm && value ? { algorithm: algorithm as Algorithm, value } : null,
    link: record.link,
    matches_source: record.matchesSource,
    attempts: record.attempts,
    label: record.label,
    batch_id: record.batchId,
    server: record.server,
    bytes_per_second: live.bytesPerSecond,
    eta_seconds: live.etaSeconds,
    current_path: live.currentPath,
    wait_reason: live.waitReason,
    download_url: downloadUrl,
    created_at: time(record.createdAt),
    started_at: time(record.startedAt),
    finished_at: time(record.finishedAt),
    released_at: time(record.releasedAt),
    expires_at: time(record.expiresAt),
  };
}

/** An attempt before the present one as callers see it. */
export function attemptDto({ attempt, status, errorCode, errorReason, startedAt, endedAt }: AttemptEntry): AttemptDto {
  const error = { error_code: errorCode, error_reason: errorReason };
  return { attempt, status, ...error, started_at: startedAt, ended_at: endedAt };
}

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
