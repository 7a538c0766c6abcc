export { inParts, newBatch, newItem } from './batch-scene';
export { describeStagingMethod } from './describe-staging-method';
export { contextOf, type MethodHarness } from './method-scene';
export {
  fakeMethod,
  newOutcome,
  newRequest,
  setupStaging,
  type SetupOptions,
  type StagingSetup,
} from './setup-staging';
export { GatedMethod } from './gated-method';
