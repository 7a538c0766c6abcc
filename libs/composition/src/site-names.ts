import { isLoopback, type Settings } from '@app/core';

/** Name and port of `Host` (RFC 9110, 7.2); an IPv6 address stands in brackets. */
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i;

/** By which names a site is asked. */
export interface SiteNameOptions {
  /** Names that `Host` may carry, without port; undefined: this host's loopback names and `names`. */
  allowedHosts: string[] | undefined;
  /** Names of the service itself: where it listens, and where users reach it. */
  names: string[];
}

/** What the settings say of names. */
export function siteNameOptions(settings: Settings): SiteNameOptions {
  const address = settings.get('PUBLIC_URL');
  return {
    allowedHosts: settings.get('ALLOWED_HOSTS'),
    names: [settings.get('HOST'), ...(address === undefined ? [] : [new URL(address).hostname])],
  };
}

/** The names by which a site may be asked: a page of another site that points its own name here knows none of them. */
export class SiteNames {
  private readonly names: Set<string>;

  constructor(private readonly options: SiteNameOptions) {
    this.names = new Set((options.allowedHosts ?? options.names).map(plainName));
  }

  /** True for a `Host` that carries one of them; false for one that is missing or malformed. */
  has(host: string | undefined): boolean {
    const name = nameOf(host);
    return this.names.has(name) || (this.options.allowedHosts === undefined && isLoopback(name));
  }
}

/** The name in a `Host` header, in lower case and without port and brackets; empty when it is malformed. */
export function nameOf(host: string | undefined): string {
  return plainName(HOST.exec(host ?? '')?.[1] ?? '');
}

function plainName(name: string): string {
  const [, bare] = HOST.exec(name) ?? [];
  return (bare ?? name).toLowerCase().replace(/^\[|\]$/g, '');
}
