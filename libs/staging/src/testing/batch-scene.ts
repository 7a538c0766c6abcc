import { newOperationId } from '@app/records';
import { type BatchItem, type BatchRequest } from '../batches/batch-request';

/** A proper item of a batch; details may be overridden. */
export function newItem(name: string, overrides: Partial<BatchItem> = {}): BatchItem {
  return {
    localPathOnStorage: name,
    relativePath: `set/${name}`,
    nameEncoding: null,
    storage: undefined,
    checksum: undefined,
    ifExists: 'skip',
    label: undefined,
    ...overrides,
  };
}

/** A proper request for a batch; details may be overridden. */
export function newBatch(count: number, overrides: Partial<BatchRequest> = {}): BatchRequest {
  return {
    batchId: newOperationId(),
    method: 'fake',
    username: 'jane',
    requestedBy: null,
    server: undefined,
    count,
    ...overrides,
  };
}

/** Items as the edge hands them on. */
export async function* inParts(items: BatchItem[], size = 500): AsyncGenerator<BatchItem[]> {
  for (let at = 0; at < items.length; at += size) {
    await Promise.resolve();
    yield items.slice(at, at + size);
  }
}
