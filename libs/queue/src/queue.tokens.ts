/** Token of the {@link JobQueue} of the application. */
export const JOB_QUEUE = Symbol('JOB_QUEUE');
