import { Injectable } from '@nestjs/common';
import { type StagingRecord } from '@app/records';
import { OperationEvents } from './operation-events';

/** The single requests of this process that have not ended, so that the same one is not done twice. */
@Injectable()
export class RequestsUnderWay {
  private readonly byRequest = new Map<string, StagingRecord>();

  constructor(events: OperationEvents) {
    events.subscribe(({ record }) => this.remove(record));
  }

  /** Keeps a record that has not ended; the first of equal ones. */
  add(record: StagingRecord): void {
    if (record.batchId !== null) return;
    const key = keyOf(record);
    if (!this.byRequest.has(key)) this.byRequest.set(key, record);
  }

  /** The operation that does already what a new record asks for. */
  find(record: StagingRecord): StagingRecord | undefined {
    return this.byRequest.get(keyOf(record));
  }

  private remove(record: StagingRecord): void {
    for (const key of [keyOf(record), record.id]) {
      if (this.byRequest.get(key)?.id === record.id) this.byRequest.delete(key);
    }
  }
}

/** All that makes a request but who asked and how they call it. */
function keyOf(record: StagingRecord): string {
  const { method, username, server, storage, localPathOnStorage, relativePath, nameEncoding } = record;
  const { expectedAlgorithm, expectedChecksum, ifExists } = record;
  const what = [method, username, server, storage, localPathOnStorage, relativePath, nameEncoding];
  return JSON.stringify([...what, expectedAlgorithm, expectedChecksum, ifExists]);
}
