/** Token of {@link JupyterOptions}. */
export const JUPYTER_OPTIONS = Symbol('JUPYTER_OPTIONS');

/** Where Jupyter is, and what the site decided about results there. */
export interface JupyterOptions {
  /** Public address of the JupyterHub, before `hub/`. */
  hubUrl?: string;
  /** The service's own token for the hub's API; without it only callers with a token of their own are served. */
  hubToken?: string;
  /** Address of one Jupyter Server without a hub; looked at only without `hubUrl`. */
  serverUrl?: string;
  /** The token of that server. */
  serverToken?: string;
  /** Time that a user's server may take to start, in milliseconds. */
  startTimeoutMs: number;
  /** Permissions of staged files and directories; write permission is never given. */
  fileMode: number;
  dirMode: number;
  /** Fail rather than warn where a result can be neither verified nor made read-only. */
  requireReadOnly: boolean;
}
