export { describeStagingMethod, type MethodHarness } from './describe-staging-method';
export { fakeMethod, newOutcome, newRequest, setupStaging, type StagingSetup } from './setup-staging';
