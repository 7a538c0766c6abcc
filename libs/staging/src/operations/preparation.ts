import { Injectable } from '@nestjs/common';
import { ProcessIdentity, type StagingRecord } from '@app/records';
import { MethodRegistry } from '../contract/method-registry';
import {
  type CallerHooks,
  type StagingContext,
  type StagingOperation,
  type StagingOutcome,
} from '../contract/staging-method';
import { RequestReader } from './request-reader';
import { operationOf } from './restored-operation';
import { newRecord, type StageRequest } from './stage-request';
import { UserViews } from './user-views';

/** What nobody waits for. */
export const NO_HOOKS: CallerHooks = { deliver: null, gone: null, callerToken: null };

/** Does the work of one operation. */
export type Work = (context: StagingContext) => Promise<StagingOutcome>;

/** An operation that is ready to run: all of it but a place to run in. */
export interface ReadyOperation {
  record: StagingRecord;
  operation: StagingOperation;
  hooks: CallerHooks;
  /** The place that staged paths are relative to, as the user sees it; undefined where they are told as they are. */
  view: string | undefined;
  work: Work;
}

/** Makes operations ready: new ones from their requests, others from their records. */
@Injectable()
export class Preparation {
  constructor(
    private readonly methods: MethodRegistry,
    private readonly reader: RequestReader,
    private readonly views: UserViews,
    private readonly identity: ProcessIdentity,
  ) {}

  /** A new operation, whose record is not written yet. Throws `validation_failed` for what is no proper request. */
  ofRequest(request: StageRequest, hooks: CallerHooks): ReadyOperation {
    const operation = this.reader.read(request);
    const record = newRecord(operation, request, this.methods.find(request.method), this.identity.name);
    return this.ready({ record, operation, hooks }, request.method);
  }

  /** An operation that was recorded before. */
  ofRecord(record: StagingRecord, hooks: CallerHooks = NO_HOOKS): ReadyOperation {
    return this.ready({ record, operation: operationOf(record), hooks }, record.method);
  }

  private ready(known: Omit<ReadyOperation, 'view' | 'work'>, method: string): ReadyOperation {
    const { operation } = known;
    const work: Work = async (context) => {
      const admitted = await this.reader.admit(method, operation.username);
      return admitted.stage(operation, context);
    };
    return { ...known, view: this.views.of(method, operation.username), work };
  }
}
