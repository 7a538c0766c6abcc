export { type Job, type JobQueue, type Perform, type Place, type Wait } from './contract/job-queue';
export { JOB_QUEUE } from './queue.tokens';
