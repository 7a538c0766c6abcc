export { describeJobQueue, type QueueHarness } from './describe-job-queue';
export { idOf, newJob, REASON } from './queue-scene';
