export { MethodRegistry } from './contract/method-registry';
export { OperationCancelled } from './contract/operation-cancelled';
export {
  type CallerHooks,
  type Deliver,
  type Delivery,
  type MethodCapabilities,
  placeRequestOf,
  type ReleaseContext,
  type StagedOperation,
  type StagingContext,
  type StagingMethod,
  type StagingOperation,
  type StagingOutcome,
  type StagingPlan,
} from './contract/staging-method';
export { type StagingOptions } from './contract/staging-options';
export { Dispatcher } from './operations/dispatcher';
export { LiveOperations, type LiveFacts } from './operations/live-operations';
export { OperationControl } from './operations/operation-control';
export { OperationEvents, type OperationEnded } from './operations/operation-events';
export { OperationWatch, type OperationChange } from './operations/operation-watch';
export { type StageRequest } from './operations/stage-request';
export { StagingModule, type StagingModuleOptions } from './staging.module';
export { StagingService } from './staging.service';
export { STAGING_METHODS, STAGING_OPTIONS } from './staging.tokens';
