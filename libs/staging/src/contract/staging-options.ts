/** What the site decided about staging. */
export interface StagingOptions {
  /** Methods to offer; undefined: all that there are. */
  allowedMethods: string[] | undefined;
  /** Operations of one user that may wait; 0: no limit. */
  maxQueuedPerUser: number;
  /** What an operation in the background does by itself when a storage or another service does not answer. */
  retries: RetryOptions;
  /** Time that running operations get to finish when the service stops, in milliseconds. */
  shutdownGraceMs: number;
  /** Days that records of ended operations are kept; 0: for ever. */
  recordRetentionDays: number;
  /** How a user sees their area; `{username}` stands for the name. Undefined: staged paths are told relative to it. */
  userViewPrefix: string | undefined;
}

/** Automatic retries. */
export interface RetryOptions {
  /** Attempts in all, the first one included. */
  attempts: number;
  /** Pause before the second attempt, in milliseconds; doubled before each further one. */
  delayMs: number;
}
