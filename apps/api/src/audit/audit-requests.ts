import { type Request, type RequestHandler, type Response } from 'express';
import { type ErrorCode } from '@app/core';
import { type AuditDecision, type AuditTrail, isOperationId, type NewAuditEntry } from '@app/records';
import { callerIfKnown } from '../auth/authentication';
import { isJsonObject } from '../http/json-object';
import { shownPath } from '../http/problem';
import { isSafe, OPERATION_ID_HEADER, requestIdOf, routeOf } from '../http/request-context';
import { isDenial } from './denials';

/** What is read by these hands data out. */
const HANDING_OUT = '/downloads/:token';
/** What is read by these tells of all users; whoever watches it asks again and again. */
const OVERVIEWS = new Set(['/logs', '/audit']);
/** Here a name is what is looked for, not for whom something is asked. */
const LISTS = new Set(['/operations', '/batches', '/audit']);

/** Fields of queries and bodies that tell what was asked for; nothing else of them is looked at. */
const ASKED = ['method', 'server', 'storage', 'path', 'local_path_on_storage', 'relative_path', 'filename'] as const;
/** Characters of each that are kept. */
const MAX_TEXT = 300;
const MAX_REQUEST = 255;

/**
 * Enters each request that changes something, hands data out or tells of all users into the audit when it has ended, and
 * each that was denied, whatever it was.
 */
export function auditRequests(trail: AuditTrail): RequestHandler {
  return (request, response, next) => {
    response.once('close', () => {
      const entry = entryOf(request, response);
      const route = routeOf(request) ?? '';
      const isOverview = OVERVIEWS.has(route) && isSafe(request);
      const isWatched = !isSafe(request) || route === HANDING_OUT || isOverview;
      const isCounted = entry.decision !== 'allowed' || isOverview;
      if (isWatched || entry.decision === 'denied') trail.add(entry, isCounted);
    });
    next();
  };
}

function entryOf(request: Request, response: Response): NewAuditEntry {
  const caller = callerIfKnown(request);
  const route = routeOf(request);
  const { code = null } = response.locals as { code?: ErrorCode };
  return {
    caller: caller?.identity ?? null,
    callerName: caller?.username ?? null,
    role: caller?.role ?? null,
    address: request.ip ?? null,
    request: `${request.method} ${route ?? shownPath(request.originalUrl)}`.slice(0, MAX_REQUEST),
    asked: askedOf(request),
    username: usernameOf(request, route),
    operationId: operationOf(request, response, route),
    batchId: batchOf(request, response, route),
    decision: decisionOf(response.statusCode, code, route),
    status: response.statusCode,
    code,
    requestId: requestIdOf(response),
  };
}

/** Another one's operation or batch is answered as one that is not there. */
function decisionOf(status: number, code: ErrorCode | null, route: string | undefined): AuditDecision {
  if (status < 400) return 'allowed';
  const isHidden = code === 'not_found' && /^\/(?:operations|batches)\/:id/.test(route ?? '');
  return isHidden || isDenial(code) ? 'denied' : 'failed';
}

function askedOf({ query, body }: Request): NewAuditEntry['asked'] {
  const sources = [query, body as unknown].filter(isJsonObject);
  const asked: Record<string, string> = {};
  for (const name of ASKED) {
    const value = sources.map((source) => source[name]).find((one) => typeof one === 'string');
    if (typeof value === 'string') asked[name] = shortened(value);
  }
  return Object.keys(asked).length > 0 ? asked : null;
}

/** No half character at the end, which has no UTF-8 form. */
function shortened(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT).toWellFormed()}…`;
}

/** For whom, where the request says so by a name that can be one. */
function usernameOf({ query, params }: Request, route: string | undefined): string | null {
  if (LISTS.has(route ?? '')) return null;
  const name: unknown = params.username ?? query.username;
  return typeof name === 'string' && name.length <= 64 ? name : null;
}

function operationOf({ params }: Request, response: Response, route: string | undefined): string | null {
  const told = response.getHeader(OPERATION_ID_HEADER) ?? (route?.startsWith('/operations/') ? params.id : undefined);
  return typeof told === 'string' && isOperationId(told) ? told : null;
}

function batchOf({ params }: Request, response: Response, route: string | undefined): string | null {
  const location = response.getHeader('Location');
  const made = typeof location === 'string' ? /\/batches\/([^/]+)$/.exec(location)?.[1] : undefined;
  const told = route?.startsWith('/batches/') ? params.id : made;
  return typeof told === 'string' && isOperationId(told) ? told : null;
}
