export { type BatchItem, type BatchRequest, type BatchState } from './batches/batch-request';
export { BatchService, noSuchBatch } from './batches/batch.service';
export { MethodRegistry } from './contract/method-registry';
export { cancelledOnRequest, OperationCancelled } from './contract/operation-cancelled';
export {
  type CallerHooks,
  type Deliver,
  type Delivery,
  type MethodCapabilities,
  placeRequestOf,
  type ReleaseContext,
  releaseRequestOf,
  type StagedOperation,
  type StagingContext,
  type StagingMethod,
  type StagingOperation,
  type StagingOutcome,
  type StagingPlan,
} from './contract/staging-method';
export { type StagingOptions } from './contract/staging-options';
export { LiveOperations, type LiveFacts } from './operations/live-operations';
export { OperationControl } from './operations/operation-control';
export { OperationEvents, type OperationEnded } from './operations/operation-events';
export { OperationWatch, type OperationChange } from './operations/operation-watch';
export { toldFailureOf } from './operations/settlement';
export { type StageRequest } from './operations/stage-request';
export { QueueFiller } from './operations/queue-filler';
export { type PlannedOperation, PlanService } from './planning/plan.service';
export { StagingModule, type StagingModuleOptions } from './staging.module';
export { StagingService } from './staging.service';
export { STAGING_METHODS, STAGING_OPTIONS } from './staging.tokens';
