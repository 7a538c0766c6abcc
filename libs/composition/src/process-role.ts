/** What a process is for: to serve the API (and, without `REDIS_URL`, to stage as well), or to do work from the queue. */
export type ProcessRole = 'api' | 'worker';
