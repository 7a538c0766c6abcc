import { randomUUID } from 'node:crypto';
import { type Request, type RequestHandler, type Response } from 'express';
import { beginTrace, readTraceParent } from '@app/core';

/** Ids of proxies that are taken over; others could break lines or fill the log. */
const PLAIN_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** Pages and their assets may be kept by browsers; what the API answers may not. */
const PAGES = /^\/(?:ui|docs)(?:\/|$)/;

/** Header that tells the trace of a request (W3C Trace Context). */
export const TRACE_HEADER = 'traceparent';

/** Gives each request its trace, and its id (the caller's `X-Request-Id` if it is a plain one) to each answer. */
export function requestContext(): RequestHandler {
  return (request, response, next) => {
    const given = request.headers['x-request-id'];
    response.setHeader('X-Request-Id', typeof given === 'string' && PLAIN_ID.test(given) ? given : randomUUID());
    const locals = response.locals as Traced;
    locals.traceParent = readTraceParent(request.headers[TRACE_HEADER]) ?? beginTrace();
    next();
  };
}

/** Tells browsers and proxies not to keep answers of the API. Runs when prefixes of the path are gone. */
export function noStore(): RequestHandler {
  return (request, response, next) => {
    if (!PAGES.test(request.path)) response.setHeader('Cache-Control', 'no-store');
    next();
  };
}

/** The id of a request, for log lines. */
export function requestIdOf(response: Response): string {
  return String(response.getHeader('X-Request-Id'));
}

/** The trace that a request belongs to: its caller's, or one that began with it. */
export function traceParentOf(response: Response): string {
  return (response.locals as Traced).traceParent;
}

interface Traced {
  traceParent: string;
}

/** Methods that change nothing (RFC 9110, section 9.2.1). */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whether a request asks for nothing that changes anything. */
export function isSafe({ method }: Request): boolean {
  return SAFE_METHODS.has(method);
}

/** The route that a request came to, with its parameters by name; undefined where there is none for it. */
export function routeOf(request: Request): string | undefined {
  const { route } = request as { route?: { path?: unknown } };
  return typeof route?.path === 'string' ? route.path : undefined;
}

/** Header that names the operation of an answer. */
export const OPERATION_ID_HEADER = 'X-Operation-Id';
