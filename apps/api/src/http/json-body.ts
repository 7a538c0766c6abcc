import { isUtf8 } from 'node:buffer';
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { type NestExpressApplication } from '@nestjs/platform-express';
import { type Request, type RequestHandler } from 'express';
import { isJsonObject, unwrapData } from './json-object';
import { malformed, tooLarge, unsupportedType } from './to-app-error';

const MIB = 1024 ** 2;

/** Where bodies are read, and how large they may be, in bytes. Elsewhere a body is not even looked at. */
const BODY_LIMITS: Record<string, number> = { '/stage_data': MIB, '/create-file': 2 * MIB };

/** The limit of bodies that are too large to be parsed at one go, in bytes: their routes read them as they arrive. */
export const STREAMED_LIMIT = 64 * MIB;
const STREAMED = new Set(['/stage_data/batch', '/stage_data/plan']);

const JSON_TYPE = /^application\/json *(?:;|$)/i;
const CHARSET = /; *charset *= *"?([^";]*)/i;

/**
 * Reads JSON bodies. Throws `unsupported_media_type`, `payload_too_large`, or `validation_failed` for what is not JSON
 * in UTF-8: bytes that are not would otherwise silently name another file.
 */
export function useJsonBodies(app: NestExpressApplication): void {
  app.use(checkHead());
  for (const limit of new Set(Object.values(BODY_LIMITS))) {
    app.useBodyParser('json', {
      limit,
      type: (request: IncomingMessage) => limitOf(request as Request) === limit,
      inflate: false,
      strict: false,
      verify: (_request: IncomingMessage, _response: ServerResponse, body: Buffer) => {
        if (!isUtf8(body)) throw malformed('body', 'is not UTF-8');
      },
    });
  }
  app.use(unwrap());
}

function limitOf(request: Request): number | undefined {
  if (request.method !== 'POST') return undefined;
  return STREAMED.has(request.path) ? STREAMED_LIMIT : BODY_LIMITS[request.path];
}

/** Refuses by its head what the parser would read to its end before it says no. */
function checkHead(): RequestHandler {
  return (request, _response, next) => {
    const limit = limitOf(request);
    const length = Number(request.headers['content-length'] ?? 0);
    if (limit === undefined || (length === 0 && request.headers['transfer-encoding'] === undefined)) return next();
    const type = request.headers['content-type'] ?? '';
    const charset = CHARSET.exec(type)?.[1];
    if (!JSON_TYPE.test(type) || (charset !== undefined && !/^utf-?8$/i.test(charset.trim()))) throw unsupportedType();
    // The parser says so itself of what it reads.
    if (limit === STREAMED_LIMIT && !/^(?:identity)?$/i.test(encodingOf(request))) throw unsupportedType();
    // The parser would take the parameters apart again, and trip over malformed ones.
    request.headers['content-type'] = 'application/json';
    if (length > limit) throw tooLarge(limit);
    next();
  };
}

function encodingOf(request: Request): string {
  return request.headers['content-encoding'] ?? '';
}

/** Older clients send the body as `{"data": {...}}`. */
function unwrap(): RequestHandler {
  return (request, _response, next) => {
    const body: unknown = request.body;
    if (request.path === '/stage_data' && isJsonObject(body)) request.body = unwrapData(body);
    next();
  };
}
