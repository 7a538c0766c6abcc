/** Token of {@link DirectDownloadOptions}. */
export const DIRECT_DOWNLOAD_OPTIONS = Symbol('DIRECT_DOWNLOAD_OPTIONS');

/** What the site decided about downloads. */
export interface DirectDownloadOptions {
  /** Time that a link works, in milliseconds. */
  linkTtlMs: number;
}
