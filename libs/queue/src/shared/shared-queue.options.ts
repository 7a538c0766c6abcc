/** How a queue over Redis behaves in one process. */
export interface SharedQueueOptions {
  /** Name of the process, another one after each start. */
  name: string;
  /** Jobs that this process performs at once; 0: none, it only adds them. */
  concurrency: number;
  /** Jobs of one user at once at the whole site, attended ones among them; 0: no limit. */
  maxRunningPerUser: number;
  /** A process that shows no life for so long has lost its turns to others, in milliseconds. */
  leaseMs: number;
  /** How often what waits is compared with the records, in milliseconds. Default: a minute. */
  compareMs?: number;
}
