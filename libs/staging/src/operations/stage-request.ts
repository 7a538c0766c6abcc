import { AppError } from '@app/core';
import { type Checksum, readDestination, readPath } from '@app/files';
import { newOperationId, StagingRecord, timeOfOperationId } from '@app/records';
import { type StagingMethod, type StagingOperation } from '../contract/staging-method';

/** One request as the edge hands it on: types are checked, meanings are not. */
export interface StageRequest {
  /** Name or alias of the method, as sent. */
  method: string;
  username: string;
  /** Who asked, where sign-in tells; else null. */
  requestedBy: string | null;
  localPathOnStorage: string;
  relativePath: string | undefined;
  /** How both paths are written. */
  nameEncoding: 'percent' | null;
  storage: string | undefined;
  checksum: Checksum | undefined;
  ifExists: 'skip' | 'fail';
  label: string | undefined;
  /** Name of the user's server that is meant, for methods that know servers. */
  server: string | undefined;
  /** The trace that the request belongs to (W3C Trace Context), in the form that is passed on. */
  traceParent?: string | null;
  /** The id that the operation is to have, where its caller needs to know it beforehand. */
  operationId?: string;
}

/** Longest method name that a record keeps of what a caller sent. */
const MAX_METHOD_LENGTH = 64;

/**
 * Reads the paths of a request. Throws `validation_failed` for what is no path at all; where paths lead is looked at
 * later, when the operation has its record.
 */
export function readOperation(request: StageRequest, method: StagingMethod | undefined): StagingOperation {
  const { localPathOnStorage: asSent, nameEncoding } = request;
  return {
    id: request.operationId ?? newOperationId(),
    username: request.username,
    source: { path: readPath('local_path_on_storage', asSent, nameEncoding), storage: request.storage, asSent },
    destination: readDestinationFor(method, request),
    expected: request.checksum ?? null,
    ifExists: request.ifExists,
    server: method?.capabilities.destination === 'remote' ? (request.server ?? null) : null,
  };
}

function readDestinationFor(method: StagingMethod | undefined, request: StageRequest): StagingOperation['destination'] {
  if (method?.capabilities.destination === 'none') return null;
  if (request.relativePath !== undefined) return readDestination(request.relativePath, request.nameEncoding);
  if (!method) return null;
  const message = 'is required by this method';
  throw new AppError('validation_failed', `relative_path ${message}.`, {
    errors: [{ field: 'relative_path', message }],
  });
}

/** The record of a new operation of the process `owner`: complete but for whether it waits or runs. */
export function newRecord(
  operation: StagingOperation,
  request: StageRequest,
  method: StagingMethod | undefined,
  owner: string,
): StagingRecord {
  const now = timeOfOperationId(operation.id);
  return Object.assign(new StagingRecord(), {
    id: operation.id,
    method: method?.name ?? request.method.slice(0, MAX_METHOD_LENGTH),
    username: request.username,
    requestedBy: request.requestedBy,
    storage: request.storage ?? null,
    localPathOnStorage: request.localPathOnStorage,
    relativePath: operation.destination ? (request.relativePath ?? null) : null,
    nameEncoding: request.nameEncoding,
    expectedAlgorithm: operation.expected?.algorithm ?? null,
    expectedChecksum: operation.expected?.value ?? null,
    ifExists: request.ifExists,
    background: false,
    status: 'queued' as const,
    attempts: 1,
    label: request.label ?? null,
    server: operation.server,
    traceParent: request.traceParent ?? null,
    createdAt: now,
    heartbeatAt: now,
    owner,
  });
}
