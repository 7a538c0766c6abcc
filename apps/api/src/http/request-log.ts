import { type Request, type RequestHandler, type Response } from 'express';
import { traceFields } from '@app/core';
import { type AppLogger } from '@app/logging';
import { shownPath } from './problem';
import { OPERATION_ID_HEADER, requestIdOf, routeOf, traceParentOf } from './request-context';

/** Asked for again and again by machines and by the page, or what that is made of: they would drown the rest. */
const FREQUENT = /^\/(?:ping|metrics|config|health\/\w+|ui(?:\/.*)?)$/;
const MAX_PATH = 500;

/** Logs one line for each request when it has ended; never its query or body, which may hold secrets. */
export function requestLog(logger: AppLogger): RequestHandler {
  return (request, response, next) => {
    const begun = performance.now();
    response.once('close', () => {
      // What was mounted below a path sees the rest of it alone.
      const level = FREQUENT.test(request.baseUrl + request.path) ? 'debug' : 'info';
      const path = shownPath(request.originalUrl).slice(0, MAX_PATH);
      const duration = Math.round((performance.now() - begun) * 10) / 10;
      logger[level](`${request.method} ${path}`, { ...fieldsOf(request, response), duration_ms: duration });
    });
    next();
  };
}

function fieldsOf(request: Request, response: Response): Record<string, unknown> {
  const { code } = response.locals as { code?: string };
  return {
    status: response.statusCode,
    code,
    // The caller hung up before it had the whole answer.
    aborted: response.writableFinished ? undefined : true,
    route: routeOf(request),
    request_id: requestIdOf(response),
    ...traceFields(traceParentOf(response)),
    operation_id: response.getHeader(OPERATION_ID_HEADER),
    address: request.ip,
  };
}
