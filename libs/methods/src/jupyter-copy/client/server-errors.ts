import { AppError, type ErrorCode } from '@app/core';

/** Whatever could not be reached: seconds until it is worth another try. */
export const RETRY_AFTER_SECONDS = 30;

/** The user's server is gone or was never there: it may be started again and what was begun may go on. */
export class ServerDown extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ServerDown';
  }
}

/** The user's server runs and said no. `status` is that of its reply. */
export class ServerRefused extends AppError {
  constructor(
    readonly status: number,
    message: string,
    code: ErrorCode = 'jupyter_rejected',
  ) {
    super(code, message, code === 'jupyter_unavailable' ? { retryAfterSeconds: RETRY_AFTER_SECONDS } : {});
    this.name = 'ServerRefused';
  }
}

/** The refusal of what answers in a server's place, and is none. */
export function notAServer(status: number): ServerRefused {
  return new ServerRefused(status, "What answers is no Jupyter server; is it the user's own program?");
}

const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT']);

/** Whether a failed call ended because nothing came back in time. */
export function isTimeout(error: unknown): boolean {
  return TIMEOUTS.has((error as NodeJS.ErrnoException).code ?? '');
}

/** A reply whose sender runs: what it meant, without a word of what it wrote. `what` continues "The Jupyter server refused". */
export function refusal(status: number, message: string, what: string): ServerRefused {
  // Best effort: the status says nothing of a full disk, and other versions may word it otherwise.
  if (status >= 500 && /No space left|quota exceeded|Errno (28|122)\b/i.test(message)) {
    return new ServerRefused(
      status,
      `The user's Jupyter server has no space left to ${what}; the user should remove data and try again.`,
      'insufficient_storage',
    );
  }
  // Its proxy keeps it from too many requests, or it says itself that it cannot just now.
  if (status === 429 || status === 503) {
    const words = `The user's Jupyter server is too busy to ${what} (status ${status}); try again later.`;
    return new ServerRefused(status, words, 'jupyter_unavailable');
  }
  const reason = status === 401 || status === 403 ? ', for lack of permission (is the place read-only?)' : '';
  return new ServerRefused(
    status,
    `The user's Jupyter server refused to ${what}${reason} (status ${status}); its log may tell why.`,
  );
}
