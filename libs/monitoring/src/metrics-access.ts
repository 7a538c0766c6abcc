import { timingSafeEqual } from 'node:crypto';
import { isLoopback, type Settings } from '@app/core';

/** Who asks for the metrics of a process. */
export interface MetricsReader {
  /** Where the connection comes from. */
  address: string | undefined;
  /** True for what a proxy passes on, which is from elsewhere, wherever the proxy is. */
  isPassedOn: boolean;
  /** The header `Authorization`. */
  authorization: string | undefined;
}

/** Who may read metrics: without sign-in everybody, else this host and whoever has `METRICS_TOKEN`. */
export class MetricsAccess {
  private readonly isOpen: boolean;
  private readonly expected: string | undefined;

  constructor(settings: Settings) {
    const token = settings.get('METRICS_TOKEN');
    this.isOpen = settings.get('AUTH_MODE') === 'none';
    this.expected = token === undefined ? undefined : `Bearer ${token}`;
  }

  /** Whether the site has a token for it at all. */
  get hasToken(): boolean {
    return this.expected !== undefined;
  }

  allows(reader: MetricsReader): boolean {
    return this.isOpen || isFromThisHost(reader) || this.knowsToken(reader);
  }

  /** True for a reader that proves to know the token, with sign-in or without. */
  knowsToken({ authorization }: Pick<MetricsReader, 'authorization'>): boolean {
    return this.expected !== undefined && isSame(authorization ?? '', this.expected);
  }
}

function isFromThisHost({ address, isPassedOn }: MetricsReader): boolean {
  return !isPassedOn && isLoopback((address ?? '').replace(/^::ffff:/, ''));
}

/** In a time that tells nothing of where they differ. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
