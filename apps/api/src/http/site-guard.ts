import { type Request, type RequestHandler, type Response } from 'express';
import { AppError, isLoopback, type Settings } from '@app/core';
import { OPERATION_ID_HEADER } from './request-context';

/** Which names and origins a site answers to. */
export interface SiteOptions {
  /** Names that `Host` may carry, without port; undefined: this host's loopback names and `names`. */
  allowedHosts: string[] | undefined;
  /** Names of the service itself: where it listens, and where users reach it. */
  names: string[];
  /** Origins of other sites whose pages may call the service. */
  corsOrigins: string[];
  /** The origin under which users reach the service. */
  publicOrigin: string | undefined;
}

/** What pages of friends may read of an answer, and send with a request, beside what every page may. */
const EXPOSED = `${OPERATION_ID_HEADER}, X-Request-Id, Location, Retry-After, Preference-Applied, Content-Disposition, ETag, Accept-Ranges, Content-Range, Repr-Digest, WWW-Authenticate, RateLimit, RateLimit-Policy`;
const ACCEPTED =
  'Authorization, Content-Type, Accept, Prefer, Range, If-Range, If-None-Match, X-JupyterHub-Token, X-Request-Id, Idempotency-Key, Last-Event-ID';

const PREFLIGHT_SECONDS = '600';

/** Name and port of `Host` (RFC 9110, 7.2); an IPv6 address stands in brackets. */
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i;

/** What the settings say of names and origins. */
export function siteOptions(settings: Settings): SiteOptions {
  const address = settings.get('PUBLIC_URL');
  const publicUrl = address === undefined ? undefined : new URL(address);
  return {
    allowedHosts: settings.get('ALLOWED_HOSTS'),
    names: [settings.get('HOST'), ...(publicUrl ? [publicUrl.hostname] : [])],
    corsOrigins: settings.get('CORS_ORIGINS'),
    publicOrigin: publicUrl?.origin,
  };
}

/** By which names the site may be asked, and from whose pages. */
export class SiteRules {
  private readonly names: Set<string>;
  private readonly origins: Set<string | undefined>;
  private readonly friends: Set<string | undefined>;

  constructor(private readonly options: SiteOptions) {
    this.names = new Set((options.allowedHosts ?? options.names).map(plainName));
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
    const isOurs = hosts.every((host) => this.isAllowed(nameOf(host)));
    if (headerCount(request, 'host') > 1 || !isOurs) throw unknownHost();
    const { origin } = request.headers;
    if (origin === undefined) return null;
    const own = originOf(`${request.protocol}://${request.host}`);
    const asked = originOf(origin);
    if (asked === undefined || (asked !== own && !this.friends.has(asked))) throw foreignOrigin();
    return this.origins.has(asked) ? origin : null;
  }

  private isAllowed(name: string): boolean {
    return this.names.has(name) || (this.options.allowedHosts === undefined && isLoopback(name));
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

/** The name in a `Host` header, in lower case and without port and brackets; empty when it is malformed. */
function nameOf(host: string | undefined): string {
  return plainName(HOST.exec(host ?? '')?.[1] ?? '');
}

function plainName(name: string): string {
  const [, bare] = HOST.exec(name) ?? [];
  return (bare ?? name).toLowerCase().replace(/^\[|\]$/g, '');
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
