import { Injectable } from '@nestjs/common';
import { AppError } from '@app/core';
import { OperationRepository, type StagingRecord } from '@app/records';
import { MethodRegistry } from './contract/method-registry';
import { type CallerHooks, type StagingMethod } from './contract/staging-method';
import { Dispatcher } from './operations/dispatcher';
import { NO_HOOKS, Preparation, type ReadyOperation } from './operations/preparation';
import { RequestCheck } from './operations/request-check';
import { RequestReader } from './operations/request-reader';
import { RequestsUnderWay } from './operations/requests-under-way';
import { type StageRequest } from './operations/stage-request';

/** The service's main job: one request becomes one recorded operation, done by the method that it names. */
@Injectable()
export class StagingService {
  constructor(
    private readonly methods: MethodRegistry,
    private readonly reader: RequestReader,
    private readonly check: RequestCheck,
    private readonly records: OperationRepository,
    private readonly preparation: Preparation,
    private readonly dispatcher: Dispatcher,
    private readonly underWay: RequestsUnderWay,
  ) {}

  /**
   * Stages one source while the caller waits. Resolves with the settled record of a success (also when the data was
   * there already). Throws `validation_failed` for what is no proper request, `quota_exceeded` and
   * `database_unavailable`, without a record; any other failure is an AppError that names its recorded operation. Safe
   * to repeat: nothing is ever overwritten.
   */
  async stage(request: StageRequest, hooks: CallerHooks = NO_HOOKS): Promise<StagingRecord> {
    const ready = await this.prepare(request, hooks);
    // What can only be refused does not wait for its turn.
    return this.methods.find(request.method) ? this.dispatcher.run(ready) : this.dispatcher.runAtOnce(ready);
  }

  /**
   * Accepts a request to be done in the background: resolves with its record as soon as that is written, `queued` or
   * `running`. The same request while a first one has not ended is answered with the first one's record. What can be
   * refused at once is (an unknown method, an account that is not served); what hands data over ends at once. Throws as
   * {@link stage} does.
   */
  async submit(request: StageRequest, hooks: CallerHooks = NO_HOOKS): Promise<StagingRecord> {
    const ready = await this.prepare(request, hooks);
    const method = await this.servingMethod(request);
    if (!method) return this.dispatcher.runAtOnce(ready);
    if (method.capabilities.destination === 'none') return this.dispatcher.run(ready);
    const first = this.underWay.find(ready.record);
    const joined = first && (await this.join(first));
    if (joined) return joined;
    // A token of the caller's is kept nowhere: no other process could go on with it.
    ready.record.background = hooks.callerToken === null;
    await this.dispatcher.accept(ready);
    return ready.record;
  }

  private async prepare(request: StageRequest, hooks: CallerHooks): Promise<ReadyOperation> {
    const ready = this.preparation.ofRequest(request, hooks);
    await this.check.refuseImproper(request.method, ready.operation);
    return ready;
  }

  /** Null for a request that can only be refused. */
  private async servingMethod({ method, username }: StageRequest): Promise<StagingMethod | null> {
    try {
      return await this.reader.admit(method, username);
    } catch (error) {
      if (error instanceof AppError) return null;
      throw error;
    }
  }

  /** From now on somebody relies on it who does not hold a connection. Null when it has ended meanwhile. */
  private async join(first: StagingRecord): Promise<StagingRecord | null> {
    if (!first.background || first.awaited) {
      await this.records.update(first.id, { background: true, awaited: false });
      Object.assign(first, { background: true, awaited: false });
    }
    const now = await this.records.find(first.id);
    return now && (now.status === 'queued' || now.status === 'running') ? now : null;
  }
}
