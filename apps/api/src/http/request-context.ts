import { randomUUID } from 'node:crypto';
import { type RequestHandler, type Response } from 'express';

/** Ids of proxies that are taken over; others could break lines or fill the log. */
const PLAIN_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** Pages and their assets may be kept by browsers; what the API answers may not. */
const PAGES = /^\/(?:ui|docs)(?:\/|$)/;

/** Gives each request its id (the caller's `X-Request-Id` if it is a plain one) to each answer. */
export function requestContext(): RequestHandler {
  return (request, response, next) => {
    const given = request.headers['x-request-id'];
    response.setHeader('X-Request-Id', typeof given === 'string' && PLAIN_ID.test(given) ? given : randomUUID());
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

/** Header that names the operation of an answer. */
export const OPERATION_ID_HEADER = 'X-Operation-Id';
