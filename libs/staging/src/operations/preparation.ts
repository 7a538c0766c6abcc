import { Inject, Injectable } from '@nestjs/common';
import { OwnershipPolicy, RootRegistry } from '@app/files';
import { ProcessIdentity, type StagingRecord } from '@app/records';
import { invalidMethod, MethodRegistry } from '../contract/method-registry';
import {
  type CallerHooks,
  type StagingContext,
  type StagingMethod,
  type StagingOperation,
  type StagingOutcome,
} from '../contract/staging-method';
import { type StagingOptions } from '../contract/staging-options';
import { STAGING_OPTIONS } from '../staging.tokens';
import { operationOf } from './restored-operation';
import { newRecord, readOperation, type StageRequest } from './stage-request';

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
    private readonly accounts: OwnershipPolicy,
    private readonly roots: RootRegistry,
    private readonly identity: ProcessIdentity,
    @Inject(STAGING_OPTIONS) private readonly options: Pick<StagingOptions, 'userViewPrefix'>,
  ) {}

  /** A new operation, whose record is not written yet. Throws `validation_failed` for what is no proper request. */
  ofRequest(request: StageRequest, hooks: CallerHooks): ReadyOperation {
    const method = this.methods.find(request.method);
    this.roots.checkName(request.storage);
    const operation = readOperation(request, method);
    const record = newRecord(operation, request, method, this.identity.name);
    return this.ready({ record, operation, hooks }, method, request.method);
  }

  /** An operation that was recorded before. */
  ofRecord(record: StagingRecord, hooks: CallerHooks = NO_HOOKS): ReadyOperation {
    return this.ready(
      { record, operation: operationOf(record), hooks },
      this.methods.find(record.method),
      record.method,
    );
  }

  private ready(
    known: Omit<ReadyOperation, 'view' | 'work'>,
    method: StagingMethod | undefined,
    methodAsSent: string,
  ): ReadyOperation {
    const { operation } = known;
    const work: Work = async (context) => {
      if (!method) throw invalidMethod(methodAsSent);
      await this.accounts.admit(operation.username);
      return method.stage(operation, context);
    };
    return { ...known, view: this.viewOf(method, operation.username), work };
  }

  /** The user's area as they see it, for what is staged there. */
  private viewOf(method: StagingMethod | undefined, username: string): string | undefined {
    if (method?.capabilities.destination !== 'user_area') return undefined;
    return this.options.userViewPrefix?.replaceAll('{username}', username);
  }
}
