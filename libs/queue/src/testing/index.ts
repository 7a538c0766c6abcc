export { describeJobQueue, type QueueHarness } from './describe-job-queue';
