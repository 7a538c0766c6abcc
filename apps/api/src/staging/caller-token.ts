import { type Request } from 'express';
import { AppError } from '@app/core';

/** Header with the caller's own token for the JupyterHub. */
export const CALLER_TOKEN_HEADER = 'X-JupyterHub-Token';
/** The same as older clients send it, where proxies and browsers may keep it. */
const QUERY_NAME = 'jupyter_token';

/**
 * The caller's own token for the service that a method talks to; null when there is none. Throws `validation_failed` for
 * one that no header can carry, and for one in the query where the site does not accept that. It is told nowhere.
 */
export function callerToken(request: Request, isAcceptedInQuery: boolean): string | null {
  const inQuery = request.query[QUERY_NAME];
  if (inQuery !== undefined && !isAcceptedInQuery) {
    throw refused(QUERY_NAME, `is not accepted here: send the token in the header ${CALLER_TOKEN_HEADER}`);
  }
  const inHeader = request.get(CALLER_TOKEN_HEADER);
  const [field, token] = inHeader === undefined ? [QUERY_NAME, inQuery] : [CALLER_TOKEN_HEADER, inHeader];
  if (token === undefined) return null;
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token))
    throw refused(field, 'must be visible ASCII characters');
  return token;
}

function refused(field: string, message: string): AppError {
  return new AppError('validation_failed', `${field} ${message}.`, { errors: [{ field, message }] });
}
