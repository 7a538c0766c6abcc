import { Injectable } from '@nestjs/common';
import { type StagingRecord } from '@app/records';
import { OperationEvents } from './operation-events';

/** The single requests to this process that have not ended, so that the same one is not done twice. */
@Injectable()
export class RequestsUnderWay {
  private readonly byRequest = new Map<string, StagingRecord>();
  /** By id, as a record changes with its operation's life: what was asked for can't be told from it at its end. */
  private readonly requests = new Map<string, string>();

  constructor(events: OperationEvents) {
    events.subscribeAll(({ record }) => this.remove(record.id));
  }

  /** Ids of the operations. */
  get ids(): string[] {
    return [...this.requests.keys()];
  }

  has(id: string): boolean {
    return this.requests.has(id);
  }

  /** Keeps a record that has not ended; the first of equal ones. */
  add(record: StagingRecord): void {
    if (record.batchId !== null) return;
    const request = requestOf(record);
    if (this.byRequest.has(request)) return;
    this.byRequest.set(request, record);
    this.requests.set(record.id, request);
  }

  /** The operation that does already what a new record asks for. */
  find(record: StagingRecord): StagingRecord | undefined {
    return this.byRequest.get(requestOf(record));
  }

  private remove(id: string): void {
    const request = this.requests.get(id);
    if (request === undefined) return;
    this.requests.delete(id);
    this.byRequest.delete(request);
  }
}

/** All that makes a request but how its sender calls it. Who asked counts: somebody else might not see what they join. */
function requestOf(record: StagingRecord): string {
  const { method, username, server, storage, localPathOnStorage, relativePath, nameEncoding } = record;
  const { requestedBy, expectedAlgorithm, expectedChecksum, ifExists } = record;
  const what = [requestedBy, method, username, server, storage, localPathOnStorage, relativePath, nameEncoding];
  return JSON.stringify([...what, expectedAlgorithm, expectedChecksum, ifExists]);
}
