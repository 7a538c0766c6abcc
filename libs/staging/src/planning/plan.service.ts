import { Injectable } from '@nestjs/common';
import { AppError } from '@app/core';
import { AppLogger } from '@app/logging';
import { Destinations } from '../batches/destinations';
import { MethodRegistry } from '../contract/method-registry';
import { type StagingOperation, type StagingPlan } from '../contract/staging-method';
import { RequestReader } from '../operations/request-reader';
import { type StageRequest } from '../operations/stage-request';
import { UserViews } from '../operations/user-views';

/** What would become of one request. */
export interface PlannedOperation {
  request: StageRequest;
  /** The method's own name; for an unknown one, as it was sent. */
  method: string;
  /** What staged paths are relative to, as the user sees it; undefined where they are told as they are. */
  view: string | undefined;
  /** Null when it would be refused, or nothing can be told beforehand. */
  plan: StagingPlan | null;
  /** Why it would be refused; null when it would not. */
  refusal: AppError | null;
  remark: string | null;
}

/** Tells what would happen to requests. Nothing is recorded, made or changed by that. */
@Injectable()
export class PlanService {
  constructor(
    private readonly methods: MethodRegistry,
    private readonly reader: RequestReader,
    private readonly views: UserViews,
    private readonly logger: AppLogger,
  ) {}

  /** A planning of several requests, which are told apart where they name one destination. */
  begin(): { plan: (request: StageRequest, signal: AbortSignal) => Promise<PlannedOperation> } {
    const destinations = new Destinations();
    let index = 0;
    return {
      plan: async (request, signal) => {
        const operation = this.reader.read(request);
        // Entered in the order of asking, before anything is waited for.
        const conflict = destinations.enter(operation, index++);
        return this.planOne(request, operation, conflict, signal);
      },
    };
  }

  private async planOne(
    request: StageRequest,
    operation: StagingOperation,
    conflict: AppError | null,
    signal: AbortSignal,
  ): Promise<PlannedOperation> {
    const method = this.methods.find(request.method)?.name ?? request.method;
    const known = { request, method, view: this.views.of(method, request.username) };
    try {
      const admitted = await this.reader.admit(request.method, operation.username);
      if (conflict) throw conflict;
      const plan = admitted.plan ? await admitted.plan(operation, signal) : null;
      const remark = plan ? (plan.remark ?? null) : 'This method cannot tell beforehand what it would do.';
      return { ...known, plan, refusal: null, remark };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof AppError)) this.logger.error('A plan could not be made', { error });
      return { ...known, plan: null, refusal: AppError.from(error), remark: null };
    }
  }
}
