import { type OperationStatus } from '@app/records';
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
  counts: Record<OperationStatus, number>;
  bytesTotal: number;
  bytesDone: number;
  createdAt: Date;
  /** When the last of its operations ended; null as long as one has not. */
  finishedAt: Date | null;
}

/** An item as a request of its own. */
export function requestOf(
  { method, username, requestedBy, server }: Omit<BatchRequest, 'batchId' | 'count'>,
  item: BatchItem,
): StageRequest {
  return { ...item, method, username, requestedBy, server };
}
