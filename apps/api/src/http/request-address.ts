import { type RequestHandler } from 'express';
import { malformed } from './to-app-error';

/** Under this prefix everything is served a second time, for clients that name a version. */
export const VERSION_PREFIX = '/api/v1';

/** Other spellings of older clients. */
const ALIASES: Record<string, string> = {
  '/stage-data': '/stage_data',
  '/stage-data/batch': '/stage_data/batch',
  '/stage-data/plan': '/stage_data/plan',
};

/** These hold files, whose relative addresses depend on the slash. */
const FOLDERS = /^\/(?:ui|docs)\//;

/**
 * Brings the address of a request into the form in which routes know it: without the prefixes (the one that a proxy may
 * leave in place, then {@link VERSION_PREFIX}), without slashes at its end, by its present name. Throws
 * `validation_failed` for one that is no address, or not UTF-8 behind its percent signs.
 */
export function readAddress(publicPrefix: string): RequestHandler {
  const prefixes = [publicPrefix, VERSION_PREFIX].filter((prefix) => prefix !== '');
  return (request, _response, next) => {
    const { url } = request;
    if (!url.startsWith('/') || !isDecodable(url)) throw malformed('address', 'is malformed');
    const start = url.indexOf('?');
    const query = start < 0 ? '' : url.slice(start);
    const path = prefixes.reduce(withoutPrefix, start < 0 ? url : url.slice(0, start));
    const plain = FOLDERS.test(path) ? path : path.replace(/(?<!\/)\/+$/, '') || '/';
    request.url = (ALIASES[plain] ?? plain) + query;
    next();
  };
}

function isDecodable(url: string): boolean {
  try {
    decodeURIComponent(url);
    return true;
  } catch {
    return false;
  }
}

function withoutPrefix(path: string, prefix: string): string {
  if (path !== prefix && !path.startsWith(`${prefix}/`)) return path;
  return path.slice(prefix.length) || '/';
}
