import { isIP } from 'node:net';
import { Injectable } from '@nestjs/common';
import { nameOf, siteNameOptions, SiteNames } from '@app/composition';
import { AppError, Settings } from '@app/core';
import { Metrics, MetricsAccess, type MetricsReader, Readiness } from '@app/monitoring';

/** What is asked for, and by whom. */
export interface WatchRequest extends MetricsReader {
  method: string;
  /** Without its query. */
  path: string;
  host: string | undefined;
  /** Of the page that asks; undefined: no page does. */
  origin: string | undefined;
}

/** An answer that is none of an error. */
export interface WatchAnswer {
  status: number;
  type: string;
  body: string;
}

type Page = (request: WatchRequest) => WatchAnswer | Promise<WatchAnswer>;

/** What those who watch a worker can ask it: whether it lives, whether it can work, and its metrics. */
@Injectable()
export class WatchPages {
  private readonly names: SiteNames;
  private readonly access: MetricsAccess;
  private readonly pages = new Map<string, Page>([
    ['/health/live', () => json(200, { status: 'up' })],
    ['/health/ready', () => this.ready()],
    ['/metrics', (request) => this.read(request)],
  ]);

  constructor(
    private readonly readiness: Readiness,
    private readonly metrics: Metrics,
    settings: Settings,
  ) {
    this.names = new SiteNames(siteNameOptions(settings));
    this.access = new MetricsAccess(settings);
  }

  /** Throws `not_found`, `method_not_allowed`, `unauthorized`, `forbidden`. */
  async answer(request: WatchRequest): Promise<WatchAnswer> {
    const page = this.pages.get(request.path);
    if (page === undefined) throw new AppError('not_found', 'There is nothing at this address.');
    if (!isRead(request.method)) throw new AppError('method_not_allowed', 'This address takes GET, HEAD only.');
    // A worker has no pages of its own that could ask.
    if (request.origin !== undefined) throw new AppError('forbidden', 'Pages of other sites may not call the service.');
    return page(request);
  }

  /**
   * Whatever name it is asked by: those who look after a cluster know a process by its address, and nothing of the site is
   * told but what is up and what is down.
   */
  private async ready(): Promise<WatchAnswer> {
    const report = await this.readiness.check();
    return json(report.status === 'up' ? 200 : 503, report);
  }

  private async read(request: WatchRequest): Promise<WatchAnswer> {
    this.checkReader(request);
    const { registry } = this.metrics;
    return { status: 200, type: registry.contentType, body: await registry.metrics() };
  }

  /**
   * Whoever knows the token is no page that points its own name here ("DNS rebinding"), and neither is who asks by an address
   * instead of a name: Prometheus may do both. All others have to know a name of the site, as at the API.
   */
  private checkReader(request: WatchRequest): void {
    if (this.access.knowsToken(request)) return;
    if (!this.names.has(request.host) && isIP(nameOf(request.host)) === 0) {
      throw new AppError(
        'forbidden',
        'This name is not one of the service: the site lists its names in ALLOWED_HOSTS.',
      );
    }
    if (this.access.allows(request)) return;
    if (this.access.hasToken) throw new AppError('unauthorized', 'The metrics need the METRICS_TOKEN of this site.');
    throw new AppError('forbidden', 'The metrics are told on this host only; METRICS_TOKEN opens them to others.');
  }
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

function json(status: number, value: unknown): WatchAnswer {
  return { status, type: 'application/json; charset=utf-8', body: JSON.stringify(value) };
}
