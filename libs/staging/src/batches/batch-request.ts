import { type OperationStatus, type StagingBatch } from '@app/records';
import { type StageRequest } from '../operations/stage-request';

/** Many requests of one method for one user. */
export interface BatchRequest {
  /** UUIDv7, made by the edge. */
  batchId: string;
  /** Name or alias of the method, as sent. */
  method: string;
  username: string;
  requestedBy: string | null;
  server: string | undefined;
  /** The trace that the request, and so each item, belongs to. */
  traceParent?: string | null;
  /** How many items will come. */
  count: number;
}

/** One of them. */
export type BatchItem = Pick<
  StageRequest,
  'localPathOnStorage' | 'relativePath' | 'nameEncoding' | 'storage' | 'checksum' | 'ifExists' | 'label'
>;

/** How a batch stands. */
export interface BatchState {
  id: string;
  method: string;
  username: string;
  requestedBy: string | null;
  counts: Record<OperationStatus, number>;
  bytesTotal: number;
  bytesDone: number;
  createdAt: Date;
  /** When the last of its operations ended; null as long as one has not. */
  finishedAt: Date | null;
}

/** How a batch stands when it is accepted: nothing of it has begun; what could only be refused has failed. */
export function acceptedState(
  batch: Pick<StagingBatch, 'id' | 'method' | 'username' | 'requestedBy' | 'createdAt'>,
  { queued, failure }: { queued: number; failure: number },
): BatchState {
  const { id, method, username, requestedBy, createdAt } = batch;
  const counts = { queued, running: 0, success: 0, failure, cancelled: 0 };
  const finishedAt = queued > 0 ? null : new Date();
  return { id, method, username, requestedBy, counts, bytesTotal: 0, bytesDone: 0, createdAt, finishedAt };
}

/** An item as a request of its own. */
export function requestOf(
  { method, username, requestedBy, server, traceParent }: Omit<BatchRequest, 'batchId' | 'count'>,
  item: BatchItem,
): StageRequest {
  return { ...item, method, username, requestedBy, server, traceParent };
}
