/** What the site decided about staging. */
export interface StagingOptions {
  /** Methods to offer; undefined: all that there are. */
  allowedMethods: string[] | undefined;
  /** Time that running operations get to finish when the service stops, in milliseconds. */
  shutdownGraceMs: number;
  /** Days that records of ended operations are kept; 0: for ever. */
  recordRetentionDays: number;
  /** How a user sees their area; `{username}` stands for the name. Undefined: staged paths are told relative to it. */
  userViewPrefix: string | undefined;
}
