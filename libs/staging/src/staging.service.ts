import { Inject, Injectable } from '@nestjs/common';
import { OwnershipPolicy, RootRegistry } from '@app/files';
import { ProcessIdentity, type StagingRecord } from '@app/records';
import { invalidMethod, MethodRegistry } from './contract/method-registry';
import {
  type CallerHooks,
  type StagingContext,
  type StagingMethod,
  type StagingOperation,
  type StagingOutcome,
} from './contract/staging-method';
import { type StagingOptions } from './contract/staging-options';
import { OperationRunner } from './operations/operation-runner';
import { newRecord, readOperation, type StageRequest } from './operations/stage-request';
import { STAGING_OPTIONS } from './staging.tokens';

const NO_HOOKS: CallerHooks = { deliver: null, gone: null, callerToken: null };

/** The service's main job: one request becomes one recorded operation, done by the method that it names. */
@Injectable()
export class StagingService {
  constructor(
    private readonly methods: MethodRegistry,
    private readonly runner: OperationRunner,
    private readonly accounts: OwnershipPolicy,
    private readonly roots: RootRegistry,
    private readonly identity: ProcessIdentity,
    @Inject(STAGING_OPTIONS) private readonly options: Pick<StagingOptions, 'userViewPrefix'>,
  ) {}

  /**
   * Stages one source. Resolves with the settled record of a success (also when the data was there already). Throws
   * `validation_failed` for what is no proper request, without a record; any other failure is an AppError that names
   * its recorded operation. Safe to repeat: nothing is ever overwritten.
   */
  async stage(request: StageRequest, hooks: CallerHooks = NO_HOOKS): Promise<StagingRecord> {
    const method = this.methods.find(request.method);
    this.roots.checkName(request.storage);
    const operation = readOperation(request, method);
    const record = newRecord(operation, request, method, this.identity.name);
    return this.runner.run({ record, operation, hooks, view: this.viewOf(method, request) }, async (context) => {
      if (!method) throw invalidMethod(request.method);
      return this.stageBy(method, operation, context);
    });
  }

  /**
   * Accepts a request to be done in the background: resolves as soon as it is recorded, `queued` or `running`.
   */
  submit(_request: StageRequest, _hooks: CallerHooks = NO_HOOKS): Promise<StagingRecord> {
    return Promise.reject(new Error('not there yet'));
  }

  /** The user's area as they see it, for what is staged there. */
  private viewOf(method: StagingMethod | undefined, { username }: StageRequest): string | undefined {
    if (method?.capabilities.destination !== 'user_area') return undefined;
    return this.options.userViewPrefix?.replaceAll('{username}', username);
  }

  private async stageBy(
    method: StagingMethod,
    operation: StagingOperation,
    context: StagingContext,
  ): Promise<StagingOutcome> {
    await this.accounts.admit(operation.username);
    return method.stage(operation, context);
  }
}
