export { describeStagingMethod, type MethodHarness } from './describe-staging-method';
