import { type Request, type RequestHandler, type Response } from 'express';
import { type SiteNameOptions, siteNameOptions, SiteNames } from '@app/composition';
import { AppError, type Settings } from '@app/core';
import { OPERATION_ID_HEADER } from './request-context';

/** Which names and origins a site answers to. */
export interface SiteOptions extends SiteNameOptions {
  /** Origins of other sites whose pages may call the service. */
  corsOrigins: string[];
  /** The origin under which users reach the service. */
  publicOrigin: string | undefined;
}

/** What pages of friends may read of an answer, and send with a request, beside what every page may. */
const EXPOSED = `${OPERATION_ID_HEADER}, X-Request-Id, Location, Retry-After, Preference-Applied, Content-Disposition, ETag, Accept-Ranges, Content-Range, Repr-Digest, WWW-Authenticate, RateLimit, RateLimit-Policy`;
const ACCEPTED =
  'Authorization, Content-Type, Accept, Prefer, Range, If-Range, If-None-Match, X-JupyterHub-Token, X-Request-Id, Idempotency-Key, Last-Event-ID, traceparent';

const PREFLIGHT_SECONDS = '600';

/** What the settings say of names and origins. */
export function siteOptions(settings: Settings): SiteOptions {
  const address = settings.get('PUBLIC_URL');
  return {
    ...siteNameOptions(settings),
    corsOrigins: settings.get('CORS_ORIGINS'),
    publicOrigin: address === undefined ? undefined : new URL(address).origin,
  };
}

/** By which names the site may be asked, and from whose pages. */
export class SiteRules {
  private readonly names: SiteNames;
  private readonly origins: Set<string | undefined>;
  private readonly friends: Set<string | undefined>;

  constructor(options: SiteOptions) {
    this.names = new SiteNames(options);
    this.origins = new Set(options.corsOrigins.map(originOf));
    this.friends = new Set([...this.origins, originOf(options.publicOrigin)]);
  }

  /** True when pages of other sites may call the service, so that answers depend on who asks. */
  get hasFriends(): boolean {
    return this.origins.size > 0;
  }

  /**
   * Refuses a request for a name that is not the site's (a page of another site that points its own name here, "DNS
   * rebinding"), and one that a page of another site makes, whatever its method. Returns the origin of another site that
   * is allowed; null for all else that passes. Throws `forbidden`.
   */
  check(request: Request): string | null {
    // Behind a proxy that is trusted both its own name for us and the one that it was asked for count.
    const hosts = [request.headers.host, request.host];
    const isOurs = hosts.every((host) => this.names.has(host));
    if (headerCount(request, 'host') > 1 || !isOurs) throw unknownHost();
    const { origin } = request.headers;
    if (origin === undefined) return null;
    const own = originOf(`${request.protocol}://${request.host}`);
    const asked = originOf(origin);
    if (asked === undefined || (asked !== own && !this.friends.has(asked))) throw foreignOrigin();
    return this.origins.has(asked) ? origin : null;
  }
}

/** Lets requests pass that {@link SiteRules} allow, and tells browsers so. Throws `forbidden`. */
export function siteGuard(rules: SiteRules): RequestHandler {
  return (request, response, next) => {
    const friend = rules.check(request);
    if (rules.hasFriends) response.vary('Origin');
    if (friend === null) return next();
    allow(response, friend);
    if (request.method !== 'OPTIONS' || !request.headers['access-control-request-method']) return next();
    answerPreflight(response);
  };
}

/** The origin in its one spelling (RFC 6454); undefined for `null` and everything that is none. */
function originOf(text: string | undefined): string | undefined {
  if (text === undefined || !/^https?:\/\/[^/?#@\s]+$/i.test(text) || !URL.canParse(text)) return undefined;
  return new URL(text).origin;
}

function headerCount(request: Request, name: string): number {
  return request.rawHeaders.filter((header, index) => index % 2 === 0 && header.toLowerCase() === name).length;
}

function allow(response: Response, origin: string): void {
  response.setHeader('Access-Control-Allow-Origin', origin);
  response.setHeader('Access-Control-Expose-Headers', EXPOSED);
}

function answerPreflight(response: Response): void {
  response.setHeader('Access-Control-Allow-Methods', 'GET, HEAD, POST');
  response.setHeader('Access-Control-Allow-Headers', ACCEPTED);
  response.setHeader('Access-Control-Max-Age', PREFLIGHT_SECONDS);
  response.status(204).end();
}

function unknownHost(): AppError {
  return new AppError('forbidden', 'This name is not one of the service: the site lists its names in ALLOWED_HOSTS.');
}

function foreignOrigin(): AppError {
  return new AppError('forbidden', 'Pages of other sites may not call the service: the site lists those that may.');
}
