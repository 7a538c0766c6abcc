import { type Request, type RequestHandler, type Response } from 'express';
import { type Authenticator, type Caller } from '@app/auth';
import { AppError } from '@app/core';
import { isSafe } from '../http/request-context';

/** Scheme and token (RFC 6750, section 2.1); a token in an address or a body is not looked at. */
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i;

/** Who a request is from, or why that is not known. */
type SignIn = { caller: Caller } | { refusal: AppError };

const signIns = new WeakMap<Request, SignIn>();

/** Finds out who each request is from, and refuses nothing yet. */
export function authenticate(authenticator: Authenticator): RequestHandler {
  return (request, _response, next) => {
    signInOf(authenticator, request)
      .then((signIn) => {
        signIns.set(request, signIn);
        next();
      })
      .catch(next);
  };
}

/**
 * Refuses what is to change something and is from nobody who is known, before its body is read; of everything else the
 * route knows whether it is open. Throws as {@link callerOf} does.
 */
export function refuseStrangers(): RequestHandler {
  return (request, _response, next) => {
    if (!isSafe(request)) callerOf(request);
    next();
  };
}

async function signInOf(authenticator: Authenticator, request: Request): Promise<SignIn> {
  try {
    return { caller: await authenticator.callerWith(tokenOf(request)) };
  } catch (error) {
    return { refusal: AppError.from(error) };
  }
}

/** Undefined where nobody signed in; what is no bearer token at all is one that is not accepted. */
function tokenOf({ headers: { authorization } }: Request): string | undefined {
  return authorization === undefined ? undefined : (BEARER.exec(authorization)?.[1] ?? '');
}

/** Who a request is from. Throws `unauthorized`, `forbidden`, `auth_unavailable`. */
export function callerOf(request: Request): Caller {
  const signIn = signIns.get(request);
  if (!signIn) throw new Error('The request did not pass the authentication');
  if ('caller' in signIn) return signIn.caller;
  challenge(request, signIn.refusal, request.res!);
  throw signIn.refusal;
}

/** Tells how to sign in (RFC 6750, section 3): of a request that did not try, nothing is wrong with its token. */
function challenge({ headers }: Request, { code, message }: AppError, response: Response): void {
  if (code !== 'unauthorized') return;
  const fault = headers.authorization === undefined ? '' : `, error="invalid_token", error_description="${message}"`;
  response.setHeader('WWW-Authenticate', `Bearer realm="staging"${fault}`);
}

/** Who a request is from; null where that is not known, or nobody who is served. */
export function callerIfKnown(request: Request): Caller | null {
  const signIn = signIns.get(request);
  return signIn && 'caller' in signIn ? signIn.caller : null;
}
