export {
  type Job,
  type JobQueue,
  type NoRoom,
  type Perform,
  type Place,
  type QueueHealth,
  type Room,
  type Wait,
} from './contract/job-queue';
export { JOB_QUEUE } from './queue.tokens';
export { LocalQueue, type LocalQueueOptions } from './local/local-queue';
export { SharedQueue } from './shared/shared-queue';
export { type SharedQueueOptions } from './shared/shared-queue.options';
export { QueueModule, type QueueModuleOptions, type QueueOptions } from './queue.module';
export { shuttingDown } from './shutting-down';
