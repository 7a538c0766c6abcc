import { type Response } from 'express';

/**
 * A signal that fires when the caller hangs up before it has the whole answer, for work that only the answer needs; with
 * an AbortError unless a `reason` is given.
 */
export function hangUpSignal(response: Response, reason?: Error): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort(reason);
  });
  return controller.signal;
}

/** True for what work throws when that signal has fired. */
export function isHangUp(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
