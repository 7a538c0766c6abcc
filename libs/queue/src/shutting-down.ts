import { AppError } from '@app/core';

/** Seconds after which a caller may find the service running again. */
const RESTART_SECONDS = 10;

/** The error for what comes, or is still under way, when the service stops. */
export function shuttingDown(): AppError {
  return new AppError('shutting_down', 'The service is stopping; nothing was staged. Ask again in a moment.', {
    retryAfterSeconds: RESTART_SECONDS,
  });
}
